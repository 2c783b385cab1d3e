//! White space between the tokens of a JSON text. Nothing but white space is ever changed.

const STEP: &[u8] = b"  ";

/// Without any white space between tokens: one line.
pub fn compact(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let mut rest = json;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'"' => {
                let end = string_end(tail);
                out.push(b'"');
                out.extend_from_slice(&tail[..end]);
                rest = &tail[end..];
            }
            _ => out.push(*byte),
        }
    }
    out
}

/// One member or element a line, two spaces a level, and a line break at the end.
pub fn indent(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut rest = json;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'{' | b'[' => {
                out.push(*byte);
                rest = tail.trim_ascii_start();
                // An empty object or array stays on one line.
                if let [close @ (b'}' | b']'), after @ ..] = rest {
                    out.push(*close);
                    rest = after;
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(*byte);
            }
            b',' => {
                out.push(b',');
                line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            b'"' => {
                let end = string_end(tail);
                out.push(b'"');
                out.extend_from_slice(&tail[..end]);
                rest = &tail[end..];
            }
            _ => out.push(*byte),
        }
    }
    out.push(b'\n');
    out
}

fn line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    for _ in 0..depth {
        out.extend_from_slice(STEP);
    }
}

/// Where a string ends, its closing quote included; the opening one is already gone.
fn string_end(text: &[u8]) -> usize {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn only_white_space_changes(json in any_json()) {
            let plain = json.to_string().into_bytes();
            let pretty = indent(&plain);
            prop_assert_eq!(&compact(&pretty), &plain);
            prop_assert_eq!(indent(&pretty), pretty);
        }

        #[test]
        fn no_bytes_at_all_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            indent(&bytes);
            compact(&bytes);
        }
    }

    #[test]
    fn laid_out_as_people_expect() {
        let json = json!({"a": [1, "x\"y\\"], "b": {}, "c": []}).to_string();
        let pretty = "{\n  \"a\": [\n    1,\n    \"x\\\"y\\\\\"\n  ],\n  \"b\": {},\n  \"c\": []\n}\n";
        assert_eq!(String::from_utf8(indent(json.as_bytes())).expect("UTF-8"), pretty);
    }
}

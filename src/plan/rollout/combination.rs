use mprov_sdk::Value;
use mprov_state::Combination;

use crate::config::RolloutBlock;
use crate::plan::evaluator::{Evaluator, ModuleId};

/// What a generation is made from, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Made {
    pub combination: Combination,
    /// Parts that only the apply can tell.
    pub unknown: Vec<String>,
}

/// The module's own text.
const MODULE: &str = "module";
/// All inputs that do not make a generation by themselves.
const CONFIGURATION: &str = "configuration";

/// The combination of a module instance: its text, each input named in `on`, and all other inputs.
pub fn combination(evaluator: &Evaluator, module: ModuleId, rollout: &RolloutBlock) -> Made {
    let tree = evaluator.modules[module].tree;
    let mut made = Made::default();
    made.combination.insert(MODULE.to_owned(), evaluator.tree.digest(tree));
    let mut others = blake3::Hasher::new();
    let mut others_known = true;
    for name in evaluator.tree.module(tree).variables.keys() {
        let value = evaluator.variable(module, name).unwrap_or(Value::Null);
        if rollout.on.iter().any(|(on, _)| on == name) {
            match value.is_wholly_known() {
                true => drop(made.combination.insert(name.to_string(), digest(&value))),
                false => made.unknown.push(name.to_string()),
            }
            continue;
        }
        others_known &= value.is_wholly_known();
        text(&mut others, name);
        add(&mut others, &value);
    }
    match others_known {
        true => drop(made.combination.insert(CONFIGURATION.to_owned(), short(&others))),
        false => made.unknown.push(CONFIGURATION.to_owned()),
    }
    made
}

/// Names of the parts in which two combinations differ.
pub fn differences(a: &Combination, b: &Combination) -> Vec<String> {
    let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
    names.filter(|name| a.get(*name) != b.get(*name)).cloned().collect()
}

fn digest(value: &Value) -> String {
    let mut hasher = blake3::Hasher::new();
    add(&mut hasher, value);
    short(&hasher)
}

fn short(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex()[..16].to_owned()
}

/// A secret leaves no trace in it: the digest of one that can be guessed tells it.
fn add(hasher: &mut blake3::Hasher, value: &Value) {
    match value {
        Value::Null => tag(hasher, b'0', 0),
        Value::Bool(flag) => tag(hasher, b'b', usize::from(*flag)),
        Value::Number(number) => {
            tag(hasher, b'n', 0);
            text(hasher, &number.to_string());
        }
        Value::String(string) => {
            tag(hasher, b's', 0);
            text(hasher, string);
        }
        Value::List(items) | Value::Set(items) | Value::Tuple(items) => {
            tag(hasher, b'l', items.len());
            items.iter().for_each(|item| add(hasher, item));
        }
        Value::Map(entries) | Value::Object(entries) => {
            tag(hasher, b'o', entries.len());
            for (name, value) in entries.iter() {
                text(hasher, name);
                add(hasher, value);
            }
        }
        Value::Unknown(_) => tag(hasher, b'u', 0),
        Value::Sensitive(_) => tag(hasher, b'x', 0),
    }
}

fn tag(hasher: &mut blake3::Hasher, kind: u8, count: usize) {
    hasher.update(&[kind]).update(&(count as u64).to_le_bytes());
}

fn text(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_leave_no_trace_and_everything_else_does() {
        let object = |password: &str, release: &str| {
            Value::object([
                ("password", Value::from(password).sensitive()),
                ("release", Value::from(release)),
            ])
        };
        assert_eq!(digest(&object("a", "5.0")), digest(&object("b", "5.0")));
        assert_ne!(digest(&object("a", "5.0")), digest(&object("a", "5.1")));
        assert_ne!(digest(&Value::list(["ab".into()])), digest(&Value::list(["a".into(), "b".into()])));
    }

    #[test]
    fn what_differs_is_named() {
        let of = |parts: &[(&str, &str)]| -> Combination {
            parts.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let (a, b) = (of(&[("image", "1"), ("release", "x")]), of(&[("image", "2"), ("release", "x")]));
        assert_eq!(differences(&a, &b), ["image"]);
        assert_eq!(differences(&a, &of(&[("image", "1")])), ["release"]);
        assert!(differences(&a, &a).is_empty());
    }
}

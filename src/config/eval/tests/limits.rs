use super::{check, expr, result};
use crate::config::eval::{constant, references};

#[test]
fn bombs_are_refused() {
    check(&[
        ("range(1000000000)", "MP1210"),
        ("[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : c]]]", "MP1210"),
        ("setproduct(range(1000), range(1000), range(1000))", "MP1210"),
        ("format(\"%999999999d\", 1)", "MP1206"),
        ("indent(100000000, \"a\\nb\\nc\")", "MP1210"),
        ("pow(10, 100000000)", "MP1210"),
        ("9 * pow(10, 3900) * pow(10, 3900) * pow(10, 3900)", "MP1207"),
        (
            "replace(replace(join(\"\", range(20000)), \"/./\", join(\"\", range(20000))), \"1\", \"2\")",
            "MP1210",
        ),
        ("flatten([for i in range(2000) : range(1000)])", "MP1210"),
        ("concat([for i in range(20) : range(100000)]...)", "MP1210"),
        ("try(range(1000000000), 1)", "MP1210"),
        ("can([for a in range(2000) : range(1000)])", "MP1210"),
    ]);
}

#[test]
fn text_that_grows_by_shared_parts_is_refused() {
    let doubled = "[for a in [join(\"\", range(100000))] : \"${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}\"]";
    let text = format!("[for x in range(100) : {doubled}]");
    assert_eq!(result(&text), "MP1210");
}

/// A small value that is shared many times is a large value.
#[test]
fn values_are_measured_as_a_whole() {
    let mut text = "range(10)".to_owned();
    for level in 0..6 {
        text = format!(
            "[for v{level} in [{text}] : [v{level}, v{level}, v{level}, v{level}, v{level}, v{level}, v{level}, v{level}, v{level}, v{level}]]"
        );
    }
    assert_eq!(result(&text), "MP1210");
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = |open: &str, inner: &str, close: &str, n: usize| {
        format!("{}{inner}{}", open.repeat(n), close.repeat(n))
    };
    for text in [
        deep("[", "1", "]", 60),
        deep("(", "1", ")", 60),
        deep("{a=", "1", "}", 60),
        deep("upper(", "\"a\"", ")", 60),
        deep("true ? ", "1", " : 1", 30),
        deep("[for x in [1] : ", "x", "]", 30),
        deep("\"${", "1", "}\"", 30),
        format!("1{}", " + 1".repeat(120)),
        deep("-", "1", "", 60),
    ] {
        // On a small stack, as threads of a pool have.
        let done = std::thread::Builder::new().stack_size(512 * 1024).spawn(move || {
            // The parser needs a deeper stack than the evaluation.
            let node = stacker::grow(64 << 20, || hcl_edit::parser::parse_expr(&text));
            let Ok(node) = node else { return };
            let expr = crate::config::Expr::new(node, mprov_sdk::SourceId(0), 0);
            let _ = constant(&expr);
            let _ = references(&expr);
        });
        done.expect("a thread").join().expect("no overflow");
    }
}

#[test]
fn large_but_reasonable_values_are_fine() {
    assert!(constant(&expr("sum([for i in range(100000) : i])")).is_ok());
    assert!(constant(&expr("length(join(\",\", range(100000)))")).is_ok());
}

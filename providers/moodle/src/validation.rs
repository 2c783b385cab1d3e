use mprov_sdk::{Diagnostic, Diagnostics, Object};

use crate::duration;

/// A refused attribute.
pub fn refuse(attribute: &str, summary: impl Into<String>, detail: impl Into<String>) -> Diagnostic {
    Diagnostic::error(5001, summary).detail(detail).address(attribute)
}

/// An attribute that is accepted, but probably not meant so.
pub fn doubt(attribute: &str, summary: impl Into<String>, detail: impl Into<String>) -> Diagnostic {
    Diagnostic::warning(5002, summary).detail(detail).address(attribute)
}

/// The check holds for the attribute, as far as its value is known and there is one.
pub fn require(
    found: &mut Diagnostics,
    config: &Object,
    attribute: &str,
    holds: impl Fn(&str) -> bool,
    summary: &str,
    detail: &str,
) {
    if config[attribute].as_str().is_some_and(|value| !holds(value)) {
        found.push(refuse(attribute, summary, detail));
    }
}

pub fn container(found: &mut Diagnostics, config: &Object) {
    require(
        found,
        config,
        "container",
        is_container,
        "not the name of a container",
        "Give the name or id of the container that runs the site's code, as in docker_container.web.name.",
    );
}

/// Settings of `wait_timeout` and the like.
pub fn time(found: &mut Diagnostics, config: &Object, attribute: &str) {
    let detail = "Write a number of seconds or units: 90, 10m, 1h30m.";
    require(found, config, attribute, |v| duration::parse(v).is_some(), "not a time", detail);
}

pub fn is_container(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// Good enough to catch typing errors; Moodle has the last word.
pub fn is_email(text: &str) -> bool {
    let plain = |t: &str| !t.is_empty() && !t.contains(|c: char| c.is_whitespace() || "<>,;@".contains(c));
    text.split_once('@').is_some_and(|(name, host)| {
        plain(name) && plain(host) && !host.starts_with('.') && !host.ends_with('.')
    })
}

/// User names of Moodle without "extended characters".
pub fn is_user_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 100
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.@".contains(c))
}

/// `en`, `pt_br`, `de_kids`.
pub fn is_language(text: &str) -> bool {
    let part = |p: &str| !p.is_empty() && p.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.len() >= 2 && text.split('_').all(part)
}

/// What Moodle's password policy, as it is after an installation, misses in it.
pub fn missing_in_password(password: &str) -> Vec<&'static str> {
    let has = |test: fn(char) -> bool| password.chars().any(test);
    [
        (password.chars().count() >= 8, "8 characters"),
        (has(|c| c.is_lowercase()), "a lower case letter"),
        (has(|c| c.is_uppercase()), "an upper case letter"),
        (has(|c| c.is_numeric()), "a digit"),
        (has(|c| !c.is_alphanumeric()), "a character that is neither"),
    ]
    .into_iter()
    .filter_map(|(there, what)| (!there).then_some(what))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names() {
        for text in ["a@b.example", "a.b+c@localhost"] {
            assert!(is_email(text), "{text}");
        }
        for text in ["", "a", "@b", "a@", "a b@c", "a@b@c", "a@.b", "A <a@b>"] {
            assert!(!is_email(text), "{text}");
        }
        assert!(
            is_user_name("admin.1@x") && !is_user_name("Admin") && !is_user_name("") && !is_user_name("a b")
        );
        assert!(
            is_language("en")
                && is_language("pt_br")
                && !is_language("EN")
                && !is_language("e")
                && !is_language("de_")
        );
        assert!(is_container("site-web") && !is_container("-x") && !is_container("a b") && !is_container(""));
    }

    #[test]
    fn weak_passwords_are_told_why() {
        assert!(missing_in_password("Aa1-aaaa").is_empty());
        assert_eq!(
            missing_in_password("aaaaaaaa"),
            ["an upper case letter", "a digit", "a character that is neither"]
        );
    }
}

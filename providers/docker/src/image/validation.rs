use mprov_sdk::{Diagnostics, Object};

use crate::validation::{CONTRADICTION, EXCLUSIVE, MALFORMED, RESERVED_LABEL, error, refuse_secret};

const SOURCES: [&str; 4] = ["pull", "build", "archive", "rootfs"];
const IN_HISTORY: &str = "Build arguments, labels and Dockerfiles stay readable in the image's history. Give the \
                          secret to the container instead: docker_container has \"secret\" blocks.";

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    let given: Vec<&str> = SOURCES.into_iter().filter(|name| !config.get(name).is_null()).collect();
    if given.len() != 1 {
        let summary = match given.as_slice() {
            [] => "the image has no source".to_owned(),
            many => format!("the image has several sources: {}", many.join(", ")),
        };
        found.push(error(
            EXCLUSIVE,
            given.get(1).copied().unwrap_or("name"),
            summary,
            "Give exactly one of \"pull\", \"build\", \"archive\" and \"rootfs\".",
        ));
    }
    if !config.get("changes").is_null() && config.get("rootfs").is_null() {
        found.push(error(
            CONTRADICTION,
            "changes",
            "\"changes\" belongs to \"rootfs\"",
            "For a built image, write these lines into its Dockerfile.",
        ));
    }
    for name in ["build", "changes"] {
        refuse_secret(&mut found, name, config.get(name), IN_HISTORY);
    }
    if let Some(name) = config.get("name").as_str()
        && !is_tag(name)
    {
        found.push(error(
            MALFORMED,
            "name",
            format!("\"{name}\" is no tag for an image"),
            "Write lower-case letters, digits, \".\", \"_\", \"-\" and \"/\", then perhaps \":\" and a version: \
             \"site/web:5.0\".",
        ));
    }
    if let Some(build) = config.get("build").as_object() {
        check_build(&mut found, build);
    }
    found
}

fn check_build(found: &mut Diagnostics, build: &Object) {
    if build.get("context").is_null() && build.get("dockerfile_content").is_null() {
        found.push(error(
            EXCLUSIVE,
            "build",
            "there is nothing to build from",
            "Give \"context\", a folder with a Dockerfile, or \"dockerfile_content\", or both.",
        ));
    }
    if !build.get("dockerfile").is_null() && !build.get("dockerfile_content").is_null() {
        found.push(error(
            EXCLUSIVE,
            "build",
            "\"dockerfile\" and \"dockerfile_content\" exclude each other",
            "Keep the path, or the text.",
        ));
    }
    let labels = build.get("labels").as_object();
    let reserved = labels.and_then(|l| l.keys().find(|name| name.starts_with(crate::labels::RESERVED)));
    if let Some(label) = reserved {
        found.push(error(
            RESERVED_LABEL,
            "build",
            format!("label \"{label}\" belongs to mprov"),
            "Choose another name.",
        ));
    }
}

/// A repository path with perhaps a registry and a tag; no digest, which nobody can set.
fn is_tag(name: &str) -> bool {
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (name, None),
    };
    let is_path = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/:".contains(c);
    let is_version = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let parts_are_full = path.split('/').all(|part| !part.is_empty());
    parts_are_full
        && path.chars().all(is_path)
        && tag.is_none_or(|t| !t.is_empty() && t.chars().all(is_version))
}

#[cfg(test)]
mod tests {
    use mprov_sdk::Value;

    use super::*;

    fn codes(config: &Object) -> Vec<u16> {
        validate(config).iter().map(|d| d.code.0).collect()
    }

    #[test]
    fn there_is_exactly_one_source() {
        let named = Object::new().with("name", "a:1");
        assert_eq!(codes(&named), [EXCLUSIVE]);
        assert_eq!(codes(&named.clone().with("pull", "debian:12").with("archive", "x.tar")), [EXCLUSIVE]);
        assert!(codes(&named.clone().with("pull", "debian:12")).is_empty());
        assert_eq!(codes(&named.with("pull", "debian:12").with("changes", Value::list([]))), [CONTRADICTION]);
    }

    #[test]
    fn secrets_are_no_build_arguments() {
        let args = Value::map([("PASSWORD", Value::from("hunter2").sensitive())]);
        let build = Value::object([("context", "web".into()), ("args", args)]);
        let config = Object::new().with("name", "a:1").with("build", build);
        assert_eq!(codes(&config), [crate::validation::SECRET_IN_CLEAR]);
    }

    #[test]
    fn tags_are_checked() {
        for tag in ["web", "site/web:5.0.6", "localhost:5000/web:v1", "a-b/c_d:X"] {
            assert!(is_tag(tag), "{tag}");
        }
        for tag in ["", "Web", "web:", "web:a b", "/web", "web@sha256:00", "web:1/"] {
            assert!(!is_tag(tag), "{tag}");
        }
    }
}

use std::collections::BTreeSet;

use mprov_sdk::{Diagnostics, Object, Value};

use super::files::{SECRETS_FOLDER, is_below, mounted_folders, secret_path};
use super::limits::parse_restart;
use crate::validation::{
    CONTRADICTION, EXCLUSIVE, MALFORMED, check_labels, check_text, error, refuse_secret,
};
use crate::{duration, mode, size};

const SIZES: &str = "Write a number of bytes, or a number with a unit, as in \"512m\" or \"2g\".";
const TIMES: &str = "Write seconds, or times with units, as in \"90s\", \"1m30s\" or \"500ms\".";
const MODES: &str = "Write permission bits in octal, as in \"0640\".";
const USE_SECRET: &str = "Give it to the container as a file: secret { name = \"…\" content = … } puts it below \
                          /run/secrets, where the process can read it.";

/// Attributes that mprov keeps to itself; all others go to Docker, which shows them.
const NEVER_SENT: [&str; 3] = ["secret", "restart_triggers", "wait_timeout"];

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    check_labels(&mut found, config);
    for (name, value) in config {
        if !NEVER_SENT.contains(&&**name) {
            refuse_secret(&mut found, name, value, USE_SECRET);
        }
    }
    check_limits(&mut found, config);
    check_life(&mut found, config);
    check_mounts(&mut found, config);
    check_files(&mut found, config);
    check_secrets(&mut found, config);
    check_connections(&mut found, config);
    found
}

fn blocks<'a>(config: &'a Object, name: &str) -> impl Iterator<Item = &'a Object> {
    config.get(name).as_elements().unwrap_or_default().iter().filter_map(Value::as_object)
}

fn check_limits(found: &mut Diagnostics, config: &Object) {
    for name in ["memory", "memory_swap", "shm_size"] {
        check_text(found, name, config.get(name), size::parse, SIZES);
    }
    let (memory, swap) = (config.get("memory"), config.get("memory_swap"));
    if !swap.is_null() && memory.is_null() {
        found.push(error(
            CONTRADICTION,
            "memory_swap",
            "\"memory_swap\" needs \"memory\"",
            "It limits memory and swap together: set \"memory\" too.",
        ));
    }
    let bytes = |value: &Value| value.as_str().and_then(size::parse);
    if let (Some(memory), Some(swap)) = (bytes(memory), bytes(swap))
        && swap != -1
        && swap < memory
    {
        found.push(error(
            CONTRADICTION,
            "memory_swap",
            "\"memory_swap\" is less than \"memory\"",
            "It is the limit of both together: make it at least as large as \"memory\", or \"-1\".",
        ));
    }
}

fn check_life(found: &mut Diagnostics, config: &Object) {
    let policies = "It is one of no, always, unless-stopped, on-failure, on-failure:<times>.";
    check_text(found, "restart", config.get("restart"), parse_restart, policies);
    check_text(found, "wait_timeout", config.get("wait_timeout"), duration::parse, TIMES);
    let restart = config.get("restart").as_str().unwrap_or("no");
    if config.get("must_run").as_bool() == Some(false) && matches!(restart, "always" | "unless-stopped") {
        found.push(error(
            CONTRADICTION,
            "restart",
            format!("restart = \"{restart}\" contradicts must_run = false"),
            "A container that runs once to its end must not be restarted by Docker: leave \"restart\" out.",
        ));
    }
    let Some(check) = config.get("healthcheck").as_object() else { return };
    for name in ["interval", "timeout", "start_period"] {
        check_text(found, "healthcheck", check.get(name), duration::parse, TIMES);
    }
    let first = check.get("test").as_elements().map(<[Value]>::first);
    let is_test = match first {
        Some(Some(word)) => word.as_str().is_none_or(|w| matches!(w, "CMD" | "CMD-SHELL" | "NONE")),
        Some(None) => false,
        None => true,
    };
    if !is_test {
        found.push(error(
            MALFORMED,
            "healthcheck",
            "\"test\" says not how to run it",
            "Begin it with \"CMD\" (program and arguments), \"CMD-SHELL\" (one line for the shell) or \"NONE\".",
        ));
    }
}

fn check_mounts(found: &mut Diagnostics, config: &Object) {
    let mut targets = BTreeSet::new();
    for mount in blocks(config, "mount") {
        let kind = mount.get("type").as_str().unwrap_or("volume");
        let source = mount.get("source").as_str();
        if !matches!(kind, "bind" | "volume" | "tmpfs") {
            found.push(error(
                MALFORMED,
                "mount",
                format!("\"{kind}\" is no type of mount"),
                "It is \"volume\", \"bind\" or \"tmpfs\".",
            ));
        }
        let is_unknown = mount.get("source").is_unknown();
        if kind == "bind" && !is_unknown && !source.is_some_and(|s| s.starts_with('/')) {
            found.push(error(
                MALFORMED,
                "mount",
                "a bind mount needs an absolute path as \"source\"",
                "It is a path of the engine's machine, for example \"/srv/moodledata\" or a host_directory's path.",
            ));
        }
        if kind == "tmpfs" && source.is_some() {
            found.push(error(CONTRADICTION, "mount", "a tmpfs mount has no \"source\"", "Leave it out."));
        }
        check_text(found, "mount", mount.get("size"), size::parse, SIZES);
        check_text(found, "mount", mount.get("mode"), mode::parse, MODES);
        let Some(target) = mount.get("target").as_str() else { continue };
        check_absolute(found, "mount", target);
        if !targets.insert(target.trim_end_matches('/').to_owned()) {
            found.push(error(
                CONTRADICTION,
                "mount",
                format!("two mounts have the target {target}"),
                "Only one can be there: give them different targets.",
            ));
        }
    }
}

fn check_absolute(found: &mut Diagnostics, attribute: &str, path: &str) {
    let is_clean = path.starts_with('/') && !path.split('/').any(|part| part == "..");
    if !is_clean {
        found.push(error(
            MALFORMED,
            attribute,
            format!("\"{path}\" is no absolute path"),
            "Paths inside a container begin with \"/\" and hold no \"..\".",
        ));
    }
}

fn check_files(found: &mut Diagnostics, config: &Object) {
    let is_read_only = config.get("read_only").as_bool() == Some(true);
    let in_memory: Vec<String> = blocks(config, "mount")
        .filter(|m| m.get("type").as_str() == Some("tmpfs"))
        .filter_map(|m| m.get("target").as_str().map(str::to_owned))
        .chain(config.get("tmpfs").as_object().into_iter().flat_map(|t| t.keys()).map(|k| k.to_string()))
        .collect();
    let mounted = mounted_folders(config).ok();
    for file in blocks(config, "file") {
        check_text(found, "file", file.get("mode"), mode::parse, MODES);
        let Some(path) = file.get("path").as_str() else { continue };
        check_absolute(found, "file", path);
        if in_memory.iter().any(|folder| is_below(path, folder)) {
            found.push(error(
                CONTRADICTION,
                "file",
                format!("{path} would lie on a file system in memory"),
                "It is empty at every start. Put the file elsewhere.",
            ));
        }
        let is_on_mount = mounted.as_ref().is_none_or(|m| m.iter().any(|folder| is_below(path, folder)));
        if is_read_only && !is_on_mount {
            found.push(error(
                CONTRADICTION,
                "file",
                format!("{path} cannot be written: the root file system is read-only"),
                "Put the file into the image, onto a mounted volume, or into a \"secret\" block.",
            ));
        }
        if is_below(path, SECRETS_FOLDER) && !config.get("secret").is_null() {
            found.push(error(
                CONTRADICTION,
                "file",
                format!("{path} would lie among the secrets"),
                "Write it as a \"secret\" block, or put it elsewhere.",
            ));
        }
    }
}

fn check_secrets(found: &mut Diagnostics, config: &Object) {
    let mut paths = BTreeSet::new();
    for secret in blocks(config, "secret") {
        check_text(found, "secret", secret.get("mode"), mode::parse, MODES);
        let (name, path) = (secret.get("name"), secret.get("path"));
        if name.is_null() == path.is_null() {
            found.push(error(
                EXCLUSIVE,
                "secret",
                "a secret has either \"name\" or \"path\"",
                "\"name\" puts it at /run/secrets/<name>; \"path\" is the whole path, below /run/secrets.",
            ));
            continue;
        }
        let path = path.as_str().map(str::to_owned).or_else(|| name.as_str().map(secret_path));
        let Some(path) = path else { continue };
        check_absolute(found, "secret", &path);
        if !is_below(&path, SECRETS_FOLDER) {
            found.push(error(
                MALFORMED,
                "secret",
                format!("{path} does not lie below {SECRETS_FOLDER}"),
                "Secrets have a volume of their own, mounted there.",
            ));
        }
        if !paths.insert(path.clone()) {
            found.push(error(CONTRADICTION, "secret", format!("two secrets are at {path}"), "Keep one."));
        }
    }
}

fn check_connections(found: &mut Diagnostics, config: &Object) {
    if !config.get("network_mode").is_null() && blocks(config, "network").next().is_some() {
        found.push(error(
            EXCLUSIVE,
            "network_mode",
            "\"network_mode\" and \"network\" exclude each other",
            "Keep the network blocks, or the mode.",
        ));
    }
    let mut taken = BTreeSet::new();
    for port in blocks(config, "port") {
        for name in ["internal", "external"] {
            let number = port.get(name).as_number().map(|n| n.as_i64());
            if number.is_some_and(|n| !n.is_some_and(|n| (1..=65535).contains(&n))) {
                found.push(error(
                    MALFORMED,
                    "port",
                    format!("\"{name}\" is no port number"),
                    "Ports are whole numbers from 1 to 65535. Leave \"external\" out to let Docker choose.",
                ));
            }
        }
        let protocol = port.get("protocol").as_str().unwrap_or("tcp");
        if !matches!(protocol, "tcp" | "udp" | "sctp") {
            found.push(error(
                MALFORMED,
                "port",
                format!("\"{protocol}\" is no protocol"),
                "It is tcp, udp or sctp.",
            ));
        }
        let external = port.get("external").as_i64();
        let ip = port.get("ip").as_str().map(str::to_owned);
        if let Some(external) = external
            && !taken.insert((ip, external, protocol.to_owned()))
        {
            found.push(error(
                CONTRADICTION,
                "port",
                format!("port {external} is published twice"),
                "Each address and port can lead to one place only.",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use mprov_sdk::Type;

    use super::*;

    fn codes(config: &Object) -> Vec<u16> {
        validate(config).iter().map(|d| d.code.0).collect()
    }

    fn block(name: &'static str, fields: &[(&'static str, Value)]) -> Object {
        Object::new().with(name, Value::list([Value::object(fields.iter().cloned())]))
    }

    #[test]
    fn secrets_are_refused_where_docker_shows_them_and_never_quoted() {
        let secret = Value::from("hunter2").sensitive();
        for name in ["env", "labels", "log_opts"] {
            let config = Object::new().with(name, Value::map([("A", secret.clone())]));
            let found = validate(&config);
            assert!(found.has_errors(), "{name}");
            assert!(!format!("{found:?}").contains("hunter2"));
        }
        let file = block("file", &[("path", "/x".into()), ("content", secret.clone())]);
        assert_eq!(codes(&file), [5021]);
        let right =
            block("secret", &[("name", "db".into()), ("content", secret.clone()), ("mode", "0400".into())]);
        assert!(codes(&right).is_empty());
        let trigger = Object::new().with("restart_triggers", Value::map([("db", secret)]));
        assert!(codes(&trigger).is_empty());
    }

    #[test]
    fn malformed_values_are_named() {
        for config in [
            Object::new().with("memory", "lots"),
            Object::new().with("restart", "sometimes"),
            Object::new().with("wait_timeout", "soon"),
            block("mount", &[("type", "bind".into()), ("source", "data".into()), ("target", "/d".into())]),
            block("mount", &[("type", "bind".into()), ("source", "".into()), ("target", "/d".into())]),
            block("mount", &[("type", "nfs".into()), ("target", "/d".into())]),
            block("mount", &[("type", "volume".into()), ("target", "d".into())]),
            block("file", &[("path", "/a/../b".into())]),
            block("file", &[("path", "/a".into()), ("mode", "rw".into())]),
            block("secret", &[("path", "/etc/passwd".into())]),
            block("secret", &[("name", "../x".into())]),
            block("port", &[("internal", 0.into())]),
            block("port", &[("internal", 80.into()), ("external", 70_000.into())]),
            Object::new().with("healthcheck", Value::object([("test", Value::list(["curl".into()]))])),
        ] {
            assert_eq!(codes(&config).first(), Some(&MALFORMED), "{config:?}");
        }
    }

    #[test]
    fn contradictions_are_named() {
        for config in [
            Object::new().with("memory_swap", "1g"),
            Object::new().with("memory", "1g").with("memory_swap", "512m"),
            Object::new().with("must_run", false).with("restart", "always"),
            block("file", &[("path", "/etc/x".into())]).with("read_only", true),
            block("file", &[("path", "/tmp/x".into())]).with("tmpfs", Value::map([("/tmp", "".into())])),
        ] {
            assert_eq!(codes(&config), [CONTRADICTION], "{config:?}");
        }
        let both = block("network", &[("name", "n".into())]).with("network_mode", "host");
        assert_eq!(codes(&both), [EXCLUSIVE]);
    }

    #[test]
    fn what_is_not_known_yet_is_left_alone() {
        let unknown = || Value::unknown(Type::String);
        let config =
            block("mount", &[("type", "bind".into()), ("source", unknown()), ("target", "/d".into())])
                .with("memory", unknown())
                .with("restart", unknown())
                .with("env", Value::unknown(Type::map(Type::String)))
                .with("file", Value::unknown(Type::list(Type::Any)));
        assert!(codes(&config).is_empty());
    }
}

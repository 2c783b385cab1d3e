use std::collections::{BTreeMap, HashMap};

use bollard::models::{ContainerInspectResponse, HealthConfig, HostConfig, ImageConfig, ImageInspect, Mount};
use mprov_sdk::{Object, Value};

use super::observe;
use crate::{labels, size};

/// The attributes of a container that mprov did not make. What the container has from its image
/// is left out, as a configuration would. Its files cannot be told from the image's.
pub fn attributes(inspect: &ContainerInspectResponse, image: &ImageInspect) -> Object {
    let config = inspect.config.clone().unwrap_or_default();
    let host = inspect.host_config.clone().unwrap_or_default();
    let base = image.config.clone().unwrap_or_default();
    let id = inspect.id.as_deref().unwrap_or_default();
    let reference = config.image.clone().filter(|i| !i.is_empty());
    let object = Object::new()
        .with("image", reference.or_else(|| inspect.image.clone()))
        .with("hostname", config.hostname.filter(|h| !h.is_empty() && !id.starts_with(h.as_str())))
        .with("labels", own_labels(config.labels, &base))
        .with("command", list_unless(config.cmd, base.cmd.as_deref()))
        .with("entrypoint", list_unless(config.entrypoint, base.entrypoint.as_deref()))
        .with("env", own_env(config.env, base.env.as_deref()))
        .with("user", text_unless(config.user, base.user.as_deref()))
        .with("working_dir", text_unless(config.working_dir, base.working_dir.as_deref()))
        .with("stop_signal", text_unless(config.stop_signal, base.stop_signal.as_deref()))
        .with("stop_timeout", config.stop_timeout)
        .with(
            "healthcheck",
            config.healthcheck.filter(|h| base.healthcheck.as_ref() != Some(h)).map(healthcheck),
        )
        .with("wait", Value::Null)
        .with("wait_timeout", "5m")
        .with("must_run", true)
        .with("stopped", false)
        .with("restart_triggers", Value::Null)
        .with("file", Value::Null)
        .with("secret", Value::Null)
        .with("secrets_volume", Value::Null)
        .with("network", network_blocks(inspect, &host))
        .with("network_mode", network_mode(&host));
    observe::observe(&with_host(object, &host), inspect)
}

fn with_host(object: Object, host: &HostConfig) -> Object {
    let hosts = host.extra_hosts.iter().flatten().filter_map(|line| line.split_once(':'));
    let hosts = hosts.map(|(host, ip)| Value::object([("host", host.into()), ("ip", ip.into())]));
    // The engine's default, 64 MiB, is what a configuration leaves out.
    let shm = host.shm_size.filter(|s| *s != 64 << 20 && *s != 0);
    object
        .with("init", host.init.unwrap_or(false))
        .with("privileged", host.privileged.unwrap_or(false))
        .with("read_only", host.readonly_rootfs.unwrap_or(false))
        .with("cap_add", set(host.cap_add.as_deref()))
        .with("cap_drop", set(host.cap_drop.as_deref()))
        .with("security_opt", set(host.security_opt.as_deref()))
        .with("mount", some_list(host.mounts.iter().flatten().map(mount)))
        .with("tmpfs", map(host.tmpfs.as_ref()))
        .with("shm_size", shm.map(size::text))
        .with("port", ports(host))
        .with("host", some_list(hosts))
        .with("dns", some_list(host.dns.iter().flatten().map(|d| d.as_str().into())))
        .with("log_driver", host.log_config.as_ref().and_then(|l| l.typ.clone()))
        .with("log_opts", map(host.log_config.as_ref().and_then(|l| l.config.as_ref())))
}

fn some_list(items: impl Iterator<Item = Value>) -> Value {
    let items: Vec<Value> = items.collect();
    if items.is_empty() { Value::Null } else { Value::list(items) }
}

fn set(items: Option<&[String]>) -> Value {
    let items = items.unwrap_or_default();
    if items.is_empty() { Value::Null } else { Value::set(items.iter().map(|i| i.as_str().into())) }
}

fn map(entries: Option<&HashMap<String, String>>) -> Value {
    let entries: BTreeMap<_, _> = entries.into_iter().flatten().collect();
    match entries.is_empty() {
        true => Value::Null,
        false => Value::map(entries.into_iter().map(|(k, v)| (k.as_str(), Value::from(v.as_str())))),
    }
}

fn text_unless(text: Option<String>, from_image: Option<&str>) -> Value {
    text.filter(|t| !t.is_empty() && Some(t.as_str()) != from_image).into()
}

fn list_unless(items: Option<Vec<String>>, from_image: Option<&[String]>) -> Value {
    let items = items.unwrap_or_default();
    match Some(items.as_slice()) == from_image {
        true => Value::Null,
        false => some_list(items.into_iter().map(Value::from)),
    }
}

fn own_env(env: Option<Vec<String>>, from_image: Option<&[String]>) -> Value {
    let from_image = from_image.unwrap_or_default();
    let own = env.unwrap_or_default().into_iter().filter(|line| !from_image.contains(line));
    let entries: BTreeMap<String, Value> = own
        .map(|line| match line.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.into()),
            None => (line, "".into()),
        })
        .collect();
    if entries.is_empty() { Value::Null } else { Value::map(entries) }
}

fn own_labels(labels: Option<HashMap<String, String>>, base: &ImageConfig) -> Value {
    let from_image = base.labels.clone().unwrap_or_default();
    let own: HashMap<String, String> =
        labels.unwrap_or_default().into_iter().filter(|(k, v)| from_image.get(k) != Some(v)).collect();
    labels::foreign(Some(&own))
}

fn mount(mount: &Mount) -> Value {
    Value::object([
        ("type", mount.typ.map_or_else(|| "volume".into(), |t| t.to_string()).into()),
        ("source", mount.source.clone().filter(|s| !s.is_empty()).into()),
        ("target", mount.target.clone().into()),
        ("read_only", mount.read_only.unwrap_or(false).into()),
        (
            "propagation",
            mount.bind_options.as_ref().and_then(|o| o.propagation).map(|p| p.to_string()).into(),
        ),
        ("no_copy", mount.volume_options.as_ref().and_then(|o| o.no_copy).unwrap_or(false).into()),
        ("size", mount.tmpfs_options.as_ref().and_then(|o| o.size_bytes).map(size::text).into()),
        (
            "mode",
            mount
                .tmpfs_options
                .as_ref()
                .and_then(|o| o.mode)
                .and_then(|m| u32::try_from(m).ok())
                .map(crate::mode::text)
                .into(),
        ),
    ])
}

fn ports(host: &HostConfig) -> Value {
    let bindings: BTreeMap<_, _> = host.port_bindings.iter().flatten().collect();
    let mut blocks = Vec::new();
    for (key, bindings) in bindings {
        let (internal, protocol) = key.split_once('/').unwrap_or((key, "tcp"));
        for binding in bindings.iter().flatten() {
            let external =
                binding.host_port.as_deref().and_then(|p| p.parse::<i64>().ok()).filter(|p| *p != 0);
            let ip = binding.host_ip.clone().filter(|ip| !ip.is_empty());
            blocks.push(Value::object([
                ("internal", internal.parse::<i64>().ok().into()),
                ("external", external.into()),
                ("ip", ip.unwrap_or_else(|| "0.0.0.0".into()).into()),
                ("protocol", protocol.into()),
            ]));
        }
    }
    some_list(blocks.into_iter())
}

fn network_blocks(inspect: &ContainerInspectResponse, host: &HostConfig) -> Value {
    let is_default = matches!(host.network_mode.as_deref(), None | Some("default" | "bridge"));
    let endpoints = observe::endpoints(inspect);
    if network_mode(host) != Value::Null || (is_default && endpoints.len() <= 1) {
        return Value::Null;
    }
    some_list(endpoints.iter().map(|(name, e)| observe::network_block(name.as_str().into(), inspect, e)))
}

fn network_mode(host: &HostConfig) -> Value {
    let mode =
        host.network_mode.clone().filter(|m| m == "host" || m == "none" || m.starts_with("container:"));
    mode.into()
}

fn healthcheck(check: HealthConfig) -> Value {
    let time = |nanoseconds: Option<i64>| -> Value {
        let millis = nanoseconds.filter(|n| *n > 0).map(|n| n / 1_000_000);
        millis.map(|m| if m % 1000 == 0 { format!("{}s", m / 1000) } else { format!("{m}ms") }).into()
    };
    Value::object([
        ("test", Value::list(check.test.unwrap_or_default().into_iter().map(Value::from))),
        ("interval", time(check.interval)),
        ("timeout", time(check.timeout)),
        ("retries", check.retries.filter(|r| *r > 0).into()),
        ("start_period", time(check.start_period)),
    ])
}

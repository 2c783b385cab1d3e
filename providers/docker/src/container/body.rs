use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig,
    Mount, MountBindOptions, MountBindOptionsPropagationEnum, MountTmpfsOptions, MountType,
    MountVolumeOptions, NetworkingConfig, PortBinding, PortMap,
};
use mprov_sdk::{Call, Fault, Object};

use super::files::SECRETS_FOLDER;
use super::limits;
use crate::{duration, labels, mode, size};

/// What the engine is asked to make. `image_id` is what the image's reference stands for now.
pub fn create_body(call: &Call, planned: &Object, image_id: &str) -> Result<ContainerCreateBody, Fault> {
    let networks = planned.blocks("network")?;
    let first_network = networks.first().copied();
    let endpoints = match first_network {
        Some(network) => Some(HashMap::from([(network.str("name")?.to_owned(), endpoint(network)?)])),
        None => None,
    };
    Ok(ContainerCreateBody {
        image: Some(image_id.to_owned()),
        hostname: text(planned, "hostname")?,
        user: text(planned, "user")?,
        working_dir: text(planned, "working_dir")?,
        cmd: list(planned, "command")?,
        entrypoint: list(planned, "entrypoint")?,
        env: Some(planned.string_map("env")?.into_iter().map(|(k, v)| format!("{k}={v}")).collect()),
        labels: Some(labels::stamped(planned.string_map("labels")?, call)),
        exposed_ports: Some(planned.blocks("port")?.into_iter().map(port_key).collect::<Result<_, _>>()?),
        healthcheck: planned.object("healthcheck")?.map(healthcheck).transpose()?,
        stop_signal: text(planned, "stop_signal")?,
        stop_timeout: planned.opt_i64("stop_timeout")?,
        host_config: Some(host_config(call, planned, first_network)?),
        networking_config: Some(NetworkingConfig { endpoints_config: endpoints }),
        ..ContainerCreateBody::default()
    })
}

/// How the container takes part in a network.
pub fn endpoint(network: &Object) -> Result<EndpointSettings, Fault> {
    let address = network.opt_str("ipv4_address")?;
    Ok(EndpointSettings {
        aliases: Some(network.strings("aliases")?),
        ipam_config: address
            .map(|ip| EndpointIpamConfig { ipv4_address: Some(ip.to_owned()), ..Default::default() }),
        ..EndpointSettings::default()
    })
}

fn host_config(call: &Call, planned: &Object, first_network: Option<&Object>) -> Result<HostConfig, Fault> {
    let network_mode = match first_network {
        Some(network) => Some(network.str("name")?.to_owned()),
        None => text(planned, "network_mode")?,
    };
    let mut mounts: Vec<Mount> = planned.blocks("mount")?.into_iter().map(mount).collect::<Result<_, _>>()?;
    if !planned.elements("secret")?.is_empty() {
        mounts.push(secrets_mount(call, planned.str("name")?));
    }
    let limits = limits::Limits::of(planned)?;
    let hosts = planned.blocks("host")?.into_iter().map(host_line).collect::<Result<Vec<_>, _>>()?;
    let log_driver = text(planned, "log_driver")?;
    let log_options = planned.string_map("log_opts")?;
    let has_log_config = log_driver.is_some() || !log_options.is_empty();
    Ok(HostConfig {
        mounts: Some(mounts),
        network_mode,
        port_bindings: Some(port_bindings(planned)?),
        restart_policy: Some(limits::restart_policy(planned)?),
        memory: limits.memory,
        memory_swap: limits.memory_swap,
        nano_cpus: limits.nano_cpus,
        cpu_shares: limits.cpu_shares,
        pids_limit: limits.pids_limit,
        shm_size: bytes(planned, "shm_size")?,
        tmpfs: Some(planned.string_map("tmpfs")?.into_iter().collect()),
        extra_hosts: Some(hosts),
        dns: Some(planned.strings("dns")?),
        cap_add: Some(planned.strings("cap_add")?),
        cap_drop: Some(planned.strings("cap_drop")?),
        security_opt: Some(planned.strings("security_opt")?),
        readonly_rootfs: planned.opt_bool("read_only")?,
        init: planned.opt_bool("init")?,
        privileged: planned.opt_bool("privileged")?,
        log_config: has_log_config.then(|| HostConfigLogConfig {
            typ: log_driver,
            config: Some(log_options.into_iter().collect()),
        }),
        ..HostConfig::default()
    })
}

fn text(object: &Object, name: &str) -> Result<Option<String>, Fault> {
    Ok(object.opt_str(name)?.map(str::to_owned))
}

fn list(object: &Object, name: &str) -> Result<Option<Vec<String>>, Fault> {
    Ok(match object.get(name).is_null() {
        true => None,
        false => Some(object.strings(name)?),
    })
}

fn bytes(object: &Object, name: &str) -> Result<Option<i64>, Fault> {
    object.opt_str(name)?.map(|text| size::parse(text).ok_or_else(|| unreadable(name, text))).transpose()
}

/// Validation has ruled these out where the value was known; a value known only in the apply
/// comes here unchecked.
pub fn unreadable(name: &str, text: &str) -> Fault {
    Fault::new(format!("\"{text}\" is no value for {name}"))
        .detail("Sizes are written as in \"512m\", times as in \"1m30s\", modes as in \"0640\".")
}

fn host_line(host: &Object) -> Result<String, Fault> {
    Ok(format!("{}:{}", host.str("host")?, host.str("ip")?))
}

fn port_key(port: &Object) -> Result<String, Fault> {
    Ok(format!("{}/{}", port.i64("internal")?, port.opt_str("protocol")?.unwrap_or("tcp")))
}

fn port_bindings(planned: &Object) -> Result<PortMap, Fault> {
    let mut map = PortMap::new();
    for port in planned.blocks("port")? {
        let binding = PortBinding {
            host_ip: text(port, "ip")?,
            host_port: port.opt_i64("external")?.map(|p| p.to_string()),
        };
        map.entry(port_key(port)?).or_insert_with(|| Some(Vec::new())).get_or_insert_default().push(binding);
    }
    Ok(map)
}

/// By the engine's mounts, not its binds: with these a source that is not there is an error, with
/// those it would silently become an empty folder.
fn mount(block: &Object) -> Result<Mount, Fault> {
    let typ = match block.opt_str("type")?.unwrap_or("volume") {
        "bind" => MountType::BIND,
        "tmpfs" => MountType::TMPFS,
        _ => MountType::VOLUME,
    };
    let propagation = block.opt_str("propagation")?;
    let file_mode = match block.opt_str("mode")? {
        Some(text) => Some(i64::from(mode::parse(text).ok_or_else(|| unreadable("mode", text))?)),
        None => None,
    };
    let is = |wanted: MountType| typ == wanted;
    Ok(Mount {
        target: text(block, "target")?,
        source: text(block, "source")?,
        typ: Some(typ),
        read_only: block.opt_bool("read_only")?,
        bind_options: match propagation {
            Some(propagation) if is(MountType::BIND) => Some(MountBindOptions {
                propagation: Some(propagation_of(propagation)?),
                ..MountBindOptions::default()
            }),
            _ => None,
        },
        volume_options: is(MountType::VOLUME)
            .then(|| -> Result<_, Fault> {
                Ok(MountVolumeOptions { no_copy: block.opt_bool("no_copy")?, ..Default::default() })
            })
            .transpose()?,
        tmpfs_options: is(MountType::TMPFS)
            .then(|| -> Result<_, Fault> {
                Ok(MountTmpfsOptions {
                    size_bytes: bytes(block, "size")?,
                    mode: file_mode,
                    ..Default::default()
                })
            })
            .transpose()?,
        ..Mount::default()
    })
}

fn propagation_of(text: &str) -> Result<MountBindOptionsPropagationEnum, Fault> {
    text.parse().map_err(|_| {
        Fault::new(format!("\"{text}\" is no mount propagation"))
            .detail("It is one of private, rprivate, shared, rshared, slave, rslave.")
    })
}

/// A volume without a name of its own: Docker removes it in one step with the container, so that
/// no crash can leave secrets behind.
fn secrets_mount(call: &Call, container: &str) -> Mount {
    let label = BTreeMap::from([(labels::SECRETS.to_owned(), container.to_owned())]);
    let options = MountVolumeOptions {
        no_copy: Some(true),
        labels: Some(labels::stamped(label, call)),
        ..MountVolumeOptions::default()
    };
    Mount {
        target: Some(SECRETS_FOLDER.into()),
        typ: Some(MountType::VOLUME),
        volume_options: Some(options),
        ..Mount::default()
    }
}

fn healthcheck(block: &Object) -> Result<HealthConfig, Fault> {
    let nanoseconds = |name: &str| -> Result<Option<i64>, Fault> {
        let Some(text) = block.opt_str(name)? else { return Ok(None) };
        let time: Duration = duration::parse(text).ok_or_else(|| unreadable(name, text))?;
        Ok(i64::try_from(time.as_nanos()).ok())
    };
    Ok(HealthConfig {
        test: Some(block.strings("test")?),
        interval: nanoseconds("interval")?,
        timeout: nanoseconds("timeout")?,
        start_period: nanoseconds("start_period")?,
        retries: block.opt_i64("retries")?,
        ..HealthConfig::default()
    })
}

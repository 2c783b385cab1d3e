use bollard::models::{ContainerUpdateBody, HostConfig, RestartPolicy, RestartPolicyNameEnum};
use mprov_sdk::{Fault, Number, Object, Value};

use super::body::unreadable;
use crate::size;

const NANO: i64 = 1_000_000_000;

/// What Docker can change in a container that runs.
pub const IN_PLACE: [&str; 6] = ["memory", "memory_swap", "cpus", "cpu_shares", "pids_limit", "restart"];

/// Limits in the engine's units; none where there is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes.
    pub memory: Option<i64>,
    /// Bytes; -1 for any amount.
    pub memory_swap: Option<i64>,
    pub nano_cpus: Option<i64>,
    pub cpu_shares: Option<i64>,
    pub pids_limit: Option<i64>,
}

impl Limits {
    pub fn of(planned: &Object) -> Result<Self, Fault> {
        Ok(Self {
            memory: bytes(planned, "memory")?,
            memory_swap: bytes(planned, "memory_swap")?,
            nano_cpus: nano_cpus(planned)?,
            cpu_shares: planned.opt_i64("cpu_shares")?,
            pids_limit: planned.opt_i64("pids_limit")?,
        })
    }
}

/// The change of a container to the planned limits and restart policy.
pub fn update_body(planned: &Object) -> Result<ContainerUpdateBody, Fault> {
    let limits = Limits::of(planned)?;
    Ok(ContainerUpdateBody {
        memory: limits.memory,
        // Docker chose twice the memory when the container was made, and refuses memory above it.
        memory_swap: limits.memory_swap.or_else(|| limits.memory.map(|m| m.saturating_mul(2))),
        nano_cpus: limits.nano_cpus,
        cpu_shares: limits.cpu_shares,
        pids_limit: Some(limits.pids_limit.unwrap_or(-1)),
        restart_policy: Some(restart_policy(planned)?),
        ..ContainerUpdateBody::default()
    })
}

pub fn restart_policy(planned: &Object) -> Result<RestartPolicy, Fault> {
    let text = planned.opt_str("restart")?.unwrap_or("no");
    parse_restart(text).ok_or_else(|| unreadable("restart", text))
}

pub fn parse_restart(text: &str) -> Option<RestartPolicy> {
    let (name, times) = match text.split_once(':') {
        Some((name, times)) => (name, Some(times.parse::<i64>().ok().filter(|t| *t >= 0)?)),
        None => (text, None),
    };
    let name = match name {
        "no" => RestartPolicyNameEnum::NO,
        "always" => RestartPolicyNameEnum::ALWAYS,
        "unless-stopped" => RestartPolicyNameEnum::UNLESS_STOPPED,
        "on-failure" => RestartPolicyNameEnum::ON_FAILURE,
        _ => return None,
    };
    if times.is_some() && name != RestartPolicyNameEnum::ON_FAILURE {
        return None;
    }
    Some(RestartPolicy { name: Some(name), maximum_retry_count: Some(times.unwrap_or(0)) })
}

/// Sets the attributes named in [`IN_PLACE`] to what the engine reports, in the stored form where
/// that means the same.
pub fn observe(object: &mut Object, host: &HostConfig) {
    let memory = size::observed(object.get("memory"), host.memory);
    object.set("memory", memory);
    // Without a limit of its own it follows from the memory, or is not counted at all.
    if !object.get("memory_swap").is_null() {
        let swap = size::observed(object.get("memory_swap"), host.memory_swap);
        object.set("memory_swap", swap);
    }
    let stored_nano = nano_cpus(object).ok().flatten();
    let nano = host.nano_cpus.filter(|n| *n != 0);
    if stored_nano != nano {
        object.set("cpus", nano.and_then(cpus));
    }
    object.set("cpu_shares", host.cpu_shares.filter(|n| *n != 0));
    object.set("pids_limit", host.pids_limit.filter(|n| *n > 0));
    let policy = host.restart_policy.as_ref().map(restart_text).unwrap_or_else(|| "no".into());
    let same = object
        .get("restart")
        .as_str()
        .is_some_and(|stored| parse_restart(stored).is_some_and(|stored| restart_text(&stored) == policy));
    if !same {
        object.set("restart", policy);
    }
}

fn restart_text(policy: &RestartPolicy) -> String {
    let name = match policy.name {
        Some(RestartPolicyNameEnum::ALWAYS) => "always",
        Some(RestartPolicyNameEnum::UNLESS_STOPPED) => "unless-stopped",
        Some(RestartPolicyNameEnum::ON_FAILURE) => "on-failure",
        _ => "no",
    };
    match policy.maximum_retry_count {
        Some(times) if times > 0 => format!("{name}:{times}"),
        _ => name.into(),
    }
}

fn nano_cpus(object: &Object) -> Result<Option<i64>, Fault> {
    let value = object.get("cpus");
    let Some(cpus) = value.as_number() else { return Ok(None) };
    let nano = cpus.mul(&Number::from(NANO)).ok().and_then(|n| n.as_i64());
    nano.map(Some).ok_or_else(|| unreadable("cpus", &cpus.to_string()))
}

fn cpus(nano: i64) -> Option<Value> {
    Number::from(nano).div(&Number::from(NANO)).ok().map(Value::from)
}

fn bytes(object: &Object, name: &str) -> Result<Option<i64>, Fault> {
    object.opt_str(name)?.map(|text| size::parse(text).ok_or_else(|| unreadable(name, text))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restart_policies_are_read() {
        for text in ["no", "always", "unless-stopped", "on-failure", "on-failure:5"] {
            assert_eq!(restart_text(&parse_restart(text).expect(text)), text);
        }
        for text in ["", "never", "always:3", "on-failure:x", "on-failure:-1"] {
            assert!(parse_restart(text).is_none(), "{text}");
        }
    }

    #[test]
    fn limits_keep_their_form_while_they_mean_the_same() {
        let stored = Object::new()
            .with("memory", "256m")
            .with("cpus", Value::Number("1.5".parse().expect("number")))
            .with("restart", "on-failure:0");
        let host = HostConfig {
            memory: Some(256 << 20),
            memory_swap: Some(512 << 20),
            nano_cpus: Some(1_500_000_000),
            restart_policy: parse_restart("on-failure"),
            ..HostConfig::default()
        };
        let mut seen = stored.clone();
        observe(&mut seen, &host);
        for name in IN_PLACE {
            assert!(seen.get(name).same(stored.get(name)), "{name}: {:?}", seen.get(name));
        }
        observe(&mut seen, &HostConfig { nano_cpus: Some(500_000_000), ..host });
        assert_eq!(seen["cpus"], Value::Number("0.5".parse().expect("number")));
    }
}

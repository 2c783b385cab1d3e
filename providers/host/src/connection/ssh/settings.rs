use std::path::{Path, PathBuf};
use std::time::Duration;

use mprov_sdk::{Attribute, Diagnostics, Fault, Field, Object, Type, Value};

use super::trust::{Trust, parse_key};
use crate::duration;
use crate::refused;

/// Sessions that OpenSSH allows at once on one connection are 10 (`MaxSessions`, sshd_config(5));
/// two are left for ending a process and for what others ask.
const PARALLELISM: i64 = 8;

/// A machine that answers SSH: the target, or one on the way to it.
#[derive(Clone)]
pub struct Endpoint {
    pub address: String,
    pub port: u16,
    pub user: String,
    pub trust: Trust,
}

impl Endpoint {
    /// How it is called in messages.
    pub fn name(&self) -> String {
        match self.port {
            22 => format!("{}@{}", self.user, self.address),
            port => format!("{}@{}:{port}", self.user, self.address),
        }
    }
}

/// How a user proves who they are.
#[derive(Clone, Default)]
pub struct Credentials {
    /// In PEM or OpenSSH's format.
    pub private_key: Option<String>,
    pub private_key_file: Option<PathBuf>,
    pub passphrase: Option<String>,
    /// An OpenSSH certificate for that key.
    pub certificate: Option<String>,
}

/// How a machine is reached.
#[derive(Clone)]
pub struct Settings {
    pub target: Endpoint,
    pub jump: Option<Endpoint>,
    pub credentials: Credentials,
    /// Commands are run as root by `sudo`.
    pub sudo: bool,
    /// Processes at once.
    pub parallelism: usize,
    /// How long it is waited for a machine that does not answer yet.
    pub wait: Duration,
    /// Whether it is waited for cloud-init to have done its work.
    pub cloud_init: bool,
}

/// What a `provider "host"` block says of a remote machine.
pub fn attributes() -> Vec<(&'static str, Attribute)> {
    let text = || Type::String;
    let key =
        "Public keys of the machine as in known_hosts, `ssh-ed25519 AAAA…`: one of them must be offered.";
    vec![
        (
            "address",
            Attribute::optional(text(), "Name or address of the machine; without it, it is this machine."),
        ),
        ("port", Attribute::optional(Type::Number, "Port of its SSH server.").default(22)),
        ("user", Attribute::optional(text(), "Who to log in as.").default("root")),
        (
            "sudo",
            Attribute::optional(
                Type::Bool,
                "Run everything as root by sudo, which must not ask for a password. By default for users other than root.",
            ),
        ),
        ("host_keys", Attribute::optional(Type::list(text()), key)),
        (
            "known_hosts",
            Attribute::optional(text(), "File of known host keys, used where host_keys is not given.")
                .default("~/.ssh/known_hosts"),
        ),
        ("private_key", Attribute::optional(text(), "The private key itself, in PEM.").sensitive()),
        (
            "private_key_file",
            Attribute::optional(
                text(),
                "File of the private key. Without any key the SSH agent is asked, then ~/.ssh/id_ed25519 and id_rsa.",
            ),
        ),
        ("passphrase", Attribute::optional(text(), "Of the private key.").sensitive()),
        ("certificate", Attribute::optional(text(), "OpenSSH certificate for the key.")),
        (
            "jump",
            Attribute::block(
                [
                    ("address", Field::required(text())),
                    ("port", Field::optional(Type::Number)),
                    ("user", Field::optional(text())),
                    ("host_keys", Field::optional(Type::list(text()))),
                ],
                "A machine to go through, with the same credentials.",
            ),
        ),
        (
            "parallelism",
            Attribute::optional(Type::Number, "Processes at once on the machine.").default(PARALLELISM),
        ),
        (
            "wait",
            Attribute::optional(text(), "How long to wait for a machine that does not answer yet.")
                .default("2m"),
        ),
        (
            "cloud_init",
            Attribute::optional(Type::Bool, "Wait for cloud-init to finish, where the machine has it.")
                .default(true),
        ),
    ]
}

/// What the types of the attributes do not say.
pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    if let Some(Err(fault)) = config["wait"].as_str().map(waiting) {
        found.push(refused("wait", fault.summary, fault.detail));
    }
    for key in texts(&config["host_keys"]) {
        if let Err(why) = parse_key(&key) {
            let detail =
                "Write it as in known_hosts or /etc/ssh/ssh_host_ed25519_key.pub: `ssh-ed25519 AAAA…`.";
            found.push(refused("host_keys", format!("this is no public key: {why}"), detail));
        }
    }
    let in_range = |name: &str, lowest: i64, highest: i64| match config[name].as_i64() {
        Some(number) => (lowest..=highest).contains(&number),
        None => true,
    };
    if !in_range("port", 1, 65535) {
        found.push(refused("port", "a port is a number from 1 to 65535", "SSH servers listen at 22."));
    }
    if !in_range("parallelism", 1, 64) {
        let detail = "SSH servers allow 10 sessions at once unless their MaxSessions says more.";
        found.push(refused("parallelism", "parallelism is a number from 1 to 64", detail));
    }
    found
}

impl Settings {
    /// None where the configuration names no machine.
    pub fn from_config(config: &Object) -> Result<Option<Self>, Fault> {
        let Some(address) = config.opt_str("address")? else { return Ok(None) };
        let known_hosts = expand(config.opt_str("known_hosts")?.unwrap_or("~/.ssh/known_hosts"))?;
        let endpoint =
            |address: &str, port: &Value, user: Option<&str>, keys: &Value| -> Result<Endpoint, Fault> {
                Ok(Endpoint {
                    address: address.to_owned(),
                    port: port.as_i64().and_then(|p| u16::try_from(p).ok()).unwrap_or(22),
                    user: user.unwrap_or("root").to_owned(),
                    trust: Trust::new(texts(keys), known_hosts.clone())?,
                })
            };
        let user = config.opt_str("user")?;
        let jump = match config["jump"].as_object() {
            Some(jump) => {
                let user = jump["user"].as_str().or(user);
                let address = jump["address"].as_str().unwrap_or_default();
                Some(endpoint(address, &jump["port"], user, &jump["host_keys"])?)
            }
            None => None,
        };
        let target = endpoint(address, &config["port"], user, &config["host_keys"])?;
        let owned =
            |name: &str| -> Result<Option<String>, Fault> { Ok(config.opt_str(name)?.map(str::to_owned)) };
        Ok(Some(Self {
            sudo: config.opt_bool("sudo")?.unwrap_or(target.user != "root"),
            target,
            jump,
            credentials: Credentials {
                private_key: owned("private_key")?,
                private_key_file: config.opt_str("private_key_file")?.map(expand).transpose()?,
                passphrase: owned("passphrase")?,
                certificate: owned("certificate")?,
            },
            parallelism: config.opt_i64("parallelism")?.unwrap_or(PARALLELISM).clamp(1, 64) as usize,
            wait: waiting(config.opt_str("wait")?.unwrap_or("2m"))?,
            cloud_init: config.opt_bool("cloud_init")?.unwrap_or(true),
        }))
    }
}

/// A length of time, or none.
fn waiting(text: &str) -> Result<Duration, Fault> {
    match text {
        "0" | "0s" => Ok(Duration::ZERO),
        text => duration::parse(text),
    }
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_elements().unwrap_or_default();
    items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// A path that may begin with the user's home.
fn expand(path: &str) -> Result<PathBuf, Fault> {
    let Some(rest) = path.strip_prefix("~/") else { return Ok(PathBuf::from(path)) };
    home().map(|home| home.join(rest)).ok_or_else(|| {
        Fault::new(format!("{path} is in the home folder of a user who has none"))
            .detail("Set HOME, or give a path that begins with /.")
    })
}

/// The home of the user who runs mprov.
pub fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| home != Path::new(""))
}

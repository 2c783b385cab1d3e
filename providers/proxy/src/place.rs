use std::path::{Path, PathBuf};

use mprov_sdk::{Fault, Object};

/// Bytes in a Unix socket's path (unix(7): 108 with the ending zero), less what the name of the
/// probe's socket may be longer.
const SOCKET_PATH_LIMIT: usize = 106;

/// How the proxy's admin API is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket on the machine. Only its owner and root get in.
    Socket(PathBuf),
    /// A port on loopback of the machine.
    Loopback(String),
}

/// Where the parts of one proxy lie, on the machine and as the proxy itself sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub endpoint: Endpoint,
    /// The folder of state files, on the machine.
    pub state: PathBuf,
    /// The same folder inside the container.
    pub state_mount: PathBuf,
    /// The saved configuration, on the machine: what the proxy starts with.
    pub config_file: PathBuf,
    /// The folder of the saved configuration, inside the container.
    pub config_mount: PathBuf,
    /// Numeric group of the proxy's process: who may read the saved configuration and keys.
    pub group: String,
}

impl Place {
    pub fn from_config(config: &Object) -> Result<Self, Fault> {
        let endpoint = Endpoint::parse(config.str("admin")?).map_err(|why| {
            Fault::new("the proxy's admin address is refused").detail(format!(
                "{why} Give \"unix:///…/admin.sock\" or \"http://127.0.0.1:2019\": whoever reaches the admin \
                 API controls every site."
            ))
        })?;
        let state = absolute(config, "state_dir")?;
        let state_mount = absolute(config, "state_mount")?;
        if state_mount.to_string_lossy().contains(['*', '?', '[', ']', '{', '}', '\\']) {
            return Err(Fault::new("the proxy's state_mount holds a character of patterns")
                .detail("The proxy looks for files below it by pattern: leave out * ? [ ] { } and \\."));
        }
        let beside = |path: &Path, name: &str| path.parent().unwrap_or(path).join(name);
        let config_file = match config.opt_str("config_file")? {
            Some(_) => absolute(config, "config_file")?,
            None => beside(&state, "config").join("caddy.json"),
        };
        let config_mount = match config.opt_str("config_mount")? {
            Some(_) => absolute(config, "config_mount")?,
            None => beside(&state_mount, "config"),
        };
        let group = config.i64("group")?.to_string();
        Ok(Self { endpoint, state, state_mount, config_file, config_mount, group })
    }

    /// The folder of certificates and keys, on the machine.
    pub fn certificates(&self) -> PathBuf {
        self.config_file.parent().unwrap_or(Path::new("/")).join("certs")
    }

    /// The same folder inside the container.
    pub fn certificates_mount(&self) -> PathBuf {
        self.config_mount.join("certs")
    }

    /// The socket by which a slot is asked before it becomes live: beside the admin socket. There
    /// is none where the admin API is a port.
    pub fn probe_socket(&self) -> Option<PathBuf> {
        match &self.endpoint {
            Endpoint::Socket(path) => Some(path.with_file_name("probe.sock")),
            Endpoint::Loopback(_) => None,
        }
    }
}

impl Endpoint {
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix://") {
            if !path.starts_with('/') {
                return Err(format!("\"{text}\" does not name an absolute path."));
            }
            if path.len() > SOCKET_PATH_LIMIT {
                return Err(format!(
                    "\"{text}\" is longer than a socket's path may be: choose a shorter folder."
                ));
            }
            return Ok(Self::Socket(path.into()));
        }
        let Some(authority) = text.strip_prefix("http://") else {
            return Err(format!("\"{text}\" is neither a Unix socket nor HTTP on loopback."));
        };
        let authority = authority.trim_end_matches('/');
        let (host, port) =
            authority.rsplit_once(':').ok_or_else(|| format!("\"{text}\" does not name a port."))?;
        if port.parse::<u16>().is_err() {
            return Err(format!("\"{text}\" does not name a port."));
        }
        match host {
            "127.0.0.1" | "[::1]" => Ok(Self::Loopback(format!("http://{authority}"))),
            // Names are not resolved: what a name means can change.
            _ => Err(format!("\"{host}\" is not loopback.")),
        }
    }
}

fn absolute(config: &Object, name: &str) -> Result<PathBuf, Fault> {
    let path = PathBuf::from(config.str(name)?);
    match path.is_absolute() {
        true => Ok(path),
        false => Err(Fault::new(format!("the proxy's {name} is no absolute path"))
            .detail(format!("It is \"{}\"; begin it with \"/\".", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_sockets_are_admin_addresses() {
        assert_eq!(Endpoint::parse("unix:///run/a.sock"), Ok(Endpoint::Socket("/run/a.sock".into())));
        assert!(Endpoint::parse(&format!("unix:///{}", "x".repeat(106))).is_err());
        assert_eq!(
            Endpoint::parse("http://127.0.0.1:2019/"),
            Ok(Endpoint::Loopback("http://127.0.0.1:2019".into()))
        );
        for text in [
            "unix://run/a.sock",
            "http://10.0.0.1:2019",
            "http://localhost:2019",
            "https://127.0.0.1:1",
            "http://127.0.0.1",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_other_places_follow_from_the_state_folder() {
        let config = Object::new()
            .with("admin", "unix:///srv/p/run/admin.sock")
            .with("state_dir", "/srv/p/state")
            .with("state_mount", "/srv/proxy/state")
            .with("group", 900);
        let place = Place::from_config(&config).expect("place");
        assert_eq!(place.config_file, PathBuf::from("/srv/p/config/caddy.json"));
        assert_eq!(place.certificates(), PathBuf::from("/srv/p/config/certs"));
        assert_eq!(place.certificates_mount(), PathBuf::from("/srv/proxy/config/certs"));
        assert_eq!(place.probe_socket(), Some(PathBuf::from("/srv/p/run/probe.sock")));
    }
}

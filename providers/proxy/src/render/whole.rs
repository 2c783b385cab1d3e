use std::path::Path;

use serde_json::Value as Json;

use super::{server, tls};
use crate::configuration::carrier;
use crate::model::Model;

/// What the configuration needs to know of the proxy's own file system.
#[derive(Clone, Copy, Debug)]
pub struct Mounts<'a> {
    pub state: &'a Path,
    pub certificates: &'a Path,
    /// Where the probe listens; nowhere if the admin API is a port.
    pub probe: Option<&'a str>,
}

/// Status header of the probe listener when the upstream itself did not answer.
pub const UNANSWERED: &str = "X-Mprov-Unanswered";
/// Request header that names the slot to the probe listener.
pub const SLOT: &str = "X-Mprov-Slot";
/// In the place of a slot's name: asks whether the route is frozen.
pub const GATE: &str = "gate";

/// `base` is the configuration in force: where the admin API listens and where the proxy keeps
/// its own data are the machine's business and are taken over from there.
pub fn configuration(model: &Model, base: &Json, mounts: Mounts<'_>) -> Json {
    let mut config = serde_json::Map::new();
    let mut admin = base["admin"].as_object().cloned().unwrap_or_default();
    // The saved file is the only memory; two memories would disagree one day.
    admin.insert("config".into(), serde_json::json!({ "persist": false }));
    config.insert("admin".into(), admin.into());
    if base["storage"].is_object() {
        config.insert("storage".into(), base["storage"].clone());
    }
    if model.server().access_log {
        config.insert("logging".into(), server::logging());
    }

    let mut apps = serde_json::Map::new();
    apps.insert("http".into(), server::http_app(model, mounts));
    if model.routes.values().any(|r| r.uses_tls()) || !model.certificates.is_empty() {
        apps.insert("tls".into(), tls::tls_app(model, mounts));
        // Nobody's trust store is changed behind their back.
        let local = serde_json::json!({ "certificate_authorities": { "local": { "install_trust": false } } });
        apps.insert("pki".into(), local);
    }
    config.insert("apps".into(), apps.into());
    let mut config = Json::Object(config);
    let carrier = carrier(model, &config);
    let plain = config.pointer_mut("/apps/http/servers/http/routes").and_then(Json::as_array_mut);
    plain.expect("there is always a listener for HTTP").push(carrier);
    config
}

/// The probe's socket beside the admin's of a configuration, as the proxy sees it.
pub fn probe_listen(base: &Json) -> Option<String> {
    let path = base["admin"]["listen"].as_str()?.strip_prefix("unix/")?;
    let (folder, _) = path.rsplit_once('/')?;
    Some(format!("unix/{folder}/probe.sock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_listens_beside_the_admin_socket() {
        let beside = |admin: &str| probe_listen(&serde_json::json!({ "admin": { "listen": admin } }));
        assert_eq!(beside("unix//srv/run/admin.sock").as_deref(), Some("unix//srv/run/probe.sock"));
        assert_eq!(beside("localhost:2019"), None);
    }
}

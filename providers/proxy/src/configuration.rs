use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::model::Model;

/// `@id` of the route that carries the model. It stands behind a route that ends every request,
/// so it is never run.
const MODEL_ID: &str = "mprov-model";
const MODEL_KEY: &str = "mprov_model";
const VERSION: u32 = 2;
/// In version 1 the upstreams stood in the model. What is read of it lacks them, so that the next
/// apply writes the route anew.
const OLDEST: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Carried {
    version: u32,
    model: Model,
    /// [`fingerprint`] of what was made of the model, by whichever mprov made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made: Option<String>,
}

/// Why a configuration cannot be worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It serves something and does not come from mprov.
    Foreign,
    /// It comes from an mprov that this one does not understand.
    Version(u32),
    Damaged(String),
}

/// The model inside a configuration. Empty for a proxy that serves nothing yet.
pub fn model(config: &Json) -> Result<Model, Unusable> {
    let Some(text) = carried_text(config) else {
        return if serves_nothing(config) { Ok(Model::default()) } else { Err(Unusable::Foreign) };
    };
    let damaged = |e: serde_json::Error| Unusable::Damaged(e.to_string());
    let whole: Json = serde_json::from_str(text).map_err(damaged)?;
    let version = whole["version"].as_u64().unwrap_or(0) as u32;
    if !(OLDEST..=VERSION).contains(&version) {
        return Err(Unusable::Version(version));
    }
    Ok(serde_json::from_value::<Carried>(whole).map_err(damaged)?.model)
}

/// The route that carries the model, for the configuration that was made of it.
pub fn carrier(model: &Model, made: &Json) -> Json {
    let carried = Carried { version: VERSION, model: model.clone(), made: Some(fingerprint(made)) };
    let text = serde_json::to_string(&carried).expect("a model has string keys only");
    json!({ "@id": MODEL_ID, "handle": [{ "handler": "vars", MODEL_KEY: text }] })
}

/// Whether the configuration is still what an mprov has made, be it one that makes another
/// configuration of the same model than this one.
pub fn is_as_made(config: &Json) -> bool {
    let carried = carried_text(config).and_then(|text| serde_json::from_str::<Carried>(text).ok());
    carried.and_then(|c| c.made).is_some_and(|made| made == fingerprint(config))
}

/// Of everything but the carrier. The order of keys is not Caddy's to keep, so it does not count.
fn fingerprint(config: &Json) -> String {
    fn feed(value: &Json, hasher: &mut blake3::Hasher) {
        match value {
            Json::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by_key(|(name, _)| *name);
                hasher.update(format!("{{{}", fields.len()).as_bytes());
                for (name, value) in fields {
                    feed(&Json::String(name.clone()), hasher);
                    feed(value, hasher);
                }
            }
            Json::Array(items) => {
                let items: Vec<_> = items.iter().filter(|item| item["@id"] != MODEL_ID).collect();
                hasher.update(format!("[{}", items.len()).as_bytes());
                items.into_iter().for_each(|item| feed(item, hasher));
            }
            single => drop(hasher.update(single.to_string().as_bytes())),
        }
    }
    let mut hasher = blake3::Hasher::new();
    feed(config, &mut hasher);
    hasher.finalize().to_hex().to_string()
}

/// Every route object of the configuration.
pub fn routes(config: &Json) -> impl Iterator<Item = &Json> {
    let servers = config["apps"]["http"]["servers"].as_object();
    servers.into_iter().flat_map(|s| s.values()).flat_map(|s| s["routes"].as_array()).flatten()
}

/// The configuration without its routes: listeners, TLS, logs.
pub fn frame(config: &Json) -> Json {
    let mut frame = config.clone();
    if let Some(servers) = frame.pointer_mut("/apps/http/servers").and_then(Json::as_object_mut) {
        for (_, server) in servers.iter_mut() {
            if let Some(server) = server.as_object_mut() {
                server.remove("routes");
            }
        }
    }
    frame
}

fn carried_text(config: &Json) -> Option<&str> {
    let route = routes(config).find(|r| r["@id"] == MODEL_ID)?;
    route["handle"][0][MODEL_KEY].as_str()
}

/// No configuration at all, or one that answers every request by itself, as the image starts with.
fn serves_nothing(config: &Json) -> bool {
    let only_http = config["apps"].as_object().is_none_or(|apps| apps.keys().all(|name| name == "http"));
    only_http
        && routes(config)
            .flat_map(|r| r["handle"].as_array())
            .flatten()
            .all(|handler| handler["handler"] == "static_response")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_route(route: Json) -> Json {
        json!({ "apps": { "http": { "servers": { "main": { "routes": [route] } } } } })
    }

    #[test]
    fn a_model_comes_back() {
        let model_in = Model { server: Some(crate::model::Server::standard()), ..Model::default() };
        assert_eq!(model(&with_route(carrier(&model_in, &Json::Null))), Ok(model_in));
    }

    #[test]
    fn what_somebody_else_configured_is_not_taken_for_nothing() {
        assert_eq!(model(&Json::Null), Ok(Model::default()));
        assert_eq!(
            model(&with_route(json!({"handle": [{"handler": "static_response"}]}))),
            Ok(Model::default())
        );
        assert_eq!(
            model(&with_route(json!({"handle": [{"handler": "reverse_proxy"}]}))),
            Err(Unusable::Foreign)
        );
        assert_eq!(model(&json!({"apps": {"tls": {}}})), Err(Unusable::Foreign));
    }

    #[test]
    fn what_another_mprov_has_made_is_told_from_what_was_edited() {
        let mut config = with_route(json!({"@id": "mprov-route-a.org", "handle": []}));
        let carrier = carrier(&Model::default(), &config);
        let routes = "/apps/http/servers/main/routes";
        config.pointer_mut(routes).and_then(Json::as_array_mut).expect("routes").push(carrier);
        assert!(is_as_made(&config));
        config.pointer_mut(routes).expect("routes")[0]["handle"] = json!([{"handler": "static_response"}]);
        assert!(!is_as_made(&config));
    }

    #[test]
    fn a_newer_model_is_named_as_such() {
        let text = r#"{"version": 3, "model": {"shape": "unknown"}}"#;
        let config = with_route(json!({"@id": MODEL_ID, "handle": [{"handler": "vars", MODEL_KEY: text}]}));
        assert_eq!(model(&config), Err(Unusable::Version(3)));
    }

    #[test]
    fn a_model_of_the_first_version_is_understood() {
        let text = r#"{"version": 1, "model": {"server": null, "certificates": {}, "routes": {"a.org": {
            "owner": {"address": "proxy_route.a", "token": "t"}, "hostname": "a.org",
            "slots": {"a": "web:80", "b": null}, "tls": "off", "certificate": null,
            "redirect_http": true, "hsts": null, "max_body": "1G", "read_timeout": "15m",
            "write_timeout": "15m", "path_blocks": [], "preview_cookie": null, "freeze_page": null}}}}"#;
        let config = with_route(json!({"@id": MODEL_ID, "handle": [{"handler": "vars", MODEL_KEY: text}]}));
        let model = model(&config).expect("a model");
        assert_eq!(model.routes["a.org"].tls, crate::model::Tls::Off);
    }
}

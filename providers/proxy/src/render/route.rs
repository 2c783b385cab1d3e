use serde_json::{Value as Json, json};

use super::state_file::is_there;
use super::{GATE, Mounts, SLOT, freeze, upstream};
use crate::model::{Hsts, PREVIEW_COOKIE, Route, Server};
use crate::size;
use crate::slot::Slot;
use crate::state::{FREEZE, LIVE_B};

/// `@id`s of all objects that a route is made of.
pub fn ids(hostname: &str) -> [String; 5] {
    [
        format!("mprov-route-{hostname}"),
        format!("mprov-plain-{hostname}"),
        format!("mprov-probe-a-{hostname}"),
        format!("mprov-probe-b-{hostname}"),
        format!("mprov-gate-{hostname}"),
    ]
}

/// The route on the HTTP port: the site itself, or the way to HTTPS.
pub fn plain(route: &Route, server: &Server, mounts: Mounts<'_>) -> Json {
    let [main, plain, ..] = ids(&route.hostname);
    if !route.uses_tls() {
        return site(main, route, None, mounts);
    }
    if !route.redirect_http {
        return site(plain, route, None, mounts);
    }
    let port = match server.public_https_port {
        443 => String::new(),
        port => format!(":{port}"),
    };
    let location = format!("https://{{http.request.host}}{port}{{http.request.uri}}");
    // 308: the method and the body of a form go with it.
    let redirect =
        json!({ "handler": "static_response", "status_code": 308, "headers": { "Location": [location] } });
    let mut steps = strangers(route);
    steps.push(json!({ "handle": [redirect] }));
    of_host(plain, route, steps)
}

/// The route on the HTTPS port.
pub fn secure(route: &Route, server: &Server, mounts: Mounts<'_>) -> Json {
    let [main, ..] = ids(&route.hostname);
    let standard = Hsts { max_age: server.hsts_max_age, include_subdomains: false, preload: false };
    site(main, route, Some(route.hsts.unwrap_or(standard)), mounts)
}

/// What is asked on the probe's socket: each slot, past freeze and live slot, and whether the
/// route is frozen.
pub fn probes(route: &Route, mounts: Mounts<'_>) -> Vec<Json> {
    let [_, _, a, b, gate] = ids(&route.hostname);
    let asked = |id: String, what: &str, handler: Json| {
        json!({
            "@id": id,
            "match": [{ "host": [route.hostname], "header": { SLOT: [what] } }],
            "handle": [handler],
            "terminal": true
        })
    };
    let slot = |id: String, slot: Slot| asked(id, slot.name(), upstream::probe(route, slot, mounts));
    let mut probes = vec![slot(a, Slot::A), slot(b, Slot::B)];
    if let Some(handler) = freeze::gate(route, mounts) {
        probes.push(asked(gate, GATE, handler));
    }
    probes
}

fn site(id: String, route: &Route, hsts: Option<Hsts>, mounts: Mounts<'_>) -> Json {
    let file = |name: &str| is_there(route, name, mounts);

    let mut steps = strangers(route);
    if !route.path_blocks.is_empty() {
        let nothing = json!({ "handler": "static_response", "status_code": 404 });
        steps
            .push(json!({ "match": [{ "path": route.path_blocks }], "handle": [nothing], "terminal": true }));
    }
    if let Some(hsts) = hsts.filter(|h| h.max_age > 0) {
        let set = json!({ "Strict-Transport-Security": [hsts_text(hsts)] });
        steps.push(
            json!({ "handle": [{ "handler": "headers", "response": { "set": set, "deferred": true } }] }),
        );
    }
    let max = size::parse(&route.max_body).unwrap_or_default();
    steps.push(too_large(max));
    // For bodies that do not say how long they are.
    steps.push(json!({ "handle": [{ "handler": "request_body", "max_size": max }] }));

    // Before the freeze: the operator looks at the new slot while users wait.
    if let Some(cookie) = &route.preview_cookie {
        let cookie_given =
            json!([{ "vars": { format!("{{http.request.cookie.{PREVIEW_COOKIE}}}"): [cookie.0] } }]);
        let other = json!([
            { "group": "other", "match": [file(LIVE_B)], "handle": [upstream::preview(route, Slot::A, mounts)] },
            { "group": "other", "handle": [upstream::preview(route, Slot::B, mounts)] }
        ]);
        // Where the other slot is empty, the operator is a visitor like everybody.
        let inner = json!({ "handler": "subroute", "routes": other });
        steps.push(json!({ "match": cookie_given, "handle": [inner] }));
    }
    steps.push(json!({ "match": [file(FREEZE)], "handle": freeze::kept_out(route, mounts) }));
    steps.push(json!({ "handle": upstream::live(route, mounts), "terminal": true }));

    of_host(id, route, steps)
}

fn of_host(id: String, route: &Route, steps: Vec<Json>) -> Json {
    json!({
        "@id": id,
        "match": [{ "host": [route.hostname] }],
        "handle": [{ "handler": "subroute", "routes": steps }],
        "terminal": true
    })
}

/// The answer under a name that the proxy does not know.
pub fn nobody() -> Json {
    json!({ "handler": "static_response", "status_code": 404, "body": "There is no site at this address.\n" })
}

/// Sends away who may not see the route, before anything else is looked at.
fn strangers(route: &Route) -> Vec<Json> {
    let Some(networks) = &route.allow else { return Vec::new() };
    // The address of the connection: Caddy looks at no header for this.
    let stranger = json!({ "not": [{ "remote_ip": { "ranges": networks } }] });
    vec![json!({ "match": [stranger], "handle": [nobody()], "terminal": true })]
}

/// Answers an upload that is announced as too large before any of it is read, with the status
/// that says so. (The limit on reading shows as a fault of the upstream.)
fn too_large(max: u64) -> Json {
    let condition = format!("int({{http.request.header.Content-Length}}) > {max}");
    let refused =
        json!({ "handler": "static_response", "status_code": 413, "body": "This file is too large.\n" });
    let inner = json!([{ "match": [{ "expression": condition }], "handle": [refused], "terminal": true }]);
    json!({
        "match": [{ "header": { "Content-Length": ["*"] } }],
        "handle": [{ "handler": "subroute", "routes": inner }]
    })
}

fn hsts_text(hsts: Hsts) -> String {
    let mut text = format!("max-age={}", hsts.max_age);
    if hsts.include_subdomains {
        text.push_str("; includeSubDomains");
    }
    if hsts.preload {
        text.push_str("; preload");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_request_looks_once_whether_it_is_kept_out() {
        let text = r#"{"owner": {"address": "", "token": ""}, "hostname": "a.org", "tls": "off",
            "certificate": null, "redirect_http": true, "hsts": null, "max_body": "1G", "read_timeout": "15m",
            "write_timeout": "15m", "path_blocks": [], "preview_cookie": "0123456789abcdef",
            "freeze_page": null, "pause": "30s"}"#;
        let route: Route = serde_json::from_str(text).expect("a route");
        let mounts = Mounts { state: Path::new("/s"), certificates: Path::new("/c"), probe: Some("unix//p") };
        let config = plain(&route, &Server::standard(), mounts);
        let steps = config["handle"][0]["routes"].as_array().expect("steps");
        let looks = steps.iter().filter(|step| step["match"].to_string().contains("/freeze")).count();
        assert_eq!(looks, 1, "between two looks a freeze may begin");
    }
}

use serde_json::{Map, Value as Json, json};

use super::{Mounts, route, tls, upstream};
use crate::model::{Model, Server};

pub fn http_app(model: &Model, mounts: Mounts<'_>) -> Json {
    let server = model.server();
    let mut servers = Map::new();

    let mut plain: Vec<Json> = model.routes.values().map(|r| route::plain(r, &server, mounts)).collect();
    plain.push(json!({
        "@id": "mprov-nobody",
        "handle": [route::nobody()],
        "terminal": true
    }));
    servers.insert("http".into(), listener(&server, server.http_port, &["h1"], plain));

    let secure: Vec<&_> = model.routes.values().filter(|r| r.uses_tls()).collect();
    if !secure.is_empty() {
        let routes = secure.iter().map(|r| route::secure(r, &server, mounts)).collect();
        let mut https = listener(&server, server.https_port, &["h1", "h2"], routes);
        https["tls_connection_policies"] = tls::connection_policies(&secure);
        servers.insert("https".into(), https);
    }
    if let Some(address) = mounts.probe {
        let routes: Vec<Json> = model.routes.values().flat_map(|r| route::probes(r, mounts)).collect();
        servers.insert(
            "probe".into(),
            json!({
                "listen": [address],
                "automatic_https": { "disable": true },
                "protocols": ["h1"],
                "routes": routes,
                "errors": { "routes": [{ "handle": [upstream::unanswered()] }] }
            }),
        );
    }
    json!({ "servers": servers })
}

/// Access logs go to the container's log. What may hold tokens is left out: query strings, and
/// addresses of pages in other headers. (Cookies and authorisation are hidden by Caddy itself.)
pub fn logging() -> Json {
    let fields = json!({
        "request>uri": { "filter": "regexp", "regexp": "\\?.*", "value": "?…" },
        "request>headers>Referer": { "filter": "delete" },
        "resp_headers>Location": { "filter": "delete" }
    });
    json!({ "logs": {
        "default": { "exclude": ["http.log.access"] },
        "access": {
            "include": ["http.log.access"],
            "encoder": { "format": "filter", "wrap": { "format": "json" }, "fields": fields }
        }
    } })
}

fn listener(server: &Server, port: u16, protocols: &[&str], routes: Vec<Json>) -> Json {
    let mut listener = json!({
        "listen": [format!(":{port}")],
        // Certificates and redirects are said one by one: nothing is to depend on what Caddy
        // makes of a host name.
        "automatic_https": { "disable": true },
        "protocols": protocols,
        "read_header_timeout": server.read_header_timeout,
        "read_timeout": server.read_timeout,
        "idle_timeout": server.idle_timeout,
        "routes": routes
    });
    if server.access_log {
        listener["logs"] = json!({});
    }
    listener
}

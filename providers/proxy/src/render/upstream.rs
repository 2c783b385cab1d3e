use serde_json::{Value as Json, json};

use super::state_file::{is_filled, is_there};
use super::{Mounts, SLOT, UNANSWERED};
use crate::model::{PREVIEW_COOKIE, Route};
use crate::slot::Slot;
use crate::state::LIVE_B;

/// Request headers by which a visitor could claim another address, scheme or port than his own.
/// Caddy itself replaces `X-Forwarded-For`, `-Host` and `-Proto`; Moodle would also believe
/// `Client-Ip`.
const FORGED: [&str; 10] = [
    "Client-Ip",
    "X-Client-Ip",
    "X-Real-Ip",
    "X-Cluster-Client-Ip",
    "True-Client-Ip",
    "X-Forwarded-Port",
    "X-Forwarded-Server",
    "X-Forwarded-Ssl",
    "Forwarded",
    "Proxy",
];
/// Who is passed on to a slot. Each has a name of its own in the proxy's count of requests in
/// flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    User,
    Operator,
    Probe,
}

/// How long a request waits for an upstream that does not answer until it looks anew which slot is
/// live; and how long it waits from then on.
const PATIENCE: &str = "2500ms";

/// What users get of the site, as handlers.
///
/// A container that restarts is waited for. Nothing that an upstream may have begun to work on is
/// sent twice, but for what is safe to repeat (RFC 9110, 9.2.1): of the rest only connecting is
/// tried again. (With a body even that fails: Caddy 2.6 closes the body when it cannot connect.)
///
/// Caddy goes on trying the address that it began with, so half way the live slot is looked up a
/// second time: users may have been switched away from an upstream that is dead.
pub fn live(route: &Route, mounts: Mounts<'_>) -> Json {
    let safe = json!({ "method": ["GET", "HEAD"] });
    // The answer to the error of an upstream that did not answer is the next handler.
    let others = json!({ "not": [{ "vars": { "{http.error.status_code}": ["502"] } }] });
    let passed_on = json!({ "handler": "error", "status_code": "{http.error.status_code}" });
    let first = json!({
        "handler": "subroute",
        "routes": [{ "match": [safe], "handle": [live_slot(route, mounts)] }],
        "errors": { "routes": [{ "match": [others], "handle": [passed_on] }] }
    });
    json!([first, live_slot(route, mounts)])
}

fn live_slot(route: &Route, mounts: Mounts<'_>) -> Json {
    let slot = |slot: Slot| {
        let mut proxy = reverse_proxy(route, slot, Caller::User);
        proxy["load_balancing"] = json!({ "try_duration": PATIENCE, "try_interval": "250ms" });
        let handlers = vec![address(route, slot, Caller::User), proxy];
        json!({ "handler": "subroute", "routes": [filled(route, slot, mounts, handlers), { "handle": [empty()] }] })
    };
    let routes = json!([
        { "match": [is_there(route, LIVE_B, mounts)], "handle": [slot(Slot::B)], "terminal": true },
        { "handle": [slot(Slot::A)] }
    ]);
    json!({ "handler": "subroute", "routes": routes })
}

/// What users get of a slot without an upstream.
fn empty() -> Json {
    json!({ "handler": "static_response", "status_code": 503, "headers": { "Retry-After": ["60"] } })
}

/// What the operator gets of the slot that is not live. Passes over an empty slot.
pub fn preview(route: &Route, slot: Slot, mounts: Mounts<'_>) -> Json {
    let said = json!({ SLOT: [slot.name()], "Cache-Control": ["no-store"] });
    let headers = json!({ "handler": "headers", "response": { "set": said, "deferred": true } });
    let handlers =
        vec![headers, address(route, slot, Caller::Operator), reverse_proxy(route, slot, Caller::Operator)];
    json!({ "handler": "subroute", "routes": [filled(route, slot, mounts, handlers)] })
}

/// What the probe's listener gets of a slot: past freeze and live slot.
pub fn probe(route: &Route, slot: Slot, mounts: Mounts<'_>) -> Json {
    let handlers = vec![address(route, slot, Caller::Probe), reverse_proxy(route, slot, Caller::Probe)];
    let routes = json!([filled(route, slot, mounts, handlers), { "handle": [unanswered()] }]);
    json!({ "handler": "subroute", "routes": routes })
}

/// The probe's answer where no upstream gives one.
pub fn unanswered() -> Json {
    json!({ "handler": "static_response", "status_code": 502, "headers": { UNANSWERED: ["1"] } })
}

/// Under which name the proxy counts the requests of users that the slot is working on.
pub fn counted_as(hostname: &str, slot: Slot) -> String {
    dial(hostname, slot, Caller::User)
}

/// A route that is taken where the slot holds an upstream.
fn filled(route: &Route, slot: Slot, mounts: Mounts<'_>, handlers: Vec<Json>) -> Json {
    json!({ "match": [is_filled(route, slot, mounts)], "handle": handlers, "terminal": true })
}

/// Keeps the name of the slot's file, which was just matched: it is the upstream's address.
fn address(route: &Route, slot: Slot, caller: Caller) -> Json {
    // Caddy writes addresses as "network/host:port".
    json!({ "handler": "vars", variable(&route.hostname, slot, caller): "tcp{http.matchers.file.relative}" })
}

fn reverse_proxy(route: &Route, slot: Slot, caller: Caller) -> Json {
    json!({
        "handler": "reverse_proxy",
        "upstreams": [{ "dial": dial(&route.hostname, slot, caller) }],
        // `Host` goes on unchanged, as Moodle compares it with its own address.
        "headers": { "request": { "delete": FORGED, "replace": { "Cookie": without_preview_cookie() } } },
        "transport": {
            "protocol": "http",
            "dial_timeout": "5s",
            "read_timeout": route.read_timeout,
            "write_timeout": route.write_timeout,
            // Shorter than the web server's own, or a request meets a connection being closed.
            "keep_alive": { "enabled": true, "idle_timeout": "30s", "max_idle_conns_per_host": 64 }
        }
    })
}

/// Takes the preview cookie out of the header: it is between the operator and the proxy, and an
/// application would write it into its own logs. Caddy does not look at the case of its name.
fn without_preview_cookie() -> Json {
    json!([
        { "search_regexp": format!(r"(?i)^(\s*{PREVIEW_COOKIE}=[^;]*(;\s*|$))+"), "replace": "" },
        { "search_regexp": format!(r"(?i);\s*{PREVIEW_COOKIE}=[^;]*"), "replace": "" }
    ])
}

fn dial(hostname: &str, slot: Slot, caller: Caller) -> String {
    format!("{{http.vars.{}}}", variable(hostname, slot, caller))
}

fn variable(hostname: &str, slot: Slot, caller: Caller) -> String {
    let caller = match caller {
        Caller::User => "live",
        Caller::Operator => "preview",
        Caller::Probe => "probe",
    };
    format!("mprov-{caller}-{}-{hostname}", slot.name())
}

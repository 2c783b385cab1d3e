use std::time::Duration;

use mprov_sdk::parse_duration;
use serde_json::{Value as Json, json};

use super::state_file::is_there;
use super::{GATE, Mounts, SLOT};
use crate::model::Route;
use crate::state::{FREEZE, PAGE_AT_ONCE};

/// How often a waiting request looks whether the route was thawed.
const NAP: Duration = Duration::from_millis(250);
/// Naps that one question at the gate takes at most: it costs more than a look at a file.
const NAPS: u64 = 4;

const PAGE: &str = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Back in a few minutes</title>\
    </head><body><h1>Back in a few minutes</h1><p>The site is being maintained. What you have saved is safe; \
    please try again shortly.</p></body></html>\n";

/// What becomes of a request that came while the route was frozen: it waits, if it may, and gets
/// the freeze page if the route is frozen still. Otherwise the next step is its.
///
/// Only such a request looks for the freeze a second time: one that came before the freeze must not
/// meet the page because the freeze began between two looks.
pub fn kept_out(route: &Route, mounts: Mounts<'_>) -> Json {
    let Some(wait) = wait(route, mounts) else { return page(route) };
    let at_once =
        json!({ "match": [is_there(route, PAGE_AT_ONCE, mounts)], "handle": page(route), "terminal": true });
    let still = json!({ "match": [is_there(route, FREEZE, mounts)], "handle": page(route) });
    json!([{ "handler": "subroute", "routes": [at_once, { "handle": [wait] }, still] }])
}

/// The freeze page, as handlers.
fn page(route: &Route) -> Json {
    let answer = json!({
        "handler": "static_response",
        "status_code": 503,
        "headers": {
            "Retry-After": ["60"],
            "Cache-Control": ["no-store"],
            "Content-Type": ["text/html; charset=utf-8"]
        },
        "body": literal(route.freeze_page.as_deref().unwrap_or(PAGE))
    });
    json!([closing(), answer])
}

/// Closes the connection after the answer. Idle connections are gone soon after the freeze then:
/// none is left that the load of a configuration could close while its next request is on the way.
/// In HTTP/2 that cannot happen, as the server says which requests it has not taken.
fn closing() -> Json {
    let one_at_a_time = json!({ "vars": { "{http.request.proto}": ["HTTP/1.1", "HTTP/1.0"] } });
    let close = json!({ "handler": "headers", "response": { "set": { "Connection": ["close"] } } });
    json!({ "handler": "subroute", "routes": [{ "match": [one_at_a_time], "handle": [close] }] })
}

/// Lets a request wait until the route was thawed or its pause is over, and goes on with the next
/// handler in both cases. None where requests do not wait.
///
/// Caddy has nothing that waits, so a `reverse_proxy` asks the gate, by a request without the body,
/// until the gate answers. That ends in an error also when it went well: the answer to an error is
/// the next handler, so that whatever comes later is done once and its own errors are not taken for
/// the gate's. The tries are counted, not timed: Caddy ends timed ones when a configuration is
/// loaded. It ends a question at the gate as well, but then the next one is asked.
fn wait(route: &Route, mounts: Mounts<'_>) -> Option<Json> {
    let (questions, _) = pace(route)?;
    let opened = json!([{ "handle": [{ "handler": "error", "status_code": 299 }] }]);
    let mut ask = json!({
        "handler": "reverse_proxy",
        "upstreams": [{ "dial": mounts.probe? }],
        // Always another address than the request's own, or Caddy would send the body.
        "rewrite": { "method": "GET", "uri": "/{http.request.uuid}" },
        "headers": { "request": { "set": { SLOT: [GATE] } } },
        "transport": { "protocol": "http", "keep_alive": { "enabled": false } },
        "handle_response": [{ "routes": opened }]
    });
    if questions > 1 {
        ask["load_balancing"] = json!({ "retries": questions - 1 });
    }
    Some(json!({ "handler": "subroute", "routes": [{ "handle": [ask] }], "errors": { "routes": [] } }))
}

/// Answers as soon as the route is not frozen; breaks off after a while if it stays so.
pub fn gate(route: &Route, mounts: Mounts<'_>) -> Option<Json> {
    let (_, naps) = pace(route)?;
    let frozen = is_there(route, FREEZE, mounts);
    // Without an upstream there is nothing to try, but the time between two tries passes.
    let nap = json!({
        "handler": "reverse_proxy",
        "load_balancing": { "retries": 1, "try_interval": format!("{}ms", NAP.as_millis()) }
    });
    let nap = json!({ "handler": "subroute", "routes": [{ "handle": [nap] }], "errors": { "routes": [] } });
    let mut steps = vec![json!({ "match": [frozen], "handle": [nap] }); naps as usize];
    let break_off = json!({ "handler": "static_response", "abort": true });
    steps.push(json!({ "match": [frozen], "handle": [break_off], "terminal": true }));
    steps.push(json!({ "handle": [{ "handler": "static_response", "status_code": 204 }] }));
    Some(json!({ "handler": "subroute", "routes": steps }))
}

/// How many questions make up the pause, and how many naps each of them; none without a pause.
fn pace(route: &Route) -> Option<(u64, u64)> {
    let pause = parse_duration(&route.pause)?;
    let naps = u64::try_from(pause.as_millis().div_ceil(NAP.as_millis())).ok()?;
    let questions = naps.div_ceil(NAPS);
    (naps > 0).then(|| (questions, naps.div_ceil(questions)))
}

/// Text in which no part is taken for a placeholder.
fn literal(text: &str) -> String {
    text.replace('{', "\\{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_made_of_questions_and_naps() {
        let text = r#"{"owner": {"address": "", "token": ""}, "hostname": "a.org", "tls": "off",
            "certificate": null, "redirect_http": true, "hsts": null, "max_body": "1G", "read_timeout": "15m",
            "write_timeout": "15m", "path_blocks": [], "preview_cookie": null, "freeze_page": null}"#;
        let mut route: Route = serde_json::from_str(text).expect("a route");
        for (pause, expected) in [
            ("0s", None),
            ("100ms", Some((1, 1))),
            ("1s", Some((1, 4))),
            ("1500ms", Some((2, 3))),
            ("30s", Some((30, 4))),
        ] {
            route.pause = pause.into();
            assert_eq!(pace(&route), expected, "{pause}");
        }
    }

    #[test]
    fn braces_of_a_page_are_no_placeholders() {
        assert_eq!(literal("a{color:red}"), "a\\{color:red}");
    }
}

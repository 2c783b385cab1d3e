use mprov_sdk::{Fault, Object, Value};

use super::UNEXPECTED;
use crate::model::{Hsts, Owner, PreviewCookie, Route, Server, Tls};
use crate::state::State;

/// Attributes that no part of the configuration follows from: what state files hold, and how long
/// mprov waits for what.
const WITHOUT_CONFIGURATION: [&str; 5] =
    ["upstream", "frozen", "drain_timeout", "health_path", "health_timeout"];
/// What the provider makes of the others.
const COMPUTED: [&str; 3] = ["id", "live_slot", "url"];

/// The route of the attributes.
pub fn route_of(planned: &Object, owner: Owner) -> Result<Route, Fault> {
    let tls = planned.str("tls")?;
    let hsts = match planned.object("hsts")? {
        None => None,
        Some(block) => Some(Hsts {
            max_age: block.i64("max_age")?,
            include_subdomains: block.opt_bool("include_subdomains")?.unwrap_or(false),
            preload: block.opt_bool("preload")?.unwrap_or(false),
        }),
    };
    Ok(Route {
        owner,
        hostname: planned.str("hostname")?.to_owned(),
        tls: Tls::parse(tls).ok_or_else(|| Fault::new(format!("\"{tls}\" is no kind of TLS")))?,
        certificate: planned.opt_str("certificate")?.map(str::to_owned),
        redirect_http: planned.bool("redirect_http")?,
        hsts,
        max_body: planned.str("max_body")?.to_owned(),
        read_timeout: planned.str("read_timeout")?.to_owned(),
        write_timeout: planned.str("write_timeout")?.to_owned(),
        path_blocks: planned.strings("path_blocks")?,
        allow: match planned["allow"].is_null() {
            true => None,
            false => Some(planned.strings("allow")?),
        },
        preview_cookie: planned.opt_str("preview_cookie")?.map(|c| PreviewCookie(c.to_owned())),
        freeze_page: planned.opt_str("freeze_page")?.map(str::to_owned),
        pause: planned.str("pause")?.to_owned(),
    })
}

/// What there is, with what cannot be observed taken from `known`.
pub fn observed(
    route: &Route,
    state: &State,
    server: &Server,
    unexpected: Option<String>,
    known: &Object,
) -> Object {
    let list = |texts: &[String]| Value::list(texts.iter().map(|t| t.as_str().into()));
    let cookie = route.preview_cookie.as_ref().map(|c| c.0.clone());
    let hsts = route.hsts.map_or(Value::Null, |h| {
        Value::object([
            ("max_age", Value::from(h.max_age)),
            ("include_subdomains", h.include_subdomains.into()),
            ("preload", h.preload.into()),
        ])
    });
    Object::new()
        .with("hostname", route.hostname.as_str())
        .with("upstream", state.upstream(state.live).map(str::to_owned))
        .with("tls", route.tls.text())
        .with("certificate", route.certificate.clone())
        .with("redirect_http", route.redirect_http)
        .with("hsts", hsts)
        .with("max_body", route.max_body.as_str())
        .with("read_timeout", route.read_timeout.as_str())
        .with("write_timeout", route.write_timeout.as_str())
        .with("path_blocks", list(&route.path_blocks))
        .with("allow", route.allow.as_deref().map_or(Value::Null, list))
        .with("preview_cookie", Value::from(cookie).sensitive())
        .with("freeze_page", route.freeze_page.clone())
        .with("pause", route.pause.as_str())
        .with("frozen", state.frozen)
        .with("drain_timeout", known["drain_timeout"].clone())
        .with("health_path", known["health_path"].clone())
        .with("health_timeout", known["health_timeout"].clone())
        .with(UNEXPECTED, unexpected)
        .with("id", route.hostname.as_str())
        .with("live_slot", state.live.name())
        .with("url", route.url(server))
}

/// What an update has made: as planned, with what users get as the state files say.
pub fn updated(planned: &Object, state: &State, url: &str) -> Object {
    planned
        .clone()
        .with("preview_cookie", planned["preview_cookie"].clone().sensitive())
        .with("upstream", state.upstream(state.live).map(str::to_owned))
        .with("frozen", state.frozen)
        .with(UNEXPECTED, Value::Null)
        .with("id", planned["hostname"].clone())
        .with("live_slot", state.live.name())
        .with("url", url)
}

/// Whether the two differ at most in what needs no change of the configuration.
pub fn same_configuration(prior: &Object, planned: &Object) -> bool {
    let of_state = |name: &str| WITHOUT_CONFIGURATION.contains(&name) || COMPUTED.contains(&name);
    let equal = |name: &str| of_state(name) || prior[name].same(&planned[name]);
    !prior["url"].is_null() && prior.keys().chain(planned.keys()).all(|name| equal(name))
}

use std::time::Duration;

use mprov_sdk::{Attribute, Diagnostics, Field, Object, Schema, Type, Value, parse_duration};

use super::{UNEXPECTED, UNEXPECTED_MEANS, known, refuse};
use crate::model::Tls;
use crate::{check, size};

pub const KIND: &str = "proxy_route";
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "A site behind the proxy. It has two slots, of which one is live. A change of upstream fills the other slot, \
         waits until it answers and switches. Upstream, live slot and freeze are state files that the proxy looks \
         for with every request: their changes load no configuration, so that no request fails.",
        [
            (
                "hostname",
                Attribute::required(Type::String, "Host name of the site, without port, in lower case.").replaces(),
            ),
            (
                "upstream",
                Attribute::required(Type::String, "The site's web server as the proxy reaches it, \"host:port\"."),
            ),
            (
                "tls",
                Attribute::optional(
                    Type::String,
                    "\"acme\": a certificate is fetched and renewed; \"certificate\": the given one; \"internal\": \
                     signed by the proxy itself, for trying things out; \"off\": plain HTTP.",
                )
                .default("acme"),
            ),
            (
                "certificate",
                Attribute::optional(Type::String, "With tls = \"certificate\": the id of a proxy_certificate."),
            ),
            (
                "redirect_http",
                Attribute::optional(Type::Bool, "Send visitors from HTTP to HTTPS. Of no meaning with tls = \"off\".")
                    .default(true),
            ),
            (
                "hsts",
                Attribute::block(
                    [
                        ("max_age", Field::required(Type::Number)),
                        ("include_subdomains", Field::with_default(Type::Bool, false)),
                        ("preload", Field::with_default(Type::Bool, false)),
                    ],
                    "Tells browsers to use HTTPS only, for max_age seconds. Without the block the proxy_server's \
                     value holds.",
                ),
            ),
            (
                "max_body",
                Attribute::optional(
                    Type::String,
                    "Largest request, e.g. \"1G\": above the largest upload that PHP allows.",
                )
                .default("1G"),
            ),
            (
                "read_timeout",
                Attribute::optional(Type::String, "Time the site may be silent while it answers: reports and backups take long.")
                    .default("15m"),
            ),
            (
                "write_timeout",
                Attribute::optional(Type::String, "Time the site may take to accept more of a request.").default("15m"),
            ),
            (
                "path_blocks",
                Attribute::optional(
                    Type::list(Type::String),
                    "Paths that are answered with 404 from outside; * at the end or the beginning matches any rest.",
                )
                .default(Value::list(["/mprov-health*".into()])),
            ),
            (
                "allow",
                Attribute::optional(
                    Type::list(Type::String),
                    "Networks from which the site may be seen, e.g. [\"10.1.0.0/16\", \"2001:db8::/32\"]; everybody may where \
                     it is null. Others get the 404 of a name that the proxy does not know. What counts is the address \
                     that the connection to the proxy comes from, never a header. Behind Docker's port mapping that of a \
                     visitor from the machine itself is the network's gateway.",
                ),
            ),
            (
                "preview_cookie",
                Attribute::optional(
                    Type::String,
                    "Secret value of the cookie mprov_preview. Whoever sends it sees the slot that is not live, even \
                     during a freeze, or what everybody sees while that slot is empty. The cookie is not passed on, and \
                     the answers are not to be cached. It is in the proxy's saved configuration, which only root and \
                     the proxy can read.",
                )
                .sensitive(),
            ),
            (
                "freeze_page",
                Attribute::optional(
                    Type::String,
                    "HTML shown while the route is frozen: with 503 and Retry-After, not to be cached, and with the \
                     connection closed after it.",
                ),
            ),
            (
                "frozen",
                Attribute::optional(Type::Bool, "Keep users out: they get the freeze page, after pause.").default(false),
            ),
            (
                "pause",
                Attribute::optional(
                    Type::String,
                    "Time that a request waits for the thaw before it gets the freeze page, for a switch that takes \
                     seconds. Where a rehearsal has shown that the switch takes longer, no request waits. The clients' \
                     own patience is the limit: 60s suits browsers. Each waiting request holds a connection and some \
                     memory. Needs admin to be a socket.",
                )
                .default("0s"),
            ),
            (
                "drain_timeout",
                Attribute::optional(
                    Type::String,
                    "Time that a freeze waits for the requests that the live upstream is working on. When it is over, \
                     the freeze goes on and says how many are left.",
                )
                .default("30s"),
            ),
            (
                "health_path",
                Attribute::optional(
                    Type::String,
                    "Path that a new upstream has to answer with 2xx before it becomes live. Without it, any answer \
                     will do. Asked over a socket beside the admin socket; not asked where admin is a port.",
                ),
            ),
            (
                "health_timeout",
                Attribute::optional(Type::String, "Time until a new upstream has to be well.").default("60s"),
            ),
            (UNEXPECTED, Attribute::optional(Type::String, UNEXPECTED_MEANS)),
            ("id", Attribute::computed(Type::String, "The host name.")),
            (
                "live_slot",
                Attribute::computed(Type::String, "The slot that users see, \"a\" or \"b\".").recomputed_by(["upstream"]),
            ),
            ("url", Attribute::computed(Type::String, "The address as users type it.").recomputed_by(["tls"])),
        ],
    )
    .freezes_by("frozen")
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    if known(config, "hostname").is_some_and(|h| !check::is_hostname(h)) {
        found.push(refuse(
            "hostname",
            "not a host name",
            "Write the name in lower case, without scheme and port, e.g. \"moodle.example.org\".",
        ));
    }
    if known(config, "upstream").is_some_and(|u| !check::is_upstream(u)) {
        found.push(refuse("upstream", "not an upstream", "Write host and port, e.g. \"site-web:80\"."));
    }
    let tls = known(config, "tls");
    if tls.is_some_and(|t| Tls::parse(t).is_none()) {
        found.push(refuse(
            "tls",
            "no such kind of TLS",
            "It is one of \"acme\", \"certificate\", \"internal\", \"off\".",
        ));
    }
    if tls == Some("certificate") && config["certificate"].is_null() {
        found.push(refuse("certificate", "a certificate is missing", "Give the id of a proxy_certificate."));
    }
    if tls.is_some_and(|t| t != "certificate") && !config["certificate"].is_null() {
        found.push(refuse("certificate", "a certificate that is not used", "Set tls = \"certificate\"."));
    }
    if known(config, "max_body").is_some_and(|s| size::parse(s).is_none()) {
        found.push(refuse("max_body", "max_body is no size", "Write it as \"512M\" or \"2G\"."));
    }
    for name in ["read_timeout", "write_timeout", "pause", "drain_timeout", "health_timeout"] {
        if known(config, name).is_some_and(|t| parse_duration(t).is_none()) {
            found.push(refuse(name, format!("{name} is no time"), "Write it as \"30s\", \"5m\" or \"1h\"."));
        }
    }
    let pause = known(config, "pause").and_then(parse_duration);
    if pause.is_some_and(|p| p > LONGEST_PAUSE) {
        found.push(refuse("pause", "pause is too long", "No client waits for more than 10 minutes."));
    }
    if known(config, "health_path").is_some_and(|p| !p.starts_with('/')) {
        found.push(refuse("health_path", "health_path is no path", "It begins with \"/\"."));
    }
    let paths = config["path_blocks"].as_elements().unwrap_or_default();
    if paths.iter().any(|p| p.as_str().is_some_and(|p| !p.starts_with(['/', '*']) || p.contains('{'))) {
        found.push(refuse(
            "path_blocks",
            "not a path",
            "Each begins with \"/\" or \"*\" and holds no \"{\".",
        ));
    }
    if let Some(networks) = config["allow"].as_elements() {
        if networks.is_empty() {
            found.push(refuse("allow", "nobody may see the route", "Leave allow out for everybody."));
        }
        if networks.iter().any(|n| n.as_str().is_some_and(|n| !check::is_network(n))) {
            found.push(refuse(
                "allow",
                "not a network",
                "Write each as an address with the length of its prefix, e.g. \"10.1.0.0/16\" or \"192.0.2.7/32\".",
            ));
        }
    }
    if known(config, "preview_cookie").is_some_and(|c| !check::is_preview_cookie(c)) {
        found.push(refuse(
            "preview_cookie",
            "not a good preview cookie",
            "Give 16 to 200 random letters, digits, \"-\" and \"_\", e.g. of a core_random_password without special \
             characters.",
        ));
    }
    if !config[UNEXPECTED].is_null() {
        found.push(refuse(UNEXPECTED, "this attribute cannot be set", UNEXPECTED_MEANS));
    }
    found
}

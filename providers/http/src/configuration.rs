use std::time::Duration;

use mprov_sdk::{Attribute, Fault, Field, Object, Schema, Type, Value, parse_duration};
use reqwest::{Method, Url};

use crate::authentication::{Kept, Login, OAuth2, Way};
use crate::client::{Clients, Tls};
use crate::pace::Pace;
use crate::place::{NOTATION, Place};
use crate::redaction::Redaction;
use crate::session::Connection;
use crate::url::Base;
use crate::wire::Wire;

pub fn schema() -> Schema {
    let text = || Field::required(Type::String);
    let optional = || Field::optional(Type::String);
    Schema::new(
        "http",
        "Which server, and how it is asked.",
        [
            (
                "url",
                Attribute::optional(
                    Type::String,
                    "Address that the paths of requests are appended to, https://cloud.example/v2.",
                ),
            ),
            (
                "headers",
                Attribute::optional(Type::map(Type::String), "Headers of every request.").sensitive(),
            ),
            (
                "basic",
                Attribute::block(
                    [("username", text()), ("password", text())],
                    "Basic authentication (RFC 7617).",
                )
                .sensitive(),
            ),
            (
                "oauth2",
                Attribute::block(
                    [
                        ("token_url", text()),
                        ("client_id", text()),
                        ("client_secret", text()),
                        ("scopes", Field::optional(Type::list(Type::String))),
                        ("parameters", Field::optional(Type::map(Type::String))),
                        ("credentials_in", Field::with_default(Type::String, "header")),
                    ],
                    "OAuth 2 client credentials (RFC 6749, section 4.4). \"credentials_in\" is \"header\" or \"body\".",
                )
                .sensitive(),
            ),
            (
                "login",
                Attribute::block(
                    [
                        ("method", Field::with_default(Type::String, "POST")),
                        ("url", text()),
                        ("body", Field::optional(Type::Any)),
                        ("headers", Field::optional(Type::map(Type::String))),
                        ("token", text()),
                        ("expires", optional()),
                        ("header", Field::with_default(Type::String, "Authorization")),
                        ("prefix", Field::with_default(Type::String, "")),
                    ],
                    "A request whose reply holds the token of all others.",
                )
                .sensitive(),
            ),
            (
                "client_certificate",
                Attribute::block(
                    [("certificate", text()), ("private_key", text())],
                    "Mutual TLS: certificate with its chain and private key, PEM.",
                )
                .sensitive(),
            ),
            (
                "ca_certificates",
                Attribute::optional(
                    Type::String,
                    "Certificates of authorities to trust besides the machine's own, PEM.",
                ),
            ),
            (
                "requests_per_second",
                Attribute::optional(Type::Number, "No more requests than that are begun in a second."),
            ),
            ("timeout", Attribute::optional(Type::String, "How long a reply may take.").default("60s")),
            ("retries", Attribute::optional(Type::Number, "How often a request is repeated.").default(4)),
            (
                "longest_pause",
                Attribute::optional(Type::String, "The longest wait before a request is repeated.")
                    .default("60s"),
            ),
        ],
    )
}

/// The connection that a configuration describes. Nothing is sent yet.
pub fn connection(config: &Object) -> Result<Connection, Fault> {
    let timeout = time(config, "timeout")?;
    let tls = Tls {
        identity: config.object("client_certificate")?.map(identity).transpose()?,
        authorities: config.opt_str("ca_certificates")?.map(str::to_owned),
    };
    let retries = config.opt_i64("retries")?.unwrap_or(4);
    let retries = u32::try_from(retries).ok().filter(|n| *n <= 100);
    let wire = Wire {
        clients: Clients::new(&tls, timeout)?,
        pace: Pace::new(rate(config)?),
        retries: retries.ok_or_else(|| Fault::new("\"retries\" is a number from 0 to 100"))?,
        longest_pause: time(config, "longest_pause")?,
        timeout,
    };
    let base = config.opt_str("url")?.map(|url| {
        Base::parse(url).ok_or_else(|| {
            Fault::new("\"url\" of the provider cannot be used").detail(
                "It is an address with http:// or https://, without a query and without a password in it: there are \
                 \"basic\" and \"headers\" for those.",
            )
        })
    });
    Ok(Connection {
        wire,
        base: base.transpose()?,
        headers: config.string_map("headers")?,
        way: way(config)?,
        redaction: secrets(config)?,
    })
}

fn way(config: &Object) -> Result<Way, Fault> {
    let (basic, oauth2, login) = (config.object("basic")?, config.object("oauth2")?, config.object("login")?);
    match (basic, oauth2, login) {
        (None, None, None) => Ok(Way::None),
        (Some(basic), None, None) => Ok(Way::Basic {
            username: basic.str("username")?.to_owned(),
            password: basic.str("password")?.to_owned(),
        }),
        (None, Some(oauth2), None) => Ok(Way::OAuth2(Box::new(parse_oauth2(oauth2)?))),
        (None, None, Some(login)) => Ok(Way::Login(Box::new(parse_login(login)?))),
        _ => Err(Fault::new("the provider is told several ways of authentication")
            .detail("Keep one of the blocks basic, oauth2 and login.")),
    }
}

fn parse_oauth2(block: &Object) -> Result<OAuth2, Fault> {
    let in_body = match block.opt_str("credentials_in")? {
        None | Some("header") => false,
        Some("body") => true,
        Some(_) => return Err(Fault::new("\"credentials_in\" is \"header\" or \"body\"")),
    };
    Ok(OAuth2 {
        token_url: address(block, "token_url")?,
        client_id: block.str("client_id")?.to_owned(),
        client_secret: block.str("client_secret")?.to_owned(),
        scopes: block.strings("scopes")?,
        parameters: block.string_map("parameters")?,
        in_body,
        kept: Kept::default(),
    })
}

fn parse_login(block: &Object) -> Result<Login, Fault> {
    let place = |name: &str| -> Result<Option<Place>, Fault> {
        let Some(text) = block.opt_str(name)? else { return Ok(None) };
        let place = Place::parse(text);
        place
            .map(Some)
            .ok_or_else(|| Fault::new(format!("\"{name}\" of the login is no place")).detail(NOTATION))
    };
    let method = block.opt_str("method")?.unwrap_or("POST");
    Ok(Login {
        method: Method::try_from(method).map_err(|_| Fault::new("\"method\" of the login is no method"))?,
        url: address(block, "url")?,
        body: block["body"].clone(),
        headers: block.string_map("headers")?,
        token: place("token")?.ok_or_else(|| Fault::new("the login does not say where its token is"))?,
        expires: place("expires")?,
        header: block.opt_str("header")?.unwrap_or("Authorization").to_ascii_lowercase(),
        prefix: block.opt_str("prefix")?.unwrap_or_default().to_owned(),
        kept: Kept::default(),
    })
}

/// What of the configuration must not be shown. Its blocks are sensitive as a whole, but names of
/// methods and headers in them are no secrets, and errors without them could not be read.
fn secrets(config: &Object) -> Result<Redaction, Fault> {
    let mut redaction = Redaction::default();
    for (block, name) in
        [("basic", "password"), ("oauth2", "client_secret"), ("client_certificate", "private_key")]
    {
        if let Some(block) = config.object(block)? {
            redaction.add(block.str(name)?);
        }
    }
    for (name, value) in config.string_map("headers")? {
        let is_common =
            ["accept", "content-type", "user-agent"].contains(&name.to_ascii_lowercase().as_str());
        if !is_common && value.len() >= 8 {
            redaction.add(&value);
            redaction.add(value.rsplit(' ').next().unwrap_or_default());
        }
    }
    for name in ["headers", "oauth2", "login"] {
        let (inner, _) = config[name].unmark();
        redaction = redaction.and(&Redaction::of([inner]));
        add_by_name(inner, &mut redaction);
    }
    Ok(redaction)
}

/// Texts whose name says that they are secret.
fn add_by_name(value: &Value, into: &mut Redaction) {
    let is_secret = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["password", "secret", "apikey", "api_key", "passwd"].iter().any(|part| name.contains(part))
    };
    match value.unmark().0 {
        Value::Map(entries) | Value::Object(entries) => {
            for (name, value) in entries.iter() {
                match value.as_str().filter(|_| is_secret(name)) {
                    Some(text) => into.add(text),
                    None => add_by_name(value, into),
                }
            }
        }
        Value::List(items) | Value::Set(items) | Value::Tuple(items) => {
            items.iter().for_each(|v| add_by_name(v, into));
        }
        _ => {}
    }
}

fn identity(block: &Object) -> Result<(String, String), Fault> {
    Ok((block.str("certificate")?.to_owned(), block.str("private_key")?.to_owned()))
}

fn address(block: &Object, name: &str) -> Result<Url, Fault> {
    let url = Url::parse(block.str(name)?).ok().filter(|u| matches!(u.scheme(), "http" | "https"));
    url.ok_or_else(|| Fault::new(format!("\"{name}\" is no address with http:// or https://")))
}

fn rate(config: &Object) -> Result<Option<f64>, Fault> {
    if config["requests_per_second"].is_null() {
        return Ok(None);
    }
    let rate = config["requests_per_second"].as_number().map(mprov_sdk::Number::to_f64);
    match rate.filter(|r| (0.001..=1e6).contains(r)) {
        Some(rate) => Ok(Some(rate)),
        None => Err(Fault::new("\"requests_per_second\" is a number from 0.001 to 1000000")),
    }
}

fn time(config: &Object, name: &str) -> Result<Duration, Fault> {
    let text = config.opt_str(name)?.unwrap_or("60s");
    parse_duration(text).ok_or_else(|| {
        Fault::new(format!("\"{name}\" is no time")).detail("Write a number with ms, s, m or h: \"30s\".")
    })
}

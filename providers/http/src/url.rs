use mprov_sdk::Fault;
use reqwest::Url;

/// The address that paths are appended to.
#[derive(Clone, Debug)]
pub struct Base(Url);

impl Base {
    /// An absolute http or https address without a query.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let plain = matches!(url.scheme(), "http" | "https") && url.query().is_none();
        let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        (plain && bare).then_some(Self(url))
    }

    /// A path below the base, or a whole address of the same server: credentials go nowhere else.
    pub fn join(&self, path: &str) -> Result<Url, Fault> {
        let unusable = |why: &str| {
            Err(Fault::new(format!("\"{}\" is no path of {}", path_only(path), self.0)).detail(why))
        };
        if path.contains("://") && !path.starts_with('/') {
            let Ok(url) = Url::parse(path) else { return unusable("It is no valid address.") };
            return match self.is_same_server(&url) {
                true => Ok(url),
                false => unusable(
                    "Requests with this provider's credentials go to the server in \"url\" only. Another \
                     server takes another provider configuration (alias).",
                ),
            };
        }
        if !path.starts_with(['/', '?']) {
            return unusable("A path begins with a slash.");
        }
        let base = self.0.as_str().trim_end_matches('/');
        match Url::parse(&format!("{base}{path}")) {
            Ok(url) if self.is_same_server(&url) => Ok(url),
            _ => unusable("It is no valid address."),
        }
    }

    /// Where a link in a reply points to: a whole address, or a path from the server's root.
    pub fn follow(&self, link: &str) -> Result<Url, Fault> {
        match self.0.join(link) {
            Ok(url) if self.is_same_server(&url) => Ok(url),
            _ => Err(Fault::new(format!("a reply of {} leads to another server", self.0))
                .detail("Requests with this provider's credentials go to the server in \"url\" only.")),
        }
    }

    pub fn is_same_server(&self, url: &Url) -> bool {
        self.0.origin() == url.origin()
    }
}

/// As people recognise it: the path, without a query, where secrets may be.
pub fn shown(url: &Url) -> String {
    match url.query() {
        Some(_) => format!("{}?…", url.path()),
        None => url.path().to_owned(),
    }
}

fn path_only(text: &str) -> &str {
    text.split(['?', '#']).next().unwrap_or_default()
}

/// `application/x-www-form-urlencoded`, as RFC 6749 (appendix B) wants it.
pub fn form_encoded(text: &str) -> String {
    let encoded = form([("", text)]);
    encoded.strip_prefix('=').unwrap_or(&encoded).to_owned()
}

pub fn form<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut url = Url::parse("http://form.invalid").expect("a valid address");
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_appended() {
        for base in ["https://c.example/v2.1", "https://c.example/v2.1/"] {
            let base = Base::parse(base).expect("a base");
            let url = base.join("/servers/a%2Fb?x=1").expect("joined");
            assert_eq!(url.as_str(), "https://c.example/v2.1/servers/a%2Fb?x=1");
            let whole = base.join("https://c.example/v3/x").expect("of the same server");
            assert_eq!(whole.path(), "/v3/x");
            assert_eq!(base.follow("/v3/things?page=2").expect("followed").path(), "/v3/things");
        }
    }

    #[test]
    fn credentials_go_to_one_server_only() {
        let base = Base::parse("https://c.example/v2").expect("a base");
        for path in
            ["https://evil.example/v2", "http://c.example/", "https://c.example:444/", "servers", "@evil"]
        {
            assert!(base.join(path).is_err(), "{path}");
        }
        let plain = Base::parse("https://c.example").expect("a base");
        for path in ["@evil.example/x", ".evil.example/", ":444/"] {
            assert!(plain.join(path).is_err(), "{path}");
        }
        assert!(base.follow("//evil.example/x").is_err());
    }

    #[test]
    fn a_base_is_an_address_and_nothing_more() {
        for text in ["c.example", "ftp://c.example", "https://u:p@c.example", "https://c.example/?k=v"] {
            assert!(Base::parse(text).is_none(), "{text}");
        }
    }
}

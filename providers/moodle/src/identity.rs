use std::fmt;

use mprov_sdk::{Call, Fault};
use serde::Deserialize;

use crate::web::Web;

const IDENTITY: &str = "/usr/share/mprov/identity.php";

/// What the image's `identity.php` found, looked up as Moodle does and as the scripts of the
/// image do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Seen {
    config: Place,
    site: Place,
}

/// A database and whose it says it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Place {
    host: String,
    name: String,
    identity: Option<String>,
}

/// A fault unless the web server is connected to the database of that identity. Nothing is
/// changed by the question, so it comes before everything that changes anything.
pub async fn require(web: &Web, call: &Call, expected: &str) -> Result<(), Fault> {
    match ask(web, call, expected).await? {
        None => Ok(()),
        Some(seen) => Err(Fault::new(
            "this web server is connected to the database of another site or generation: nothing was changed",
        )
        .detail(format!(
            "Container {} has to be at the database \"{expected}\". {} leads to {}; {} leads to {}. The database's \
             container gets its identity by MPROV_IDENTITY when it starts. Look at the networks and aliases of \
             both containers, and at the two files; then apply again.",
            web.container, "/etc/moodle/config.php", seen.config, "/etc/moodle/site.json", seen.site
        ))),
    }
}

pub async fn holds(web: &Web, call: &Call, expected: &str) -> Result<bool, Fault> {
    Ok(ask(web, call, expected).await?.is_none())
}

/// None where it is as expected.
async fn ask(web: &Web, call: &Call, expected: &str) -> Result<Option<Seen>, Fault> {
    let output = web.run(call, &["php", IDENTITY, expected], None).await?;
    let seen = output.stdout_text().lines().rev().find_map(|line| serde_json::from_str(line).ok());
    match (output.status, seen) {
        (0, Some(_)) => Ok(None),
        (3, Some(seen)) => Ok(Some(seen)),
        _ => Err(Fault::new(format!("whose database container {} is at cannot be told", web.container))
            .detail(format!(
                "Nothing was changed. {IDENTITY} ended with status {}:\n{}",
                output.status,
                output.tail(10)
            ))),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the database {} on host {}, ", self.name, self.host)?;
        match &self.identity {
            Some(identity) => write!(f, "which is \"{identity}\""),
            None => f.write_str("which has no identity"),
        }
    }
}

/// What the database images take.
pub fn is_identity(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 200
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._:/@-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_say_whose_they_are() {
        let line = r#"{"config":{"host":"db","name":"moodle","identity":"g2"},"site":{"host":"db","name":"moodle","identity":null}}"#;
        let seen: Seen = serde_json::from_str(line).expect("an answer");
        assert_eq!(seen.config.to_string(), "the database moodle on host db, which is \"g2\"");
        assert_eq!(seen.site.to_string(), "the database moodle on host db, which has no identity");
    }

    #[test]
    fn identities_need_no_quoting_anywhere() {
        for text in ["g2", "exam.example.org/g2", "moodle:g-2@x"] {
            assert!(is_identity(text), "{text}");
        }
        for text in ["", "a b", "a'b", "a\nb", "ü", &"x".repeat(201)] {
            assert!(!is_identity(text), "{text}");
        }
    }
}

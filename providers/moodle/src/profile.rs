use mprov_sdk::{Call, Fault};
use serde::Deserialize;
use serde_json::json;

use crate::web::Web;

/// Reads without starting Moodle, as the health command does.
const READ: &str = include_str!("profile_read.php");
/// Changes through Moodle, which has caches of it.
const WRITE: &str = include_str!("profile_write.php");

/// What an installation was told about the site and its administrator, as the database has it now.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Profile {
    pub full_name: String,
    pub short_name: String,
    /// None where there is no such account.
    pub admin_email: Option<String>,
    /// What the site calls itself towards others; made by Moodle, none until it was needed.
    pub identifier: Option<String>,
}

pub async fn read(web: &Web, call: &Call, admin_user: &str) -> Result<Profile, Fault> {
    let output = web.script(call, READ, &json!({ "user": admin_user })).await?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        Fault::new(format!("the names of the site in container {} cannot be read", web.container))
            .detail(output.tail(10))
    })
}

/// The changes that make a profile what it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corrections<'a> {
    pub full_name: Option<&'a str>,
    pub short_name: Option<&'a str>,
    pub admin_email: Option<&'a str>,
}

impl<'a> Corrections<'a> {
    pub fn of(now: &Profile, full_name: &'a str, short_name: &'a str, admin_email: &'a str) -> Self {
        let differs = |wanted: &'a str, now: Option<&str>| (now != Some(wanted)).then_some(wanted);
        Self {
            full_name: differs(full_name, Some(&now.full_name)),
            short_name: differs(short_name, Some(&now.short_name)),
            admin_email: differs(admin_email, now.admin_email.as_deref()),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

pub async fn correct(web: &Web, call: &Call, user: &str, changes: &Corrections<'_>) -> Result<(), Fault> {
    let argument = json!({
        "user": user,
        "course": { "fullname": changes.full_name, "shortname": changes.short_name },
        "email": changes.admin_email,
    });
    let output = web.script(call, WRITE, &argument).await?;
    // PHP ends with status 0 after some fatal errors of Moodle's.
    if output.success() && output.stdout_text().trim_end().ends_with("mprov: changed") {
        return Ok(());
    }
    Err(Fault::new(format!("the names of the site in container {} could not be changed", web.container))
        .detail(format!("Moodle said:\n{}", output.tail(10))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_differences_are_corrected() {
        let now =
            Profile { full_name: "A".into(), short_name: "a".into(), admin_email: None, identifier: None };
        let same = Profile { admin_email: Some("a@b.example".into()), ..now.clone() };
        assert!(Corrections::of(&same, "A", "a", "a@b.example").is_empty());
        let changes = Corrections::of(&now, "B", "a", "a@b.example");
        assert_eq!((changes.full_name, changes.short_name), (Some("B"), None));
        assert_eq!(changes.admin_email, Some("a@b.example"));
    }
}

use std::time::Duration;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Diagnostics, Fault, Object, Resource, Schema, Type};

use crate::account::{has_password, set_password};
use crate::duration;
use crate::health::{Health, Installation, Sight, foreign, look};
use crate::install::{Installing, install};
use crate::login_page;
use crate::profile::{self, Corrections};
use crate::ready;
use crate::session::{Sites, not_seen};
use crate::setting::{self, CORE, Values};
use crate::validation::{
    container, doubt, is_email, is_language, is_user_name, missing_in_password, require, time,
};
use crate::web::Web;

pub const KIND: &str = "moodle_site";

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "The installed site. Creating it waits for web server and database, installs Moodle unless it is installed, \
         and ends when the login page is served. The site is the data: deleting this resource leaves it where it \
         is, on the volume.",
        [
            (
                "container",
                Attribute::required(Type::String, "Name of the container that runs the site's code."),
            ),
            (
                "admin_user",
                Attribute::optional(
                    Type::String,
                    "User name of the administrator. On a site that is installed, an account that exists.",
                )
                .default("admin"),
            ),
            (
                "admin_password",
                Attribute::required(
                    Type::String,
                    "The administrator's password. Set when it changes here; what the administrator changes it to in \
                     Moodle is left alone.",
                )
                .sensitive(),
            ),
            ("admin_email", Attribute::required(Type::String, "The administrator's address.")),
            ("full_name", Attribute::required(Type::String, "Name of the site as users read it.")),
            ("short_name", Attribute::required(Type::String, "Name of the site where there is little room.")),
            (
                "language",
                Attribute::optional(
                    Type::String,
                    "Language the site is installed in; a change sets the default language. Not looked at \
                     afterwards: moodle_settings may manage \"lang\".",
                )
                .default("en"),
            ),
            (
                "image",
                Attribute::optional(
                    Type::String,
                    "Id of the image that the container runs. A change of it makes the apply check that the site is \
                     served by the new code; it fails where the database waits for an upgrade.",
                ),
            ),
            (
                "wait_timeout",
                Attribute::optional(
                    Type::String,
                    "How long to wait for web server and database, and for an installation that an earlier run left \
                     under way.",
                )
                .default("10m"),
            ),
            ("release", Attribute::computed(Type::String, "The installed release, e.g. \"5.0.6 (Build: 20260403)\".")),
            ("version", Attribute::computed(Type::String, "Its exact version, a decimal number.")),
            ("id", Attribute::computed(Type::String, "The site's own identifier, which lives in its database.")),
        ],
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    container(&mut found, config);
    time(&mut found, config, "wait_timeout");
    let user = "Lower case letters, digits and - _ . @ are possible.";
    require(&mut found, config, "admin_user", is_user_name, "not a user name for Moodle", user);
    let email = "Moodle accepts addresses like admin@example.org.";
    require(&mut found, config, "admin_email", is_email, "not an e-mail address", email);
    let language = "Languages are named as Moodle's language packs are: en, de, pt_br.";
    require(&mut found, config, "language", is_language, "not a language of Moodle", language);
    for name in ["full_name", "short_name"] {
        let holds = |v: &str| !v.trim().is_empty() && !v.contains(['\n', '\0']);
        require(&mut found, config, name, holds, "not a name", "A name is one line that is not empty.");
    }
    let one_line = |v: &str| !v.is_empty() && !v.contains(['\r', '\n', '\0']);
    let line = "A password is one line that is not empty.";
    require(&mut found, config, "admin_password", one_line, "not a password", line);
    if let Some(password) = config["admin_password"].as_str().filter(|p| one_line(p)) {
        let missing = missing_in_password(password);
        if !missing.is_empty() {
            let detail = format!("A user would have to choose one with {} more.", missing.join(", "));
            found.push(doubt("admin_password", "weaker than Moodle asks of its users", detail));
        }
    }
    found
}

pub struct SiteResource(pub Sites);

#[async_trait]
impl Resource for SiteResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let web = self.0.web(stored)?;
        match look(&web, call).await? {
            Sight::Installed(health) => observed(&web, call, stored, &health).await.map(Some),
            Sight::NotInstalled => Ok(None),
            // The container or the database is what is missing, and has a resource of its own.
            Sight::Unreachable(why) => {
                not_seen(call, &why);
                Ok(Some(stored.clone()))
            }
        }
    }

    /// Ends in the same state from wherever it starts: nothing, an installation that was killed,
    /// one that is under way, a finished site.
    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let web = self.0.web(planned)?;
        let limit = wait_timeout(planned);
        let before = ready::until_reachable(&web, call, limit).await?;
        if before.state == Some(Installation::Foreign) {
            return Err(foreign(&web));
        }
        let fresh = before.state != Some(Installation::Installed)
            && install(&web, call, &installing(planned)?, limit).await?;
        let health = ready::until_healthy(&web, call).await?;
        if !fresh {
            set_password_unless_same(&web, call, planned).await?;
        }
        correct_profile(&web, call, planned).await?;
        check_login(&web, call, &health).await?;
        finished(&web, call, planned, &health).await
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let web = self.0.web(planned)?;
        ready::until_reachable(&web, call, wait_timeout(planned)).await?;
        let health = ready::until_healthy(&web, call).await?;
        let changed = |name: &str| !prior[name].same(&planned[name]);
        if changed("admin_user") || changed("admin_password") {
            set_password_unless_same(&web, call, planned).await?;
        }
        if changed("language") {
            let values = Values::from([("lang".to_owned(), Some(planned.str("language")?.to_owned()))]);
            setting::set(&web, call, CORE, &values).await?;
        }
        correct_profile(&web, call, planned).await?;
        if changed("image") || changed("container") {
            check_login(&web, call, &health).await?;
        }
        finished(&web, call, planned, &health).await
    }

    /// The site is data, which belongs to its volume and database.
    async fn delete(&self, _call: &Call, _prior: &Object) -> Result<(), Fault> {
        Ok(())
    }

    /// None for whatever is not finished: a create goes on from there.
    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let web = self.0.web(planned)?;
        let Sight::Installed(health) = look(&web, call).await? else { return Ok(None) };
        let (user, password) = (planned.str("admin_user")?, planned.str("admin_password")?);
        if !health.ok || !has_password(&web, call, user, password).await? {
            return Ok(None);
        }
        let profile = profile::read(&web, call, user).await?;
        if !corrections(&profile, planned)?.is_empty() {
            return Ok(None);
        }
        finished(&web, call, planned, &health).await.map(Some)
    }
}

fn installing(planned: &Object) -> Result<Installing<'_>, Fault> {
    Ok(Installing {
        admin_user: planned.str("admin_user")?,
        admin_password: planned.str("admin_password")?,
        admin_email: planned.str("admin_email")?,
        full_name: planned.str("full_name")?,
        short_name: planned.str("short_name")?,
        language: planned.str("language")?,
    })
}

async fn set_password_unless_same(web: &Web, call: &Call, planned: &Object) -> Result<(), Fault> {
    let (user, password) = (planned.str("admin_user")?, planned.str("admin_password")?);
    if has_password(web, call, user, password).await? {
        return Ok(());
    }
    set_password(web, call, user, password).await
}

async fn correct_profile(web: &Web, call: &Call, planned: &Object) -> Result<(), Fault> {
    let user = planned.str("admin_user")?;
    let profile = profile::read(web, call, user).await?;
    let changes = corrections(&profile, planned)?;
    if changes.is_empty() {
        return Ok(());
    }
    profile::correct(web, call, user, &changes).await
}

fn corrections<'a>(profile: &profile::Profile, planned: &'a Object) -> Result<Corrections<'a>, Fault> {
    let (full, short) = (planned.str("full_name")?, planned.str("short_name")?);
    Ok(Corrections::of(profile, full, short, planned.str("admin_email")?))
}

/// In maintenance there is no login page, on purpose.
async fn check_login(web: &Web, call: &Call, health: &Health) -> Result<(), Fault> {
    if health.maintenance {
        return Ok(());
    }
    call.events.progress("Asking for the login page");
    login_page::check(web, call).await
}

async fn finished(web: &Web, call: &Call, planned: &Object, health: &Health) -> Result<Object, Fault> {
    let profile = profile::read(web, call, planned.str("admin_user")?).await?;
    let known = planned["id"].as_str().map(str::to_owned);
    // Moodle makes its identifier when it first needs it. Until then the step that made the site
    // stands in for it.
    let id = known.or(profile.identifier).unwrap_or_else(|| call.token.to_string());
    Ok(with_release(planned.clone(), health).with("id", id))
}

async fn observed(web: &Web, call: &Call, stored: &Object, health: &Health) -> Result<Object, Fault> {
    let profile = profile::read(web, call, stored.str("admin_user")?).await?;
    Ok(with_release(stored.clone(), health)
        .with("full_name", profile.full_name)
        .with("short_name", profile.short_name)
        .with("admin_email", profile.admin_email))
}

fn with_release(object: Object, health: &Health) -> Object {
    object.with("release", health.db_release.clone()).with("version", health.db_version.clone())
}

fn wait_timeout(planned: &Object) -> Duration {
    let text = planned["wait_timeout"].as_str().unwrap_or_default();
    duration::parse(text).unwrap_or(Duration::from_secs(600))
}

use std::time::Duration;

use async_trait::async_trait;
use mprov_sdk::{Call, Fault, Object, Resource, Value, Written};

use crate::account::{has_password, set_password};
use crate::caches;
use crate::duration;
use crate::health::{Health, Installation, Sight, foreign, look};
use crate::identity;
use crate::install::{Installing, install};
use crate::login_page;
use crate::profile::{self, Corrections};
use crate::ready;
use crate::session::{Sites, not_seen};
use crate::setting::{self, CORE, Values};
use crate::upgrade::{self, Done, Upgrading};
use crate::verification;
use crate::web::Web;
use crate::written::written_since;

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
    /// one that is under way, a finished site, one of an older release.
    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let web = self.0.web(planned)?;
        let limit = wait_timeout(planned);
        let before = ready::until_reachable(&web, call, limit).await?;
        require_identity(&web, call, planned).await?;
        let (fresh, counts) = match before.state {
            Some(Installation::Foreign) => return Err(foreign(&web)),
            Some(Installation::Installed) => {
                let counts = self.bring_up_to_date(&web, call, planned, &before).await?;
                (false, counts)
            }
            _ if upgrades(planned)? => return Err(upgrade::no_site(&web)),
            _ => (install(&web, call, &installing(planned)?, limit).await?, Value::Null),
        };
        let health = ready::until_healthy(&web, call).await?;
        // A clone has its original's accounts, with what their owners made of them.
        if !fresh && !upgrades(planned)? {
            set_password_unless_same(&web, call, planned).await?;
        }
        correct_profile(&web, call, planned).await?;
        check_login(&web, call, &health).await?;
        Ok(finished(&web, call, planned, &health).await?.with("counts", counts))
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let web = self.0.web(planned)?;
        let before = ready::until_reachable(&web, call, wait_timeout(planned)).await?;
        require_identity(&web, call, planned).await?;
        let changed = |name: &str| !prior[name].same(&planned[name]);
        let mut counts = prior["counts"].clone();
        if before.upgrade_pending || ["image", "container", "upgrade"].into_iter().any(changed) {
            counts = self.bring_up_to_date(&web, call, planned, &before).await?;
        }
        let health = ready::until_healthy(&web, call).await?;
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
        Ok(finished(&web, call, planned, &health).await?.with("counts", counts))
    }

    /// The site is data, which belongs to its volume and database.
    async fn delete(&self, _call: &Call, _prior: &Object) -> Result<(), Fault> {
        Ok(())
    }

    /// None for whatever is not finished: a create goes on from there.
    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let web = self.0.web(planned)?;
        let Sight::Installed(health) = look(&web, call).await? else { return Ok(None) };
        if let Some(expected) = planned.opt_str("identity")?
            && !identity::holds(&web, call, expected).await?
        {
            return Ok(None);
        }
        if upgrades(planned)?
            && let Some(database) = self.0.database(planned)?
            && database.is_relaxed(call).await?
        {
            return Ok(None);
        }
        let (user, password) = (planned.str("admin_user")?, planned.str("admin_password")?);
        let account = upgrades(planned)? || has_password(&web, call, user, password).await?;
        if !health.ok || !account {
            return Ok(None);
        }
        let profile = profile::read(&web, call, user).await?;
        if !corrections(&profile, planned)?.is_empty() {
            return Ok(None);
        }
        finished(&web, call, planned, &health).await.map(Some)
    }

    async fn written_since(&self, call: &Call, stored: &Object, since: &str) -> Result<Vec<Written>, Fault> {
        written_since(&self.0.web(stored)?, call, since).await
    }
}

impl SiteResource {
    /// The database gets the code's version, or there is a fault that says that it has not. What
    /// there was before is counted where there is something to upgrade.
    async fn bring_up_to_date(
        &self,
        web: &Web,
        call: &Call,
        planned: &Object,
        before: &Health,
    ) -> Result<Value, Fault> {
        if before.is_because_of("downgrade") {
            return Err(upgrade::downgrade(web, before));
        }
        if !upgrades(planned)? {
            return match upgrade::is_pending(web, call, before).await? {
                true => Err(upgrade::needed(web, before)),
                false => Ok(Value::Null),
            };
        }
        let counts = verification::counts(web, call).await?;
        let counts = Value::map(counts.into_iter().map(|(name, count)| (name, Value::from(count))));
        let database = self.0.database(planned)?;
        let with = Upgrading {
            health: before,
            database: database.as_ref(),
            limit: wait_timeout(planned),
            secret: planned.str("admin_password")?,
        };
        match upgrade::upgrade(web, call, &with).await? {
            Done::Nothing => {}
            Done::Upgraded => caches::purge_memory(web, call).await?,
            Done::UpgradedStale => {
                caches::purge_all(web, call).await?;
                caches::warm(web, call).await?;
            }
        }
        Ok(counts)
    }
}

fn upgrades(planned: &Object) -> Result<bool, Fault> {
    Ok(planned.opt_bool("upgrade")?.unwrap_or(false))
}

async fn require_identity(web: &Web, call: &Call, planned: &Object) -> Result<(), Fault> {
    match planned.opt_str("identity")? {
        Some(expected) => identity::require(web, call, expected).await,
        None => Ok(()),
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

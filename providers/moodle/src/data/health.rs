use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, DataSource, Diagnostics, Fault, Object, Schema, Type, Value};

use crate::health::{Health, health};
use crate::session::Sites;
use crate::validation::container;

pub const KIND: &str = "moodle_health";

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "Whether the site serves users, and why not. Looks without starting Moodle.",
        [
            (
                "container",
                Attribute::required(Type::String, "Name of the container that runs the site's code."),
            ),
            ("ok", Attribute::computed(Type::Bool, "Whether nothing is wrong.")),
            (
                "why",
                Attribute::computed(
                    Type::list(Type::String),
                    "What is wrong: unreachable, config, dataroot, db, not_installed, install_unfinished, \
                     upgrade_pending, downgrade, upgrade_running, maintenance.",
                ),
            ),
            ("release", Attribute::computed(Type::String, "Release of the code.")),
            ("version", Attribute::computed(Type::String, "Version of the code, a decimal number.")),
            ("db_release", Attribute::computed(Type::String, "Release that wrote the database.")),
            ("db_version", Attribute::computed(Type::String, "Version that wrote the database.")),
            ("installed", Attribute::computed(Type::Bool, "Whether the database holds a finished site.")),
            ("maintenance", Attribute::computed(Type::Bool, "Whether the site is in maintenance.")),
            (
                "upgrade_pending",
                Attribute::computed(Type::Bool, "Whether the code is newer than the database."),
            ),
            ("upgrade_running", Attribute::computed(Type::Bool, "Whether an upgrade is under way.")),
            ("cron_enabled", Attribute::computed(Type::Bool, "Whether scheduled tasks may run.")),
            ("php", Attribute::computed(Type::String, "Version of PHP.")),
        ],
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    container(&mut found, config);
    found
}

pub struct HealthData(pub Sites);

#[async_trait]
impl DataSource for HealthData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let web = self.0.web(config)?;
        let health = match health(&web, call).await {
            Ok(health) => health,
            Err(fault) if call.cancel.is_cancelled() => return Err(fault),
            // Not reaching it is an answer to the question whether it serves.
            Err(fault) => {
                call.events.log(&fault.to_string());
                Health { why: vec!["unreachable".into()], ..Health::default() }
            }
        };
        Ok(attributes(config, health))
    }
}

fn attributes(config: &Object, health: Health) -> Object {
    let mut why = health.why;
    if health.maintenance && !why.iter().any(|w| w == "maintenance") {
        why.push("maintenance".into());
    }
    config
        .clone()
        .with("ok", health.ok && why.is_empty())
        .with("why", Value::list(why.into_iter().map(Value::from)))
        .with("release", health.release)
        .with("version", health.version)
        .with("db_release", health.db_release)
        .with("db_version", health.db_version)
        .with("installed", health.state == Some(crate::health::Installation::Installed))
        .with("maintenance", health.maintenance)
        .with("upgrade_pending", health.upgrade_pending)
        .with("upgrade_running", health.upgrade_running)
        .with("cron_enabled", health.cron_enabled)
        .with("php", health.php)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maintenance_is_not_serving() {
        let health = Health { ok: true, maintenance: true, ..Health::default() };
        let read = attributes(&Object::new().with("container", "web"), health);
        assert_eq!(read["ok"], false.into());
        assert_eq!(read["why"], Value::list(["maintenance".into()]));
    }
}

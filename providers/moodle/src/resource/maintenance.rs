use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Diagnostics, Fault, Object, Resource, Schema, Type};

use crate::health::{Sight, look};
use crate::maintenance::{MESSAGE, disable, enable, set_message};
use crate::session::{Sites, not_seen};
use crate::setting::{self, CORE};
use crate::validation::container;
use crate::web::Web;

pub const KIND: &str = "moodle_maintenance";

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "Maintenance mode: pages answer with a text instead of the site, for administrators too, and cron does \
         nothing. Deleting it ends the maintenance.",
        [
            (
                "container",
                Attribute::required(Type::String, "Name of the container that runs the site's code."),
            ),
            ("enabled", Attribute::optional(Type::Bool, "Whether the site is in maintenance.").default(true)),
            (
                "message",
                Attribute::optional(Type::String, "What users read; Moodle's own text where none is given."),
            ),
        ],
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    container(&mut found, config);
    found
}

pub struct MaintenanceResource(pub Sites);

#[async_trait]
impl Resource for MaintenanceResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let web = self.0.web(stored)?;
        let health = match look(&web, call).await? {
            Sight::Installed(health) => health,
            Sight::NotInstalled => return Ok(None),
            Sight::Unreachable(why) => {
                not_seen(call, &why);
                return Ok(Some(stored.clone()));
            }
        };
        let message = setting::get(&web, call, CORE, &[MESSAGE]).await?.remove(MESSAGE).and_then(|s| s.value);
        Ok(Some(
            stored
                .clone()
                .with("enabled", health.maintenance)
                .with("message", message.filter(|m| !m.is_empty())),
        ))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        bring(&self.0.web(planned)?, call, planned).await
    }

    async fn update(&self, call: &Call, _prior: &Object, planned: &Object) -> Result<Object, Fault> {
        bring(&self.0.web(planned)?, call, planned).await
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let web = self.0.web(prior)?;
        match look(&web, call).await? {
            Sight::Installed(_) => {
                disable(&web, call).await?;
                // A text that was set by others is theirs.
                match prior["message"].is_null() {
                    true => Ok(()),
                    false => set_message(&web, call, None).await,
                }
            }
            Sight::NotInstalled => Ok(()),
            Sight::Unreachable(why) => {
                call.events.log(&format!("maintenance is not ended: {why}"));
                Ok(())
            }
        }
    }

    /// None: a create brings about the same from anywhere.
    async fn find(&self, _call: &Call, _planned: &Object) -> Result<Option<Object>, Fault> {
        Ok(None)
    }
}

async fn bring(web: &Web, call: &Call, planned: &Object) -> Result<Object, Fault> {
    let message = planned.opt_str("message")?;
    match planned.opt_bool("enabled")?.unwrap_or(true) {
        true => enable(web, call, message).await?,
        false => {
            disable(web, call).await?;
            set_message(web, call, message).await?;
        }
    }
    Ok(planned.clone())
}

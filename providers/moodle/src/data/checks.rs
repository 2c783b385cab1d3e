use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, DataSource, Diagnostics, Fault, Field, Object, Schema, Type, Value};

use crate::checks::run;
use crate::session::Sites;
use crate::validation::{container, require};

pub const KIND: &str = "moodle_checks";

pub fn schema() -> Schema {
    let text = || Field::required(Type::String);
    let check = Type::object([("ref", text()), ("name", text()), ("status", text()), ("summary", text())]);
    Schema::new(
        KIND,
        "What Moodle's own checks say (admin/cli/checks.php).",
        [
            (
                "container",
                Attribute::required(Type::String, "Name of the container that runs the site's code."),
            ),
            (
                "type",
                Attribute::optional(Type::String, "\"status\", \"security\" or \"performance\".")
                    .default("status"),
            ),
            ("filter", Attribute::optional(Type::String, "Only checks whose reference contains this.")),
            ("status", Attribute::computed(Type::String, "The worst: ok, warning, critical or unknown.")),
            ("checks", Attribute::computed(Type::list(check), "All checks, in Moodle's order.")),
        ],
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    container(&mut found, config);
    let is_type = |v: &str| ["status", "security", "performance"].contains(&v);
    let detail = "Moodle has \"status\", \"security\" and \"performance\".";
    require(&mut found, config, "type", is_type, "not a type of checks", detail);
    found
}

pub struct ChecksData(pub Sites);

#[async_trait]
impl DataSource for ChecksData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let web = self.0.web(config)?;
        let kind = config.opt_str("type")?.unwrap_or("status");
        let result = run(&web, call, kind, config.opt_str("filter")?).await?;
        let checks = result.checks.into_iter().map(|c| {
            Value::object([
                ("ref", Value::from(c.reference)),
                ("name", c.name.into()),
                ("status", c.status.into()),
                ("summary", c.summary.into()),
            ])
        });
        let checks = Value::list(checks);
        Ok(config.clone().with("status", result.status).with("checks", checks))
    }
}

use std::fmt::Display;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, DataSource, Diagnostics, Fault, Object, Schema, Type};

use super::code::{code, either};
use crate::session::Sites;

pub const KIND: &str = "moodle_requirements";

pub fn schema() -> Schema {
    let computed = |description| Attribute::computed(Type::String, description);
    Schema::new(
        KIND,
        "What Moodle's code says that it needs, by its own admin/environment.xml and version.php. They are read as \
         text and never run.",
        [
            ("path", Attribute::optional(Type::String, "A source tree on the machine that mprov runs on.")),
            ("container", Attribute::optional(Type::String, "Name of a container that runs the code.")),
            ("release", computed("E.g. \"5.0.6+ (Build: 20260403)\".")),
            ("version", computed("The exact version, a decimal number.")),
            ("branch", computed("E.g. \"500\".")),
            ("docroot", computed("The folder of the tree that is served: \"\" or \"public\".")),
            ("upgrade_from", computed("The least release that can be upgraded to it.")),
            ("php", computed("The least version of PHP.")),
            ("php_refused", computed("The first version of PHP that is refused; null where none is.")),
            ("mariadb", computed("The least version of MariaDB.")),
            ("mysql", computed("The least version of MySQL.")),
            ("postgres", computed("The least version of PostgreSQL.")),
        ],
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    either(config, true)
}

pub struct RequirementsData(pub Sites);

#[async_trait]
impl DataSource for RequirementsData {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let code = code(&self.0, call, config).await?.ok_or_else(|| Fault::new("no code was named"))?;
        let object = config
            .clone()
            .with("release", code.file.release)
            .with("version", code.file.version)
            .with("branch", code.file.branch)
            .with("docroot", code.docroot);
        let Some(needs) = code.needs else {
            return Err(Fault::new("the code has no list of what it needs").detail(
                "There is no row for its branch in admin/environment.xml: see whether the tree is whole.",
            ));
        };
        Ok(object
            .with("upgrade_from", text(&needs.from))
            .with("php", text(&needs.php))
            .with("php_refused", text(&needs.php_refused))
            .with("mariadb", text(&needs.mariadb))
            .with("mysql", text(&needs.mysql))
            .with("postgres", text(&needs.postgres)))
    }
}

fn text<T: Display>(value: &Option<T>) -> Option<String> {
    value.as_ref().map(T::to_string)
}

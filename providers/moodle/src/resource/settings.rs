use std::collections::BTreeMap;

use async_trait::async_trait;
use mprov_sdk::{Attribute, Call, Diagnostics, Fault, Object, Resource, Schema, Type, Value};

use crate::health::{Sight, look};
use crate::session::{Sites, not_seen};
use crate::setting::{self, CORE, Setting, Values};
use crate::validation::{container, doubt, refuse, require};
use crate::web::Web;

pub const KIND: &str = "moodle_settings";

/// What config.php of the images decides and Moodle therefore never takes from its database.
const FIXED: &[&str] = &[
    "dbtype",
    "dblibrary",
    "dbhost",
    "dbname",
    "dbuser",
    "dbpass",
    "prefix",
    "dboptions",
    "wwwroot",
    "dataroot",
    "localcachedir",
    "admin",
    "directorypermissions",
    "sslproxy",
    "reverseproxy",
    "disableupdateautodeploy",
    "disableupdatenotifications",
    "preventexecpath",
    "pathtogs",
    "pathtophp",
];

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "Settings of Moodle's core or of one plugin, by name. Others of the same component are left alone. Deleting \
         it puts back what was set before.",
        [
            (
                "container",
                Attribute::required(Type::String, "Name of the container that runs the site's code."),
            ),
            (
                "component",
                Attribute::optional(
                    Type::String,
                    "The plugin, as in \"mod_assign\"; core where none is given.",
                )
                .default(CORE)
                .replaces(),
            ),
            (
                "settings",
                Attribute::required(
                    Type::map(Type::String),
                    "Values by name, as Moodle stores them: \"1\" and \"0\" for yes and no. Null: not managed.",
                ),
            ),
            (
                "previous",
                Attribute::computed(
                    Type::map(Type::String),
                    "What the managed settings were before; null where they were not set.",
                )
                .sensitive()
                .recomputed_by(["settings", "component"]),
            ),
        ],
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    container(&mut found, config);
    let detail =
        "Plugins are named by type and name: mod_assign, auth_ldap, theme_boost. For core leave it out.";
    require(&mut found, config, "component", is_component, "not a component of Moodle", detail);
    let Some(settings) = config["settings"].as_object() else { return found };
    let core = config["component"].as_str().unwrap_or(CORE) == CORE;
    for (name, value) in settings {
        if !is_name(name) {
            let detail = "Settings are named with letters, digits and underscores.";
            found.push(refuse("settings", format!("\"{name}\" is not the name of a setting"), detail));
        }
        if core && FIXED.contains(&&**name) {
            let detail = "config.php decides it, and Moodle does not look anywhere else. The blueprint's variables \
                          say what can be chosen.";
            found.push(refuse("settings", format!("\"{name}\" cannot be set"), detail));
        }
        if matches!(value.as_str(), Some("true" | "false")) {
            let detail = "Moodle stores yes as \"1\" and no as \"0\"; any other text counts as yes.";
            found.push(doubt("settings", format!("\"{name}\" is true or false as a word"), detail));
        }
    }
    found
}

/// `cfg.php` takes "moodle" for core too; one name is enough.
fn is_component(text: &str) -> bool {
    text != "moodle"
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:".contains(c))
}

pub struct SettingsResource(pub Sites);

#[async_trait]
impl Resource for SettingsResource {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        let web = self.0.web(stored)?;
        match look(&web, call).await? {
            Sight::Installed(_) => {}
            Sight::NotInstalled => return Ok(None),
            Sight::Unreachable(why) => {
                not_seen(call, &why);
                return Ok(Some(stored.clone()));
            }
        }
        let now = now(&web, call, stored, &managed(stored)?).await?;
        Ok(Some(stored.clone().with("settings", observed(stored, &now))))
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let web = self.0.web(planned)?;
        let wanted = managed(planned)?;
        let before = now(&web, call, planned, &wanted).await?;
        setting::set(&web, call, component(planned)?, &wanted).await?;
        let before = before.into_iter().map(|(name, s)| (name, s.value)).collect();
        Ok(planned.clone().with("previous", recorded(&before)))
    }

    /// What is not managed any more goes back; what is new is remembered as it was.
    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let web = self.0.web(planned)?;
        let wanted = managed(planned)?;
        let remembered = previous(prior)?;
        let before = now(&web, call, planned, &wanted).await?;
        let was = |name: &String| match remembered.get(name) {
            Some(value) => value.clone(),
            None => before.get(name).and_then(|s| s.value.clone()),
        };
        let previous: Values = wanted.keys().map(|name| (name.clone(), was(name))).collect();
        let dropped = remembered.into_iter().filter(|(name, _)| !wanted.contains_key(name));
        let values: Values = dropped.chain(wanted.clone()).collect();
        setting::set(&web, call, component(planned)?, &values).await?;
        Ok(planned.clone().with("previous", recorded(&previous)))
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        let web = self.0.web(prior)?;
        match look(&web, call).await? {
            Sight::Installed(_) => {}
            Sight::NotInstalled => return Ok(()),
            // Whoever destroys a site whose container is gone must not have to bring it back first.
            Sight::Unreachable(why) => {
                call.events.log(&format!("nothing is put back: {why}"));
                return Ok(());
            }
        }
        let mut back = previous(prior)?;
        let now = now(&web, call, prior, &back).await?;
        back.retain(|name, _| now.get(name).is_none_or(|s| !s.fixed));
        setting::set(&web, call, component(prior)?, &back).await
    }

    /// None: a create sets what is not set yet. What was there before is then not known any more,
    /// and a later delete leaves the values as they are.
    async fn find(&self, _call: &Call, _planned: &Object) -> Result<Option<Object>, Fault> {
        Ok(None)
    }
}

fn component(object: &Object) -> Result<&str, Fault> {
    Ok(object.opt_str("component")?.unwrap_or(CORE))
}

/// The managed settings with their values.
fn managed(object: &Object) -> Result<Values, Fault> {
    let all = texts(object, "settings")?;
    Ok(all.into_iter().filter(|(_, value)| value.is_some()).collect())
}

fn previous(object: &Object) -> Result<Values, Fault> {
    texts(object, "previous")
}

fn texts(object: &Object, name: &str) -> Result<Values, Fault> {
    let Some(entries) = object.object(name)? else { return Ok(Values::new()) };
    Ok(entries.iter().map(|(name, value)| (name.to_string(), value.as_str().map(str::to_owned))).collect())
}

fn recorded(values: &Values) -> Value {
    Value::map(values.iter().map(|(name, value)| (name.as_str(), Value::from(value.clone())))).sensitive()
}

async fn now(
    web: &Web,
    call: &Call,
    object: &Object,
    named: &Values,
) -> Result<BTreeMap<String, Setting>, Fault> {
    let names: Vec<&str> = named.keys().map(String::as_str).collect();
    setting::get(web, call, component(object)?, &names).await
}

/// The stored map with the values that the site has; each value keeps its mark.
fn observed(stored: &Object, now: &BTreeMap<String, Setting>) -> Value {
    let (map, marked) = stored["settings"].unmark();
    let Some(entries) = map.as_object() else { return stored["settings"].clone() };
    let entries = entries.iter().map(|(name, value)| {
        let seen = match now.get(&**name) {
            Some(setting) => Value::from(setting.value.clone()).with_sensitivity(value.unmark().1),
            None => value.clone(),
        };
        (name.clone(), seen)
    });
    Value::map(entries).with_sensitivity(marked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(entries: &[(&str, Value)]) -> Object {
        Object::new()
            .with("container", "web")
            .with("settings", Value::map(entries.iter().map(|(n, v)| (*n, v.clone()))))
    }

    #[test]
    fn observed_values_keep_their_marks_and_unmanaged_ones_stay() {
        let stored = settings(&[
            ("smtppass", Value::from("a").sensitive()),
            ("theme", "boost".into()),
            ("gone", "1".into()),
            ("unmanaged", Value::Null),
        ]);
        let set = |v: Option<&str>| Setting { value: v.map(Into::into), fixed: false };
        let now = BTreeMap::from([
            ("smtppass".to_owned(), set(Some("b"))),
            ("theme".to_owned(), set(Some("boost"))),
            ("gone".to_owned(), set(None)),
        ]);
        let seen = observed(&stored, &now);
        let seen = seen.as_object().expect("a map");
        assert_eq!(seen["smtppass"], Value::from("b").sensitive());
        assert_eq!(seen["theme"], "boost".into());
        assert!(seen["gone"].is_null() && seen["unmanaged"].is_null());
    }

    #[test]
    fn what_config_php_decides_is_refused() {
        let found = validate(&settings(&[("wwwroot", "http://x".into()), ("theme", "boost".into())]));
        assert!(found.has_errors());
        assert_eq!(found.len(), 1);
        let plugin = settings(&[("prefix", "x".into())]).with("component", "mod_assign");
        assert!(!validate(&plugin).has_errors());
        let word = validate(&settings(&[("debugdisplay", "true".into())]));
        assert!(!word.is_empty() && !word.has_errors());
    }
}

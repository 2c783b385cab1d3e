use std::collections::BTreeMap;

use mprov_sdk::{Call, ExecOutput, Fault};
use serde::Deserialize;
use serde_json::json;

use crate::redaction::redact;
use crate::web::Web;

const SETTINGS: &str = "/usr/share/mprov/settings.php";
/// How Moodle's own commands call what belongs to no plugin.
pub const CORE: &str = "core";

/// A setting as the site has it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Setting {
    /// None: not set, which is not the same as empty.
    pub value: Option<String>,
    /// config.php decides it.
    pub fixed: bool,
}

/// Values by name; none is "not set".
pub type Values = BTreeMap<String, Option<String>>;

/// The named settings of a component.
pub async fn get(
    web: &Web,
    call: &Call,
    component: &str,
    names: &[&str],
) -> Result<BTreeMap<String, Setting>, Fault> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let question = json!({ component: names }).to_string();
    let output = web.run(call, &["php", SETTINGS, "get"], Some(question.into())).await?;
    let answer = output.success().then(|| parse(&output.stdout_text(), component)).flatten();
    answer.ok_or_else(|| unreadable(web, component, &output))
}

/// Makes the settings of a component what they should be, all or (where config.php fixes one) none.
pub async fn set(web: &Web, call: &Call, component: &str, values: &Values) -> Result<(), Fault> {
    if values.is_empty() {
        return Ok(());
    }
    let wanted = json!({ component: values }).to_string();
    let output = web.run(call, &["php", SETTINGS, "set"], Some(wanted.into())).await?;
    // What a PHP program ends with after a fatal error is not always a status: its answer counts.
    let answered = output.stdout_text().lines().any(|l| l.starts_with("{\"changed\":"));
    match output.status {
        0 if answered => Ok(()),
        4 => Err(fixed(web, &output)),
        _ => Err(Fault::new(format!(
            "settings of {component} in container {} could not be changed",
            web.container
        ))
        .detail(format!(
            "settings.php ended with status {}. Moodle said:\n{}",
            output.status,
            redact(&output.tail(15), values.values().flatten().map(String::as_str))
        ))),
    }
}

fn parse(text: &str, component: &str) -> Option<BTreeMap<String, Setting>> {
    let line = text.lines().rev().find(|l| l.starts_with('{'))?;
    let mut all: BTreeMap<String, BTreeMap<String, Setting>> = serde_json::from_str(line).ok()?;
    all.remove(component)
}

/// Never with standard output: it may hold values.
fn unreadable(web: &Web, component: &str, output: &ExecOutput) -> Fault {
    let stderr = ExecOutput { stdout: Vec::new(), ..output.clone() };
    Fault::new(format!("settings of {component} in container {} cannot be read", web.container)).detail(
        format!("settings.php ended with status {}. Moodle said:\n{}", output.status, stderr.tail(15)),
    )
}

fn fixed(web: &Web, output: &ExecOutput) -> Fault {
    let line = String::from_utf8_lossy(&output.stderr).into_owned();
    let name = line
        .lines()
        .find_map(|l| l.strip_prefix("settings: ")?.strip_suffix(" is fixed by config.php"))
        .unwrap_or("a setting")
        .to_owned();
    Fault::new(format!("{name} is fixed by config.php in container {}", web.container)).detail(
        "Moodle takes the value from there, whatever is set otherwise, so nothing was changed. Leave it out of \
         \"settings\", or out of config.php.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unset_and_empty_are_told_apart() {
        let text = r#"{"core":{"a":{"value":null,"fixed":false},"b":{"value":"","fixed":true}}}"#;
        let settings = parse(text, "core").expect("settings");
        assert_eq!(settings["a"].value, None);
        assert_eq!(settings["b"].value.as_deref(), Some(""));
        assert!(settings["b"].fixed);
        assert!(parse(text, "mod_assign").is_none());
        assert!(parse("Fatal error", "core").is_none());
    }

    #[test]
    fn the_fixed_setting_is_named() {
        let web = Web::new(std::sync::Arc::new(Nowhere), "web");
        let output = ExecOutput {
            status: 4,
            stdout: Vec::new(),
            stderr: b"settings: core/wwwroot is fixed by config.php\n".to_vec(),
        };
        assert!(fixed(&web, &output).summary.starts_with("core/wwwroot is fixed"));
    }

    #[test]
    fn what_cannot_be_read_is_not_shown() {
        let web = Web::new(std::sync::Arc::new(Nowhere), "web");
        let output = ExecOutput {
            status: 255,
            stdout: b"{\"core\":{\"smtppass\":\"canary-1\"}}".to_vec(),
            stderr: b"PHP Fatal error".to_vec(),
        };
        let fault = unreadable(&web, "core", &output).to_string();
        assert!(fault.contains("Fatal error") && !fault.contains("canary-1"), "{fault}");
    }

    struct Nowhere;

    #[async_trait::async_trait]
    impl mprov_sdk::ContainerExec for Nowhere {
        async fn exec(
            &self,
            _: &str,
            _: mprov_sdk::ExecRequest,
            _: &dyn mprov_sdk::Events,
            _: &mprov_sdk::CancellationToken,
        ) -> Result<ExecOutput, Fault> {
            Err(Fault::new("nowhere"))
        }
    }
}

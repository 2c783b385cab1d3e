use mprov_sdk::{Call, Fault};
use serde::Deserialize;

use crate::web::Web;

const HEALTH: &str = "/usr/share/mprov/health.php";

/// What became of the installation, seen from the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Installation {
    /// No table.
    Empty,
    /// One of ours began and did not end, or is under way.
    Partial,
    Installed,
    /// Tables that neither are a finished site nor were made by an installation of ours.
    Foreign,
}

/// The answer of the image's health command. It does not start Moodle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Health {
    pub ok: bool,
    /// Reasons why not: `config`, `dataroot`, `db`, `not_installed`, `install_unfinished`,
    /// `upgrade_pending`, `downgrade`, `upgrade_running`, `maintenance`.
    pub why: Vec<String>,
    /// Of the code.
    pub release: Option<String>,
    pub version: Option<String>,
    pub branch: Option<String>,
    /// Of the database.
    pub db_release: Option<String>,
    pub db_version: Option<String>,
    /// None while the database cannot be reached.
    pub state: Option<Installation>,
    pub tables: Option<u64>,
    pub maintenance: bool,
    pub upgrade_pending: bool,
    pub upgrade_running: bool,
    pub cron_enabled: Option<bool>,
    pub php: Option<String>,
}

impl Health {
    pub fn is_because_of(&self, reason: &str) -> bool {
        self.why.iter().any(|w| w == reason)
    }

    /// Reads the command's output: one JSON object on the last line that is one.
    pub fn parse(output: &str) -> Option<Self> {
        let line = output.lines().rev().find(|l| l.starts_with('{'))?;
        serde_json::from_str(line).ok()
    }
}

/// Asks the container. A fault where it cannot be asked at all.
pub async fn health(web: &Web, call: &Call) -> Result<Health, Fault> {
    let output = web.run(call, &["php", HEALTH, "--allow=maintenance"], None).await?;
    Health::parse(&output.stdout_text()).ok_or_else(|| {
        let summary = format!("the health of the site in container {} cannot be read", web.container);
        Fault::new(summary).detail(format!(
            "{HEALTH} ended with status {} and gave no answer. Is the image one that mprov's \
             Dockerfiles make? Its last lines:\n{}",
            output.status,
            output.tail(10)
        ))
    })
}

/// The site's health where it is installed; none where that is not known because container or
/// database cannot be reached, which is for their own resources to repair.
pub enum Sight {
    Installed(Health),
    NotInstalled,
    Unreachable(String),
}

pub async fn look(web: &Web, call: &Call) -> Result<Sight, Fault> {
    let health = match health(web, call).await {
        Ok(health) => health,
        Err(fault) if call.cancel.is_cancelled() => return Err(fault),
        Err(fault) => return Ok(Sight::Unreachable(fault.to_string())),
    };
    match health.state {
        Some(Installation::Installed) => Ok(Sight::Installed(health)),
        Some(Installation::Empty | Installation::Partial) => Ok(Sight::NotInstalled),
        Some(Installation::Foreign) => Err(foreign(web)),
        None => Ok(Sight::Unreachable(format!("the database does not answer ({})", health.why.join(", ")))),
    }
}

pub fn foreign(web: &Web) -> Fault {
    Fault::new(format!("the database of container {} holds something else", web.container)).detail(
        "There are tables with Moodle's prefix that neither are a finished site nor were left by an installation of \
         mprov's. Nothing was changed. Restore the site they belong to, or empty the database by hand, then apply \
         again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTALLED: &str = r#"{"ok":true,"why":[],"release":"5.0.6+ (Build: 20260403)","version":"2025041406.11","branch":"500","db_version":"2025041406.11","db_release":"5.0.6+ (Build: 20260403)","state":"installed","tables":487,"maintenance":false,"upgrade_pending":false,"upgrade_running":false,"cron_enabled":true,"php":"8.2.36"}"#;

    #[test]
    fn a_healthy_site_is_read() {
        let health = Health::parse(&format!("PHP Warning: something\n{INSTALLED}\n")).expect("health");
        assert!(health.ok);
        assert_eq!(health.state, Some(Installation::Installed));
        assert_eq!(health.version.as_deref(), Some("2025041406.11"));
        assert_eq!(health.tables, Some(487));
    }

    #[test]
    fn an_unreachable_database_has_no_state() {
        let text = r#"{"ok":false,"why":["db"],"release":"4.5","version":"1.00","branch":"405","db_version":null,"db_release":null,"state":null,"tables":null,"maintenance":false,"upgrade_pending":false,"upgrade_running":false,"cron_enabled":null,"php":"8.2"}"#;
        let health = Health::parse(text).expect("health");
        assert_eq!(health.state, None);
        assert!(health.is_because_of("db"));
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for text in ["", "Fatal error", "{\"ok\":", "{\"state\":\"else\"}"] {
            assert_eq!(Health::parse(text), None, "{text}");
        }
    }
}

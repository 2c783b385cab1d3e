use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::view::{Stream, Style};

/// What a command takes from around it: read once, here and nowhere else.
#[derive(Clone, Debug)]
pub struct Environment {
    pub current_dir: PathBuf,
    /// Where keys are kept unless they are given otherwise; none without a home folder.
    pub config_dir: Option<PathBuf>,
    /// The variables `MPROV_VAR_name`, under their whole names.
    pub variables: BTreeMap<String, String>,
    pub user: String,
    pub host: String,
    /// Colours are not wanted, or the terminal has none.
    pub colorless: bool,
    /// The terminal cannot move its cursor.
    pub dumb: bool,
    /// Columns of terminals that do not tell.
    columns: Option<usize>,
    pub stdout: Stream,
    pub stderr: Stream,
}

impl Environment {
    pub const VARIABLE_PREFIX: &str = "MPROV_VAR_";

    /// Of this process.
    ///
    /// # Errors
    /// The current folder is gone.
    pub fn of_process() -> std::io::Result<Self> {
        let variables: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        Ok(Self::new(std::env::current_dir()?, &variables, host, [Stream::out(), Stream::talk()]))
    }

    /// Of given variables, a host's name, and what standard output and error lead to.
    pub fn new(
        current_dir: PathBuf,
        variables: &BTreeMap<OsString, OsString>,
        host: Option<String>,
        [stdout, stderr]: [Stream; 2],
    ) -> Self {
        let text = |name: &str| variables.get(&OsString::from(name)).and_then(|v| v.to_str());
        let given = |name: &str| text(name).filter(|v| !v.is_empty());
        let folder = |name: &str| {
            let value = variables.get(&OsString::from(name)).map(PathBuf::from);
            value.filter(|path| path.is_absolute())
        };
        let columns = given("COLUMNS").and_then(|c| c.parse().ok());
        let dumb = text("TERM") == Some("dumb");
        Self {
            current_dir,
            config_dir: folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config"))),
            variables: given_variables(variables),
            user: given("USER").or_else(|| given("LOGNAME")).unwrap_or("unknown").to_owned(),
            host: host.map_or_else(|| "unknown".to_owned(), |host| host.trim().to_owned()),
            colorless: given("NO_COLOR").is_some() || dumb,
            dumb,
            columns,
            stdout,
            stderr,
        }
    }

    pub fn style(&self, stream: Stream, no_color: bool) -> Style {
        let width = stream.width.or(self.columns).unwrap_or(Style::PLAIN.width).clamp(20, 1000);
        Style { color: stream.is_terminal && !self.colorless && !no_color, width }
    }
}

fn given_variables(variables: &BTreeMap<OsString, OsString>) -> BTreeMap<String, String> {
    variables
        .iter()
        .filter_map(|(name, value)| {
            let name = name.to_str().filter(|name| name.starts_with(Environment::VARIABLE_PREFIX))?;
            Some((name.to_owned(), value.to_str()?.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter().map(|(n, v)| (n.into(), v.into())).collect();
        Environment::new(
            "/site".into(),
            &variables,
            Some("host1\n".into()),
            [Stream { is_terminal: true, width: Some(120) }, Stream { is_terminal: false, width: None }],
        )
    }

    #[test]
    fn colours_need_a_terminal_that_has_them_and_nobody_who_minds() {
        let color = |variables: &[(&str, &str)], no_color| {
            let environment = environment(variables);
            environment.style(environment.stdout, no_color).color
        };
        assert!(color(&[], false));
        assert!(color(&[("NO_COLOR", "")], false));
        assert!(!color(&[("NO_COLOR", "1")], false));
        assert!(!color(&[("TERM", "dumb")], false));
        assert!(!color(&[], true));
        let environment = environment(&[]);
        assert!(!environment.style(environment.stderr, false).color);
    }

    #[test]
    fn variables_keys_and_names_are_found() {
        let found = environment(&[
            ("MPROV_VAR_site", "a=b"),
            ("MPROV_OTHER", "x"),
            ("HOME", "/home/u"),
            ("USER", "u"),
        ]);
        assert_eq!(found.variables, [("MPROV_VAR_site".to_owned(), "a=b".to_owned())].into());
        assert_eq!(found.config_dir, Some("/home/u/.config".into()));
        assert_eq!((found.user.as_str(), found.host.as_str()), ("u", "host1"));
        let width = |environment: &Environment, stream| environment.style(stream, false).width;
        assert_eq!((width(&found, found.stdout), width(&found, found.stderr)), (120, 80));
        let told = environment(&[("COLUMNS", "100")]);
        assert_eq!((width(&told, told.stdout), width(&told, told.stderr)), (120, 100));
        let found = environment(&[("XDG_CONFIG_HOME", "/c"), ("HOME", "/home/u")]);
        assert_eq!(found.config_dir, Some("/c".into()));
        assert_eq!(environment(&[("XDG_CONFIG_HOME", "relative")]).config_dir, None);
    }
}

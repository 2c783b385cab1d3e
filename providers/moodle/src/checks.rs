use mprov_sdk::{Call, Fault};

use crate::web::Web;

const CHECKS: &str = "/var/www/html/admin/cli/checks.php";

/// One of Moodle's own checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// `core_environment`, `tool_task_cronrunning` …
    pub reference: String,
    pub name: String,
    /// As Moodle shows it: `OK`, `WARNING`, `ERROR`, `CRITICAL` …
    pub status: String,
    pub summary: String,
}

/// The result of a run of `admin/cli/checks.php`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checks {
    /// The worst: `ok`, `warning`, `critical` or `unknown`.
    pub status: &'static str,
    pub checks: Vec<Check>,
}

/// Runs the checks of the type (`status`, `security`, `performance`) whose reference contains the
/// filter.
pub async fn run(web: &Web, call: &Call, kind: &str, filter: Option<&str>) -> Result<Checks, Fault> {
    let mut argv =
        vec!["php".to_owned(), CHECKS.to_owned(), "--verbose".to_owned(), format!("--type={kind}")];
    argv.extend(filter.map(|f| format!("--filter={f}")));
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let output = web.run(call, &argv, None).await?;
    // Exit codes are those of Nagios plugins. A PHP that did not start ends with 255, or with 1 and
    // no table.
    let status = match output.status {
        0 => "ok",
        1 => "warning",
        2 => "critical",
        3 => "unknown",
        _ => "",
    };
    let checks = parse(&output.stdout_text());
    if status.is_empty() || (checks.is_empty() && output.status != 0) {
        return Err(Fault::new(format!("the checks of the site in container {} did not run", web.container))
            .detail(format!("checks.php ended with status {}:\n{}", output.status, output.tail(15))));
    }
    Ok(Checks { status, checks })
}

/// Reads the table of `checks.php`: a line `STATUS| Name (reference)` begins a check, lines with
/// an empty first column go on with its summary.
fn parse(text: &str) -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::new();
    let text = without_colours(text);
    let table = text.lines().skip_while(|l| !l.starts_with("----------+")).skip(1);
    for line in table {
        let Some((status, rest)) = line.split_once('|') else { continue };
        let (status, rest) = (status.trim(), rest.trim());
        if let Some((name, reference)) = named(rest).filter(|_| !status.is_empty()) {
            checks.push(Check { reference, name, status: status.into(), summary: String::new() });
        } else if let Some(check) = checks.last_mut()
            && !rest.is_empty()
            && !is_address(rest)
        {
            let space = if check.summary.is_empty() { "" } else { " " };
            check.summary.push_str(space);
            check.summary.push_str(rest);
        }
    }
    checks
}

/// Moodle colours the status whether or not anybody can see it.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').map_or(part, |(_, rest)| rest))
}

fn named(text: &str) -> Option<(String, String)> {
    let (name, reference) = text.strip_suffix(')')?.rsplit_once('(')?;
    Some((name.trim().to_owned(), reference.trim().to_owned()))
}

/// The link that Moodle puts behind a summary.
fn is_address(text: &str) -> bool {
    (text.starts_with("http://") || text.starts_with("https://")) && !text.contains(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
CRITICAL: Cron running (tool_task_cronrunning)
   Status | Check
----------+--------------------------------------------------------------------
      \u{1b}[0;32m OK \u{1b}[0;0m| Environment (core_environment)
          |     All environment checks
          |     are met
          |     https://moodle.example.org/admin/environment.php
          |
     Error| Cron running (tool_task_cronrunning)
          |     Cron has never run
";

    #[test]
    fn the_table_is_read() {
        let checks = parse(TABLE);
        assert_eq!(checks.len(), 2);
        assert_eq!((checks[0].reference.as_str(), checks[0].status.as_str()), ("core_environment", "OK"));
        assert_eq!(checks[0].summary, "All environment checks are met");
        assert_eq!((checks[1].status.as_str(), checks[1].summary.as_str()), ("Error", "Cron has never run"));
    }

    #[test]
    fn without_a_table_there_are_no_checks() {
        assert!(parse("OK: All 'status' checks OK\n").is_empty());
    }
}

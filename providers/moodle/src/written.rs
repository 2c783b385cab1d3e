use mprov_sdk::{Call, Fault, Written};
use serde::Deserialize;
use serde_json::json;

use crate::web::Web;

/// Looks without starting Moodle, so that it also counts in a site that is broken.
const WRITTEN: &str = include_str!("written.php");

#[derive(Deserialize)]
struct Kind {
    what: String,
    count: u64,
}

/// What users have written from the second of that time (RFC 3339) on, by the web server's clock.
pub async fn written_since(web: &Web, call: &Call, since: &str) -> Result<Vec<Written>, Fault> {
    let output = web.script(call, WRITTEN, &json!({ "since": since })).await?;
    let answer = output.success().then(|| parse(&output.stdout_text())).flatten();
    answer.ok_or_else(|| {
        Fault::new(format!("what users wrote in the site of container {} cannot be counted", web.container))
            .detail(output.tail(10))
    })
}

fn parse(text: &str) -> Option<Vec<Written>> {
    let line = text.lines().rev().find(|l| l.starts_with('['))?;
    let kinds: Vec<Kind> = serde_json::from_str(line).ok()?;
    Some(kinds.into_iter().map(|k| Written { what: k.what, count: k.count }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_without_writes_are_told_too() {
        let text = "[{\"what\":\"log entries\",\"count\":12},{\"what\":\"users\",\"count\":0}]\n";
        let written = parse(text).expect("two kinds");
        assert_eq!(written[0], Written { what: "log entries".into(), count: 12 });
        assert_eq!(written[1].count, 0);
        assert_eq!(parse("PHP Fatal error"), None);
    }
}

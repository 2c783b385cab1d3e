use std::fmt;

use mprov_sdk::{Call, Fault};
use serde::Deserialize;

use crate::web::Web;

const CONNECTIONS: &str = include_str!("connections.php");

/// What one connection to the site's database does, and for how long; never what it says, which is
/// users'.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Connection {
    state: String,
    seconds: u64,
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {} s", self.state, self.seconds)
    }
}

/// Connections that requests and tasks of the site have to its database. Moodle opens one for each
/// request and closes it with it. None were seen twice within half a second.
pub async fn connections(web: &Web, call: &Call) -> Result<Vec<Connection>, Fault> {
    let output = web.script(call, CONNECTIONS, &serde_json::Value::Null).await?;
    let answer = output.success().then(|| parse(&output.stdout_text())).flatten();
    answer.ok_or_else(|| {
        Fault::new(format!("the connections of the site in container {} cannot be seen", web.container))
            .detail(output.tail(5))
    })
}

fn parse(text: &str) -> Option<Vec<Connection>> {
    let line = text.lines().rev().find(|l| l.starts_with('['))?;
    serde_json::from_str(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_read_and_shown() {
        let text =
            "[{\"state\":\"Query: Sending data\",\"seconds\":3},{\"state\":\"Sleep\",\"seconds\":0}]\n";
        let shown: Vec<String> = parse(text).expect("two").iter().map(Connection::to_string).collect();
        assert_eq!(shown, ["Query: Sending data for 3 s", "Sleep for 0 s"]);
        assert_eq!(parse("[]"), Some(Vec::new()));
        assert_eq!(parse("PHP Fatal error"), None);
    }
}

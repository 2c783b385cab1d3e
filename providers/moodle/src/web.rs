use std::sync::Arc;
use std::time::Duration;

use mprov_sdk::{Call, ContainerExec, Events, ExecOutput, ExecRequest, Fault, Silent};

/// User and group of the web server in the images: everything of Moodle runs as it, so that no
/// file of the data folder becomes somebody else's.
const WEB_USER: &str = "www-data";

/// Long enough for one start of Moodle on a machine that is busy with builds.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(180);

/// The container that runs a site's code.
pub struct Web {
    containers: Arc<dyn ContainerExec>,
    pub container: String,
}

impl Web {
    pub fn new(containers: Arc<dyn ContainerExec>, container: &str) -> Self {
        Self { containers, container: container.to_owned() }
    }

    /// Runs a command as the web user to its end. Its output goes to nobody else: that of
    /// settings holds secrets.
    pub async fn run(&self, call: &Call, argv: &[&str], stdin: Option<Vec<u8>>) -> Result<ExecOutput, Fault> {
        let request = ExecRequest { stdin, ..ExecRequest::new(argv.iter().copied()) };
        self.exec(call, request.timeout(COMMAND_TIMEOUT), &Silent).await
    }

    /// The same, but nobody waits in vain: its lines go to `events` as they come, and it may take
    /// as long as it takes.
    pub async fn follow(
        &self,
        call: &Call,
        argv: Vec<String>,
        stdin: Vec<u8>,
        events: &dyn Events,
    ) -> Result<ExecOutput, Fault> {
        self.exec(call, ExecRequest::new(argv).stdin(stdin), events).await
    }

    /// Runs a PHP script of ours that the image does not hold, with an argument that it finds
    /// decoded in `$mprov`. Script and argument go in by standard input.
    pub async fn script(
        &self,
        call: &Call,
        script: &str,
        argument: &serde_json::Value,
    ) -> Result<ExecOutput, Fault> {
        let text = with_argument(script, argument);
        self.run(call, &["php"], Some(text.into_bytes())).await
    }

    /// The same for a script that may take as long as it takes; its lines go to `events`.
    pub async fn follow_script(
        &self,
        call: &Call,
        script: &str,
        argument: &serde_json::Value,
        events: &dyn Events,
    ) -> Result<ExecOutput, Fault> {
        let text = with_argument(script, argument);
        self.follow(call, vec!["php".to_owned()], text.into_bytes(), events).await
    }

    /// Whether the container runs at all.
    pub async fn runs(&self) -> Result<bool, Fault> {
        self.containers.runs(&self.container).await
    }

    /// Whether the container has that file.
    pub async fn has(&self, call: &Call, path: &str) -> Result<bool, Fault> {
        Ok(self.run(call, &["test", "-f", path], None).await?.success())
    }

    async fn exec(
        &self,
        call: &Call,
        request: ExecRequest,
        events: &dyn Events,
    ) -> Result<ExecOutput, Fault> {
        self.containers.exec(&self.container, request.user(WEB_USER), events, &call.cancel).await
    }
}

/// The script with the argument in front of it. Hexadecimal digits need no quoting in PHP.
fn with_argument(script: &str, argument: &serde_json::Value) -> String {
    let hex: String = argument.to_string().bytes().map(|b| format!("{b:02x}")).collect();
    let body = script.trim_start().trim_start_matches("<?php");
    format!("<?php\n$mprov = json_decode(hex2bin('{hex}'), true);\n{body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_cannot_become_code() {
        let script = with_argument("<?php\necho $mprov['a'];\n", &serde_json::json!({"a": "');evil();//"}));
        assert!(!script.contains("evil"));
        assert!(script.starts_with("<?php\n$mprov = json_decode(hex2bin('7b22"));
        assert_eq!(script.matches("<?php").count(), 1);
    }
}

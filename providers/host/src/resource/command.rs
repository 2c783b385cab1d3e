use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{
    Attribute, Call, Diagnostics, ExecOutput, ExecRequest, Fault, Object, Resource, Schema, Type, Value,
};

use super::command_plan::EFFECT;
use super::redaction::Redaction;
use crate::connection::Connection;
use crate::duration::parse as parse_duration;
use crate::path::absolute;
use crate::refused;
use crate::tool::{TOKEN_VARIABLE, none_running};

/// What a `read` command exits with where the thing is absent, as `test` and `grep` do. Every
/// other status but 0 is a failure to look.
const ABSENT: i64 = 1;
/// So much of an output is kept.
const OUTPUT_LIMIT: usize = 1024 * 1024;
const COMMANDS: [&str; 4] = ["create", "read", "update", "delete"];

/// `host_command`: something that only commands can make, look at, change and remove.
pub struct HostCommand(pub Arc<dyn Connection>);

pub fn schema() -> Schema {
    let command = |what| Attribute::optional(Type::Any, what);
    Schema::new(
        "host_command",
        "Something on the machine that is made, looked at, changed and removed by commands. Each is a list \
         (program and arguments) or a text (for /bin/sh).",
        [
            ("create", Attribute::required(Type::Any, "Makes it.")),
            (
                "read",
                command(
                    "Prints what is there; exits with 1 where it is absent. A change of its output is drift.",
                ),
            ),
            ("update", command("Carries out changes in place; without it they replace.")),
            ("delete", command("Removes it; also where it is gone already, that is a success.")),
            (
                "triggers",
                Attribute::optional(Type::map(Type::Any), "Any values; a change of them replaces.")
                    .replaces(),
            ),
            (
                "environment",
                Attribute::optional(
                    Type::map(Type::String),
                    "Added to the environment; the place for secrets.",
                ),
            ),
            ("stdin", Attribute::optional(Type::String, "Given to create and update as standard input.")),
            (
                "working_dir",
                Attribute::optional(Type::String, "Where they run; the root module's folder else."),
            ),
            (
                "timeout",
                Attribute::optional(
                    Type::String,
                    "Longest time for each, like \"90s\" or \"1h 30m\"; no limit else.",
                ),
            ),
            (
                "sensitive_output",
                Attribute::optional(Type::Bool, "What they print is secret.").default(false),
            ),
            (
                "stdout",
                Attribute::computed(
                    Type::String,
                    "What create or update printed, without white space around it.",
                ),
            ),
            ("exit_code", Attribute::computed(Type::Number, "The exit status of create or update.")),
            (
                "observed",
                Attribute::computed(Type::String, "What read printed, without white space around it.")
                    .recomputed_by(["read"]),
            ),
        ],
    )
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    for name in COMMANDS {
        let value = &config[name];
        if value.contains_sensitive() {
            let detail =
                "Arguments are visible to every user of the machine. Pass secrets in environment or stdin.";
            found.push(refused(name, format!("the {name} command has a secret in its arguments"), detail));
        } else if !value.is_null()
            && value.is_wholly_known()
            && let Err(fault) = argv(value)
        {
            found.push(refused(name, format!("the {name} command {}", fault.summary), fault.detail));
        }
    }
    if let Some(Err(fault)) = config["timeout"].as_str().map(parse_duration) {
        found.push(refused("timeout", fault.summary, fault.detail));
    }
    found
}

#[async_trait]
impl Resource for HostCommand {
    async fn read(&self, call: &Call, stored: &Object) -> Result<Option<Object>, Fault> {
        match self.look(call, stored).await? {
            Look::NoCommand => Ok(Some(stored.clone())),
            Look::Absent => Ok(None),
            Look::Present(text) => Ok(Some(observed(stored, text))),
        }
    }

    async fn create(&self, call: &Call, planned: &Object) -> Result<Object, Fault> {
        let done = self.run(call, planned, "create", true).await;
        self.settle(call, planned, done).await
    }

    async fn update(&self, call: &Call, prior: &Object, planned: &Object) -> Result<Object, Fault> {
        let changed = EFFECT.iter().any(|name| !planned[name].same(&prior[name]));
        // The plan leaves the outputs open where there is something to carry out.
        if planned["update"].is_null() || !(changed || planned["exit_code"].is_null()) {
            return match self.look(call, planned).await? {
                Look::Present(text) => Ok(observed(planned, text)),
                Look::NoCommand | Look::Absent => Ok(planned.clone().with("observed", Value::Null)),
            };
        }
        let done = self.run(call, planned, "update", true).await;
        match done {
            Ok(output) => self.settle(call, planned, Ok(output)).await,
            // It is still there as it was, or nearly: the next apply tries again.
            Err(fault) => Err(fault.unfinished(prior.clone())),
        }
    }

    async fn delete(&self, call: &Call, prior: &Object) -> Result<(), Fault> {
        if prior["delete"].is_null() {
            return Ok(());
        }
        self.run(call, prior, "delete", false).await.map(drop)
    }

    async fn find(&self, call: &Call, planned: &Object) -> Result<Option<Object>, Fault> {
        let what = format!("a command of {} is still running", call.address);
        none_running(self.0.as_ref(), call, &what).await?;
        let unsure = planned.clone().with("stdout", "").with("exit_code", Value::Null);
        match self.look(call, planned).await {
            Ok(Look::Absent) => Ok(None),
            Ok(Look::Present(text)) => Ok(Some(observed(&unsure, text))),
            Ok(Look::NoCommand) => Err(Fault::new(format!(
                "whether the create command of {} has done its work cannot be told",
                call.address
            ))
            .detail(
                "mprov was killed while it ran, and there is no read command to look. The next apply runs delete \
                 and create; with a read command it would know.",
            )
            .broken(unsure.with("observed", Value::Null))),
            Err(fault) => Err(fault),
        }
    }
}

enum Look {
    NoCommand,
    Absent,
    Present(Value),
}

impl HostCommand {
    async fn look(&self, call: &Call, config: &Object) -> Result<Look, Fault> {
        if config["read"].is_null() {
            return Ok(Look::NoCommand);
        }
        let redaction = redaction(config);
        let output = self.output(call, config, "read", false).await?;
        match output.status {
            0 => Ok(Look::Present(redaction.output(&kept(&output)))),
            ABSENT => Ok(Look::Absent),
            _ => Err(failed("read", &output, &redaction)),
        }
    }

    /// The instance after its create or update command, or what is left of a failed one.
    async fn settle(
        &self,
        call: &Call,
        planned: &Object,
        done: Result<ExecOutput, Fault>,
    ) -> Result<Object, Fault> {
        let redaction = redaction(planned);
        let result = match &done {
            Ok(output) => planned
                .clone()
                .with("stdout", redaction.output(&kept(output)))
                .with("exit_code", output.status),
            Err(_) => planned.clone().with("stdout", "").with("exit_code", Value::Null),
        };
        let look = match call.cancel.is_cancelled() {
            true => Err(Fault::new("cancelled")),
            false => self.look(call, planned).await,
        };
        match (done, look) {
            (Ok(_), Ok(Look::NoCommand)) => Ok(result.with("observed", Value::Null)),
            (Ok(_), Ok(Look::Present(text))) => Ok(observed(&result, text)),
            (Ok(_), Ok(Look::Absent)) => Err(Fault::new(
                "the command succeeded, but the read command says that nothing is there",
            )
            .detail("The read command exits with 1 only where the thing is absent. One of the two is wrong.")
            .broken(result.with("observed", Value::Null))),
            (Ok(_), Err(fault)) => Err(fault.broken(result.with("observed", Value::Null))),
            (Err(fault), Ok(Look::Absent)) => Err(fault),
            (Err(fault), Ok(Look::Present(text))) => Err(fault.broken(observed(&result, text))),
            // It may have done half of its work, and nobody can tell: the delete command is to run.
            (Err(fault), _) => Err(fault.broken(result.with("observed", Value::Null))),
        }
    }

    /// Runs one of the commands; a status other than 0 is a fault.
    async fn run(&self, call: &Call, config: &Object, which: &str, input: bool) -> Result<ExecOutput, Fault> {
        let output = self.output(call, config, which, input).await?;
        match output.success() {
            true => Ok(output),
            false => Err(failed(which, &output, &redaction(config))),
        }
    }

    async fn output(
        &self,
        call: &Call,
        config: &Object,
        which: &str,
        input: bool,
    ) -> Result<ExecOutput, Fault> {
        let redaction = redaction(config);
        let working_dir = absolute(&call.base_dir, config.opt_str("working_dir")?.unwrap_or("."))?;
        let mut env = config.string_map("environment")?;
        env.insert(TOKEN_VARIABLE.to_owned(), call.token.to_string());
        let request = ExecRequest {
            argv: argv(&config[which])?,
            working_dir: Some(working_dir),
            env,
            stdin: config.opt_str("stdin")?.filter(|_| input).map(|text| text.as_bytes().to_vec()),
            timeout: config.opt_str("timeout")?.map(parse_duration).transpose()?,
            ..ExecRequest::default()
        };
        let events = redaction.events(call.events.as_ref());
        self.0.exec(request, &events, &call.cancel).await.map_err(|fault| redaction.fault(fault))
    }
}

fn redaction(config: &Object) -> Redaction {
    Redaction::new(config, config["sensitive_output"].as_bool() == Some(true))
}

fn observed(known: &Object, text: Value) -> Object {
    known.clone().with("observed", text)
}

fn failed(which: &str, output: &ExecOutput, redaction: &Redaction) -> Fault {
    redaction.fault(
        Fault::new(format!("the {which} command ended with status {}", output.status))
            .detail(output.tail(20)),
    )
}

fn kept(output: &ExecOutput) -> String {
    let bytes = &output.stdout[..output.stdout.len().min(OUTPUT_LIMIT)];
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// Program and arguments of a command.
fn argv(command: &Value) -> Result<Vec<String>, Fault> {
    let wrong = || {
        Fault::new("is neither a text nor a list of texts")
            .detail("Write [\"program\", \"argument\"], or a text for /bin/sh.")
    };
    if let Some(script) = command.as_str() {
        return Ok(["/bin/sh", "-c", script].map(str::to_owned).to_vec());
    }
    let parts = command.as_elements().ok_or_else(wrong)?;
    let parts: Option<Vec<String>> = parts
        .iter()
        .map(|part| part.as_str().map(str::to_owned).or_else(|| part.as_number().map(ToString::to_string)))
        .collect();
    parts.filter(|parts| !parts.is_empty()).ok_or_else(wrong)
}

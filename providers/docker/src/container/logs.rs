use bollard::Docker;
use bollard::query_parameters::LogsOptions;
use futures_util::StreamExt;
use mprov_sdk::{Object, Value};

const LINES: usize = 15;
/// Shorter secrets would black out half of a log, and are none.
const SECRET_LENGTH: usize = 4;

/// The last lines of a container's log for a fault's detail, without the container's own secrets.
/// Empty where the log cannot be read: the fault that it belongs to matters more.
pub async fn tail(docker: &Docker, id: &str, planned: &Object) -> String {
    let options =
        LogsOptions { stdout: true, stderr: true, tail: LINES.to_string(), ..LogsOptions::default() };
    let mut stream = Box::pin(docker.logs(id, Some(options)));
    let mut text = String::new();
    while let Some(Ok(chunk)) = stream.next().await {
        text.push_str(&chunk.to_string());
    }
    without_secrets(text.trim_end(), planned)
}

/// A sentence with the last lines, or that there are none.
pub async fn tail_sentence(docker: &Docker, id: &str, planned: &Object) -> String {
    let tail = tail(docker, id, planned).await;
    match tail.is_empty() {
        true => "It has logged nothing.".into(),
        false => format!("The last lines of its log:\n{tail}"),
    }
}

fn without_secrets(text: &str, planned: &Object) -> String {
    let blocks = planned.get("secret").as_elements().unwrap_or_default();
    let contents = blocks.iter().filter_map(Value::as_object).filter_map(|b| b.get("content").as_str());
    let mut text = text.to_owned();
    for secret in contents.map(str::trim).filter(|s| s.len() >= SECRET_LENGTH) {
        text = text.replace(secret, "(secret)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_of_logs() {
        let secret = Value::object([("content", Value::from("hunter2\n").sensitive())]);
        let planned = Object::new().with("secret", Value::list([secret]).sensitive());
        assert_eq!(without_secrets("login with hunter2 failed", &planned), "login with (secret) failed");
    }
}

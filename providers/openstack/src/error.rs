use std::time::Duration;

use mprov_sdk::{AttributeError, Fault};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value as Json;

/// Why a request has not given what it asked for.
#[derive(Debug)]
pub enum ApiError {
    /// The service has answered, and has done nothing.
    Refused {
        status: StatusCode,
        reason: String,
        retry_after: Option<Duration>,
    },
    /// The request was never taken.
    Unreachable(String),
    /// The request was sent, and whether it was carried out is not known.
    Lost(String),
    /// The user does not want to wait any longer.
    Interrupted,
    Fault(Fault),
}

impl ApiError {
    pub fn refused(status: StatusCode, headers: &HeaderMap, text: &str) -> Self {
        let seconds = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.trim().parse().ok());
        Self::Refused { status, reason: reason(text), retry_after: seconds.map(Duration::from_secs) }
    }

    pub fn has_status(&self, code: u16) -> bool {
        matches!(self, Self::Refused { status, .. } if status.as_u16() == code)
    }

    /// What the service itself said.
    pub fn reason(&self) -> &str {
        match self {
            Self::Refused { reason, .. } | Self::Unreachable(reason) | Self::Lost(reason) => reason,
            Self::Interrupted => "interrupted",
            Self::Fault(fault) => &fault.summary,
        }
    }

    /// `what` says what could not be done, in one line.
    pub fn fault(self, what: impl Into<String>) -> Fault {
        match self {
            Self::Refused { status, reason, .. } => Fault::new(what).detail(with_advice(status, &reason)),
            Self::Unreachable(why) => Fault::new(what).detail(format!(
                "The cloud cannot be reached: {why}. Check the network, the address and the certificates, then \
                 run the command again."
            )),
            Self::Lost(why) => Fault::new(what)
                .detail(format!("The connection to the cloud was lost: {why}. Run the command again.")),
            Self::Interrupted => {
                Fault::new(what).detail("Stopped waiting. The next run looks at what became of it.")
            }
            Self::Fault(fault) => fault,
        }
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<AttributeError> for ApiError {
    fn from(error: AttributeError) -> Self {
        Self::Fault(error.into())
    }
}

/// The result, with "no such object" as none.
pub fn unless_gone<T>(result: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.has_status(404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Quotas are told by 403 (Nova), 413 (Cinder, older Nova) and 409 (Neutron), each with its own
/// words: waiting does not help against them.
pub fn is_quota(reason: &str) -> bool {
    reason.to_lowercase().contains("quota")
}

fn with_advice(status: StatusCode, reason: &str) -> String {
    let said = sentence(reason);
    let advice = match status.as_u16() {
        _ if is_quota(reason) => {
            " The project may not have more: remove what is not needed, or have the quota raised."
        }
        401 => " The token is refused though it is new: the service may not reach Keystone.",
        403 => " The user's roles in this project do not allow it.",
        413 | 429 => " The cloud limits the number of requests: run the command again later.",
        500..=599 => " The fault is the cloud's: if it stays, tell its operators.",
        _ => "",
    };
    format!("OpenStack answers {}: {said}{advice}", status.as_u16())
}

/// The reason with a full stop.
pub fn sentence(reason: &str) -> String {
    let reason = reason.trim();
    match reason.ends_with(['.', '!', '?']) {
        true => reason.to_owned(),
        false => format!("{reason}."),
    }
}

/// The message inside the body of an error: each service wraps it in an object of its own,
/// `{"badRequest": {"message": …}}`, `{"NeutronError": {"message": …}}`, `{"error": {"message": …}}`.
pub fn reason(body: &str) -> String {
    const LIMIT: usize = 600;
    let document = serde_json::from_str::<Json>(body).unwrap_or_default();
    let wrapped = document
        .as_object()
        .into_iter()
        .flat_map(|o| o.values())
        .find_map(|inner| inner["message"].as_str().or_else(|| inner.as_str()));
    let text = match document["message"].as_str().or(wrapped) {
        Some(message) => message.to_owned(),
        None => without_tags(body),
    };
    let words: Vec<_> = text.split_whitespace().collect();
    match words.is_empty() {
        true => "it gives no reason".into(),
        false => words.join(" ").chars().take(LIMIT).collect(),
    }
}

/// Proxies and Glance answer with a page.
fn without_tags(page: &str) -> String {
    let mut inside = false;
    let visible = page.chars().filter_map(|c| match c {
        '<' => {
            inside = true;
            Some(' ')
        }
        '>' if inside => {
            inside = false;
            None
        }
        c => (!inside).then_some(c),
    });
    visible.collect()
}

/// The innermost error: wrappers only say that something failed.
pub fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    match error.source() {
        Some(source) => root_cause(source),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_found_in_every_services_wrapping() {
        for body in [
            r#"{"badRequest": {"code": 400, "message": "Bad thing"}}"#,
            r#"{"NeutronError": {"type": "X", "message": "Bad thing", "detail": ""}}"#,
            r#"{"error": {"code": 401, "message": "Bad thing", "title": "Unauthorized"}}"#,
            r#"{"message": "Bad thing", "code": "400 Bad Request"}"#,
            "<html><body><p>Bad\n thing</p></body></html>",
        ] {
            assert_eq!(reason(body), "Bad thing", "{body}");
        }
        assert_eq!(reason(""), "it gives no reason");
    }

    #[test]
    fn a_quota_is_told_as_one() {
        let headers = HeaderMap::new();
        let body = r#"{"forbidden": {"code": 403, "message": "Quota exceeded for cores: Requested 4"}}"#;
        let fault = ApiError::refused(StatusCode::FORBIDDEN, &headers, body).fault("no");
        assert!(fault.detail.contains("Requested 4") && fault.detail.contains("quota raised"), "{fault}");
    }
}

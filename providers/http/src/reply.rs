use std::collections::BTreeMap;

use mprov_sdk::Value;

use crate::json;

/// How much of a failed reply is told.
const LINES: usize = 10;
const CHARACTERS: usize = 600;

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    /// By name in lower case; several of one name are joined by a comma (RFC 9110, section 5.3).
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// What places are looked up in: a reply, or an element of a list that one holds.
#[derive(Clone, Debug)]
pub struct View {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    /// Null where the body is no JSON.
    pub body: Value,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn view(&self) -> View {
        View {
            status: self.status,
            headers: self.headers.clone(),
            body: json::parse(&self.body).unwrap_or(Value::Null),
        }
    }

    /// `404 Not Found`
    pub fn status_text(&self) -> String {
        let code = reqwest::StatusCode::from_u16(self.status).ok();
        match code.and_then(|c| c.canonical_reason()) {
            Some(reason) => format!("{} {reason}", self.status),
            None => self.status.to_string(),
        }
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// That it does not exist (any more): RFC 9110, sections 15.5.5 and 15.5.11.
    pub fn is_gone(&self) -> bool {
        matches!(self.status, 404 | 410)
    }

    /// The last lines of the body, for an error.
    pub fn tail(&self) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.trim().lines().collect();
        let tail = lines[lines.len().saturating_sub(LINES)..].join("\n");
        let length = tail.chars().count();
        match length > CHARACTERS {
            true => format!("…{}", tail.chars().skip(length - CHARACTERS).collect::<String>()),
            false => tail,
        }
    }
}

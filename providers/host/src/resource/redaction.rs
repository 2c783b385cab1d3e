use mprov_sdk::{Event, Events, Fault, Object, Value};

const MASK: &str = "(sensitive)";

/// Takes the secrets that a command was given out of what it says.
pub struct Redaction {
    secrets: Vec<String>,
    /// Everything it says is a secret.
    all: bool,
}

impl Redaction {
    /// `all` where the output as a whole is sensitive.
    pub fn new(config: &Object, all: bool) -> Self {
        let mut secrets = Vec::new();
        for name in ["environment", "stdin"] {
            collect(&config[name], false, &mut secrets);
        }
        // Lines are masked one by one: so are the lines of a secret.
        let lines: Vec<String> = secrets.iter().flat_map(|s| s.lines().map(str::to_owned)).collect();
        secrets.extend(lines);
        // One letter masked everywhere would tell more than it hides, and hide what is wrong.
        secrets.retain(|s| s.len() >= 3);
        // The longest first: a secret may contain another.
        secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
        secrets.dedup();
        Self { secrets, all }
    }

    pub fn text(&self, text: &str) -> String {
        match self.all {
            true => MASK.to_owned(),
            false => self.secrets.iter().fold(text.to_owned(), |text, s| text.replace(s.as_str(), MASK)),
        }
    }

    pub fn fault(&self, fault: Fault) -> Fault {
        let detail = if fault.detail.is_empty() { String::new() } else { self.text(&fault.detail) };
        Fault {
            summary: self.secrets.iter().fold(fault.summary, |t, s| t.replace(s.as_str(), MASK)),
            detail,
            ..fault
        }
    }

    /// Output as an attribute, marked where it has to be.
    pub fn output(&self, text: &str) -> Value {
        let secret = self.all || self.secrets.iter().any(|s| text.contains(s.as_str()));
        Value::from(text).with_sensitivity(secret)
    }

    pub fn events<'a>(&'a self, events: &'a dyn Events) -> RedactedEvents<'a> {
        RedactedEvents { redaction: self, events }
    }
}

fn collect(value: &Value, marked: bool, into: &mut Vec<String>) {
    match value {
        Value::Sensitive(inner) => collect(inner, true, into),
        Value::String(text) if marked => into.push(text.to_string()),
        Value::Map(entries) | Value::Object(entries) => {
            entries.values().for_each(|v| collect(v, marked, into));
        }
        Value::List(items) | Value::Set(items) | Value::Tuple(items) => {
            items.iter().for_each(|v| collect(v, marked, into));
        }
        _ => {}
    }
}

/// Events without the secrets.
pub struct RedactedEvents<'a> {
    redaction: &'a Redaction,
    events: &'a dyn Events,
}

impl Events for RedactedEvents<'_> {
    fn emit(&self, event: Event) {
        match event {
            Event::Log(_) if self.redaction.all => {}
            Event::Log(line) => self.events.emit(Event::Log(self.redaction.text(&line))),
            other => self.events.emit(other),
        }
    }
}

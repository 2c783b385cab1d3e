use mprov_sdk::Call;
use serde_json::{Map, Value as Json};

/// Key of the metadata that names the step which made a thing: how a create whose answer was lost
/// is found again. OpenStack has no client tokens.
pub const TOKEN: &str = "mprov-token";
/// Keys with this prefix are mprov's own.
pub const RESERVED: &str = "mprov-";
/// Neutron keeps 255 characters of a description; the mark takes some of them.
pub const DESCRIPTION_LIMIT: usize = 180;

const OPEN: &str = "[mprov ";

/// The metadata of a thing that this call makes.
pub fn metadata(tags: impl IntoIterator<Item = (String, String)>, call: &Call) -> Json {
    let own = [(TOKEN.to_owned(), call.token.to_string())];
    Json::Object(tags.into_iter().chain(own).map(|(k, v)| (k, Json::String(v))).collect())
}

/// New metadata for a thing that keeps the marks it has.
pub fn changed_metadata(tags: impl IntoIterator<Item = (String, String)>, now: &Json) -> Json {
    let kept = now.as_object().into_iter().flatten().filter(|(k, _)| k.starts_with(RESERVED));
    let kept: Vec<_> = kept.map(|(k, v)| (k.clone(), v.clone())).collect();
    let tags = tags.into_iter().map(|(k, v)| (k, Json::String(v)));
    Json::Object(tags.chain(kept).collect::<Map<_, _>>())
}

pub fn is_made_by(metadata: &Json, call: &Call) -> bool {
    metadata[TOKEN] == *call.token
}

/// Neutron has descriptions only: the mark stands at the end of one.
pub fn description(text: &str, call: &Call) -> String {
    let mark = format!("{OPEN}{}]", call.token);
    if text.is_empty() { mark } else { format!("{text} {mark}") }
}

/// The same text with the mark of a description that is there already.
pub fn changed_description(text: &str, now: &str) -> String {
    match now.rfind(OPEN) {
        Some(at) if text.is_empty() => now[at..].to_owned(),
        Some(at) => format!("{text} {}", &now[at..]),
        None => text.to_owned(),
    }
}

/// A description as its author wrote it.
pub fn without_mark(description: &str) -> &str {
    match description.rfind(OPEN) {
        Some(at) if description.ends_with(']') => description[..at].trim_end(),
        _ => description,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stays_while_the_text_changes() {
        let made = "for ssh [mprov 12ab]";
        assert_eq!(without_mark(made), "for ssh");
        assert_eq!(changed_description("for scp", made), "for scp [mprov 12ab]");
        assert_eq!(without_mark("[mprov 12ab]"), "");
        assert_eq!(without_mark("not [mprov"), "not [mprov");
        assert_eq!(changed_description("x", "foreign"), "x");
    }
}

/// The text with every occurrence of the secrets blotted out.
///
/// What a program says when it fails is shown to people and logged; PHP's stack traces, for one,
/// hold arguments of functions. Secrets of one or two characters stay: blotting them out would
/// leave nothing readable, and guessing them needs no log.
pub fn redact<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    let mut secrets: Vec<&str> = secrets.into_iter().filter(|s| s.len() > 2).collect();
    // The longest first: a secret that holds another one is blotted out as a whole.
    secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
    secrets.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret, "(secret)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_blotted_out() {
        let text = redact("set 'abcdef' and 'abc' of a", ["abc", "abcdef", "a", ""]);
        assert_eq!(text, "set '(secret)' and '(secret)' of a");
    }
}

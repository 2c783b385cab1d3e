use std::time::Duration;

use mprov_sdk::parse_duration;

/// A time written as seconds (`90`) or in units, `1h30m`, `1m30s`, `500ms`, `1.5s`.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    text.parse().map(Duration::from_secs).ok().or_else(|| parse_duration(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (text, millis) in [
            ("90", 90_000),
            ("5s", 5_000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("1.5s", 1_500),
            ("2h", 7_200_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "5", "5 s", "-1s", "1d", "1..5s", "9999999999999999999999h"] {
            let expected = (text == "5").then(|| Duration::from_secs(5));
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}

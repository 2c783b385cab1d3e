use mprov_sdk::Value;

/// Bytes of a size written as a number of bytes or with a binary unit: `b`, `k`, `m`, `g`, `t`
/// (also `kb`, `kib`, …; upper or lower case). `-1` stands for "no limit" where Docker has that.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    if text == "-1" {
        return Some(-1);
    }
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let factor: i64 = match unit.trim() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return None,
    };
    digits.parse::<i64>().ok()?.checked_mul(factor)
}

/// As a person would write it: in the largest unit that divides it.
pub fn text(bytes: i64) -> String {
    let units = [(1 << 40, "t"), (1 << 30, "g"), (1 << 20, "m"), (1 << 10, "k")];
    match units.into_iter().find(|(factor, _)| bytes > 0 && bytes % factor == 0) {
        Some((factor, unit)) => format!("{}{unit}", bytes / factor),
        None => bytes.to_string(),
    }
}

/// The observed number of bytes, in the stored form where that means the same. Docker reports 0
/// where there is no limit.
pub fn observed(stored: &Value, bytes: Option<i64>) -> Value {
    let bytes = bytes.filter(|b| *b != 0);
    let same = stored.as_str().and_then(parse) == bytes;
    match same {
        true => stored.clone(),
        false => bytes.map(text).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("0", 0),
            ("268435456", 268_435_456),
            ("256m", 268_435_456),
            ("256M", 268_435_456),
            ("1g", 1 << 30),
            ("1 GiB", 1 << 30),
            ("-1", -1),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        for text in ["", "m", "1.5g", "1x", "-2", "99999999999t"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_written_size_reads_back() {
        for (bytes, written) in [(1 << 30, "1g"), (1536 << 20, "1536m"), (1000, "1000"), (-1, "-1"), (0, "0")]
        {
            assert_eq!(text(bytes), written);
            assert_eq!(parse(written), Some(bytes));
        }
    }

    #[test]
    fn the_stored_form_is_kept_when_it_means_the_same() {
        let stored = Value::from("256m");
        assert_eq!(observed(&stored, Some(268_435_456)), stored);
        assert_eq!(observed(&stored, Some(1024)), Value::from("1k"));
        assert_eq!(observed(&stored, Some(0)), Value::Null);
        assert_eq!(observed(&Value::Null, Some(0)), Value::Null);
    }
}

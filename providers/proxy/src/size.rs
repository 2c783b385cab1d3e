/// A number of bytes, with the binary units of php.ini: `536870912`, `512M`, `2G` (also `512MB`).
pub fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        _ => return None,
    };
    // The proxy returns numbers of its configuration by way of a float.
    number.parse::<u64>().ok()?.checked_mul(factor).filter(|bytes| *bytes <= 1 << 53)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary() {
        assert_eq!(parse("512M"), Some(512 << 20));
        assert_eq!(parse("1g"), Some(1 << 30));
        assert_eq!(parse("10"), Some(10));
        for text in ["", "M", "1T", "-1", "1.5G", "99999999999999999999"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

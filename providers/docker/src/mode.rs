/// Permission bits written in octal, `0644` or `644`.
pub fn parse(text: &str) -> Option<u32> {
    let all_octal = !text.is_empty() && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    u32::from_str_radix(text, 8).ok().filter(|mode| all_octal && *mode <= 0o7777)
}

/// As it is written in configurations.
pub fn text(mode: u32) -> String {
    format!("{mode:04o}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal() {
        assert_eq!(parse("0644"), Some(0o644));
        assert_eq!(parse("400"), Some(0o400));
        assert_eq!(parse("1777"), Some(0o1777));
        for text in ["", "0o644", "888", "77777", "-644", "rw-r--r--"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(text(0o644), "0644");
    }
}

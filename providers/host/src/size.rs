//! Numbers of bytes, as people write and read them.

use mprov_sdk::Fault;

const UNITS: [(&str, u64); 5] = [("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10), ("", 1)];

/// Bytes of a size like `20G`; the units are powers of 1024, as in `truncate` and `lsblk`.
pub fn parse(text: &str) -> Result<u64, Fault> {
    let wrong = || {
        Fault::new(format!("\"{text}\" is not a size"))
            .detail("Write a whole number with a unit, like \"20G\" or \"512M\".")
    };
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit = unit.trim_start().trim_end_matches("iB");
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(*factor));
    bytes.filter(|bytes| *bytes > 0 && *bytes <= i64::MAX as u64).ok_or_else(wrong)
}

/// The size in the largest unit that it is a whole number of.
pub fn exact(bytes: u64) -> String {
    let fits = |(_, factor): &&(&str, u64)| bytes >= *factor && bytes.is_multiple_of(*factor);
    let (unit, factor) = UNITS.iter().find(fits).unwrap_or(&("", 1));
    format!("{}{unit}", bytes / factor)
}

/// About how much that is: `5.1 GiB`.
pub fn about(bytes: u64) -> String {
    match UNITS.iter().find(|(_, factor)| bytes >= *factor) {
        Some((unit, factor)) if *factor > 1 => format!("{:.1} {unit}iB", bytes as f64 / *factor as f64),
        _ => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_back() {
        assert_eq!(parse("20G").unwrap(), 20 << 30);
        assert_eq!(parse("512 MiB").unwrap(), 512 << 20);
        assert_eq!(parse("4096").unwrap(), 4096);
        for text in ["20G", "1536M", "3K", "1T", "1025"] {
            assert_eq!(exact(parse(text).unwrap()), text);
        }
        assert_eq!(exact(2048 << 20), "2G");
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for wrong in ["", "G", "0", "-1G", "1.5G", "20 g", "20GB", "99999999T", "0G", "20000000000000000000"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn amounts_are_said_in_short() {
        assert_eq!(about(0), "0 bytes");
        assert_eq!(about(1000), "1000 bytes");
        assert_eq!(about(5 << 30 | 100 << 20), "5.1 GiB");
    }
}

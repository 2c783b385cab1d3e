//! Numbers of bytes, as people read them.

const UNITS: [(&str, u64); 5] = [("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10), ("", 1)];

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
    fn amounts_are_said_in_short() {
        assert_eq!(about(0), "0 bytes");
        assert_eq!(about(1000), "1000 bytes");
        assert_eq!(about(5 << 30 | 100 << 20), "5.1 GiB");
    }
}

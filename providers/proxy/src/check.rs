use std::net::{IpAddr, Ipv6Addr};

/// Whether it can be the host of a route: a lower-case name or an IPv4 address, without port.
///
/// It is also the name of the folder with the route's state files and part of a pattern that the
/// proxy expands, so nothing that is special in a path or a pattern may pass.
pub fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// `host:port`, the host a name or an address.
pub fn is_upstream(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let address = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host_is_well = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_hostname(&host.to_ascii_lowercase()),
    };
    host_is_well && port.parse::<u16>().is_ok_and(|p| p != 0) && port.bytes().all(|b| b.is_ascii_digit())
}

/// An address with the length of its prefix.
pub fn is_network(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let longest = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    // The proxy knows no other way of writing a number.
    length.parse::<u8>().is_ok_and(|n| n <= longest && n.to_string() == length)
}

/// A value that a browser sends back in a cookie as it is, and too long to be guessed.
pub fn is_preview_cookie(text: &str) -> bool {
    text.len() >= 16
        && text.len() <= 200
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// A name of a certificate: part of a file's name.
pub fn is_plain_name(text: &str) -> bool {
    let begins_well = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    begins_well
        && text.len() <= 100
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_cannot_leave_their_folder() {
        for text in ["moodle.example.org", "localhost", "127.0.0.1", "a_b.example"] {
            assert!(is_hostname(text), "{text}");
        }
        for text in
            ["", "..", ".", "a/b", "../x", "Example.org", "a..b", "*.example.org", "a:80", "[::1]", "-a.b"]
        {
            assert!(!is_hostname(text), "{text}");
        }
    }

    #[test]
    fn upstreams_name_host_and_port() {
        for text in ["web:80", "10.0.0.2:8080", "[fd00::1]:80", "Site-Web:80"] {
            assert!(is_upstream(text), "{text}");
        }
        for text in ["web", "web:", ":80", "web:0", "web:+80", "http://web:80", "web:99999", "{env.X}:80"] {
            assert!(!is_upstream(text), "{text}");
        }
    }

    #[test]
    fn networks_have_a_length() {
        for text in ["10.0.0.0/8", "0.0.0.0/0", "192.0.2.7/32", "2001:db8::/32", "::/0"] {
            assert!(is_network(text), "{text}");
        }
        for text in ["10.0.0.1", "10.0.0.0/33", "10.0.0.0/08", "10.0.0/8", "::/129", "fe80::1%eth0/64", "all"]
        {
            assert!(!is_network(text), "{text}");
        }
    }

    #[test]
    fn short_or_odd_preview_cookies_are_refused() {
        assert!(is_preview_cookie("0123456789abcdef"));
        for text in ["short", "0123456789abcdef;", "0123456789abcdef}"] {
            assert!(!is_preview_cookie(text), "{text}");
        }
    }
}

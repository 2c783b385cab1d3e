use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses in its shortest form, as EC2 gives it back: without bits of hosts.
pub fn canonical(text: &str) -> Option<String> {
    let (address, length) = text.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    let network = match address.parse().ok()? {
        IpAddr::V4(address) => {
            let host = u32::MAX.checked_shr(length).unwrap_or(0);
            (length <= 32).then(|| IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & !host)))?
        }
        IpAddr::V6(address) => {
            let host = u128::MAX.checked_shr(length).unwrap_or(0);
            (length <= 128).then(|| IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !host)))?
        }
    };
    Some(format!("{network}/{length}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_of_hosts_go() {
        for (text, wanted) in [
            ("10.1.2.3/16", Some("10.1.0.0/16")),
            ("192.0.2.7/32", Some("192.0.2.7/32")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("2001:DB8:0:0::1/32", Some("2001:db8::/32")),
            ("::/0", Some("::/0")),
            ("10.0.0.0/33", None),
            ("10.0.0.0", None),
            ("example/8", None),
        ] {
            assert_eq!(canonical(text).as_deref(), wanted, "{text}");
        }
    }
}

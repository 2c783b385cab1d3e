use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mprov_sdk::Value;

use super::numbers::whole;
use super::signature::{Failure, Function, STRINGS, Shape, Surroundings, number, string};
use super::text::text;

pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "cidrhost",
        &[string("prefix"), number("hostnum")],
        Shape::String,
        "the address of that number in the network; negative numbers count from its end",
        cidrhost,
    ),
    Function::new(
        "cidrnetmask",
        &[string("prefix")],
        Shape::String,
        "the mask of the IPv4 network",
        cidrnetmask,
    ),
    Function::new(
        "cidrsubnet",
        &[string("prefix"), number("newbits"), number("netnum")],
        Shape::String,
        "the network of that number inside of the network",
        cidrsubnet,
    ),
    Function::new(
        "cidrsubnets",
        &[string("prefix")],
        STRINGS,
        "networks of those sizes inside of the network, one behind the other",
        cidrsubnets,
    )
    .rest(number("newbits")),
];

/// A network: its first address as a number, the length of the prefix, and of an address.
#[derive(Clone, Copy)]
struct Network {
    base: u128,
    prefix: u32,
    bits: u32,
}

impl Network {
    fn parse(args: &[Value]) -> Result<Self, Failure> {
        let given = text(&args[0]);
        let malformed = || {
            Failure::of(0, format!("{given:?} is no network"))
                .advice("A network is an address and the length of its prefix, as in 10.0.0.0/16.")
        };
        let (address, prefix) = given.split_once('/').ok_or_else(malformed)?;
        let prefix: u32 = prefix.parse().map_err(|_| malformed())?;
        let (address, bits) = match address.parse().or_else(|e| without_leading_zeros(address).ok_or(e)) {
            Ok(IpAddr::V4(v4)) => (u128::from(u32::from(v4)), 32),
            Ok(IpAddr::V6(v6)) => (u128::from(v6), 128),
            Err(_) => return Err(malformed()),
        };
        if prefix > bits {
            return Err(malformed());
        }
        let network = Self { base: 0, prefix, bits };
        Ok(Self { base: address & !network.host_mask(), ..network })
    }

    fn host_mask(self) -> u128 {
        match self.bits - self.prefix {
            128 => u128::MAX,
            bits => (1 << bits) - 1,
        }
    }

    fn address(self, number: u128) -> String {
        match self.bits {
            32 => Ipv4Addr::from(number as u32).to_string(),
            _ => Ipv6Addr::from(number).to_string(),
        }
    }

    /// The network with that many bits more, of that number.
    fn part(self, bits: u32, number: u128) -> Option<Self> {
        let prefix = self.prefix.checked_add(bits).filter(|p| *p <= self.bits)?;
        let fits = bits >= 128 || number < 1 << bits;
        let shifted = if prefix == 0 { 0 } else { number.checked_shl(self.bits - prefix).unwrap_or(0) };
        fits.then_some(Self { base: self.base | shifted, prefix, bits: self.bits })
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address(self.base), self.prefix)
    }
}

/// `010.0.0.1`, which older notations allow; its parts are decimal all the same.
fn without_leading_zeros(address: &str) -> Option<IpAddr> {
    let parts: Option<Vec<u8>> = address.split('.').map(|part| part.parse().ok()).collect();
    let octets: [u8; 4] = parts?.try_into().ok()?;
    Some(IpAddr::from(octets))
}

fn cidrhost(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let network = Network::parse(args)?;
    let number = whole(args, 1)?;
    let mask = network.host_mask();
    let magnitude = u128::from(number.unsigned_abs());
    let host = match number < 0 {
        true => mask.checked_sub(magnitude - 1),
        false => (magnitude <= mask).then_some(magnitude),
    };
    match host {
        Some(host) => Ok(Value::from(network.address(network.base | host))),
        None => Err(Failure::of(1, format!("the network has no address {number}"))),
    }
}

fn cidrnetmask(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let network = Network::parse(args)?;
    match network.bits {
        32 => Ok(Value::from(network.address(!network.host_mask() & u128::from(u32::MAX)))),
        _ => Err(Failure::of(0, "only IPv4 networks have a mask")),
    }
}

fn bits(args: &[Value], at: usize, network: Network) -> Result<u32, Failure> {
    let given = whole(args, at)?;
    let bits =
        u32::try_from(given).map_err(|_| Failure::of(at, "the number of bits is negative or too large"))?;
    match network.prefix.checked_add(bits) {
        Some(prefix) if prefix <= network.bits => Ok(bits),
        _ => {
            let room = network.bits - network.prefix;
            Err(Failure::of(
                at,
                format!("a prefix of {} has room for {room} bits more, not {bits}", network.prefix),
            ))
        }
    }
}

fn cidrsubnet(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let network = Network::parse(args)?;
    let bits = bits(args, 1, network)?;
    let number = whole(args, 2)?;
    let part = u128::try_from(number).ok().and_then(|n| network.part(bits, n));
    let reason = || Failure::of(2, format!("{bits} bits more do not make a network number {number}"));
    Ok(Value::from(part.ok_or_else(reason)?.to_string()))
}

fn cidrsubnets(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let network = Network::parse(args)?;
    let full = |at| Failure::of(at, "the network has no room left for this one");
    let mut next = Some(network.base);
    let end = network.base | network.host_mask();
    let mut parts = Vec::new();
    for at in 1..args.len() {
        let bits = bits(args, at, network)?;
        if bits == 0 {
            return Err(Failure::of(at, "a part of a network has at least one bit more"));
        }
        let size = Network { prefix: network.prefix + bits, ..network };
        let mask = size.host_mask();
        let start = next.ok_or_else(|| full(at))?;
        // A network begins at a multiple of its size.
        let base =
            start.checked_add(mask).map(|s| s & !mask).filter(|s| *s <= end).ok_or_else(|| full(at))?;
        parts.push(Value::from(Network { base, ..size }.to_string()));
        next = base.checked_add(mask).and_then(|last| last.checked_add(1)).filter(|n| *n <= end);
    }
    Ok(Value::list(parts))
}

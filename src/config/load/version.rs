use std::str::FromStr;

/// A constraint on versions, `>= 0.1, < 2.0`: all of its parts have to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint(Vec<(Relation, Vec<u64>)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    /// At least this one, and the same in all parts but the last that is written.
    Compatible,
}

/// Longer signs before those they begin with.
const SIGNS: [(&str, Relation); 7] = [
    ("~>", Relation::Compatible),
    (">=", Relation::AtLeast),
    ("<=", Relation::AtMost),
    ("!=", Relation::NotEqual),
    (">", Relation::Greater),
    ("<", Relation::Less),
    ("=", Relation::Equal),
];

impl Constraint {
    /// Whether a version, three numbers with dots between, fits.
    pub fn allows(&self, version: &str) -> bool {
        let Ok(version) = numbers(version) else { return false };
        self.0.iter().all(|(relation, wanted)| {
            let order = padded(&version).cmp(&padded(wanted));
            match relation {
                Relation::Equal => order.is_eq(),
                Relation::NotEqual => order.is_ne(),
                Relation::Less => order.is_lt(),
                Relation::AtMost => order.is_le(),
                Relation::Greater => order.is_gt(),
                Relation::AtLeast => order.is_ge(),
                Relation::Compatible => {
                    let fixed = (wanted.len() - 1).max(1);
                    order.is_ge() && padded(&version)[..fixed] == padded(wanted)[..fixed]
                }
            }
        })
    }
}

impl FromStr for Constraint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let part = |part: &str| {
            let part = part.trim();
            let found = SIGNS.iter().find_map(|(sign, relation)| Some((*relation, part.strip_prefix(sign)?)));
            let (relation, version) = found.unwrap_or((Relation::Equal, part));
            Ok((relation, numbers(version.trim())?))
        };
        text.split(',').map(part).collect::<Result<_, _>>().map(Self)
    }
}

fn numbers(version: &str) -> Result<Vec<u64>, &'static str> {
    let parts =
        version.split('.').map(|n| n.parse::<u64>().map_err(|_| "a version is numbers with dots between"));
    let parts: Vec<u64> = parts.collect::<Result<_, _>>()?;
    if parts.len() > 3 { Err("a version has at most three numbers") } else { Ok(parts) }
}

fn padded(version: &[u64]) -> [u64; 3] {
    std::array::from_fn(|i| version.get(i).copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_compare_numbers_and_not_text() {
        let cases = [
            (">= 0.1", "0.1.0", true),
            (">= 0.10", "0.9.0", false),
            ("~> 0.1", "0.9.0", true),
            ("~> 0.1", "1.0.0", false),
            ("~> 0.1.2", "0.1.9", true),
            ("~> 0.1.2", "0.2.0", false),
            (">= 0.1, < 0.3, != 0.2.1", "0.2.1", false),
            ("0.2", "0.2.0", true),
        ];
        for (constraint, version, fits) in cases {
            let parsed: Constraint = constraint.parse().expect(constraint);
            assert_eq!(parsed.allows(version), fits, "{constraint} {version}");
        }
        for bad in ["", "x", ">= 1.", "1.2.3.4", ">= -1"] {
            assert!(bad.parse::<Constraint>().is_err(), "{bad}");
        }
    }
}

//! What a device says that it holds.

use mprov_sdk::Fault;

use crate::connection::Connection;
use crate::tool::{ask, failed};

/// The mark of a filesystem, partition table or the like on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// As `blkid` and `wipefs` name it: ext4, btrfs, gpt, LVM2_member.
    pub kind: String,
    /// Empty where it has none.
    pub uuid: String,
    pub label: String,
}

impl Signature {
    pub fn show(&self) -> String {
        let label = if self.label.is_empty() { String::new() } else { format!(" \"{}\"", self.label) };
        let uuid = if self.uuid.is_empty() { String::new() } else { format!(" (UUID {})", self.uuid) };
        format!("{}{label}{uuid}", self.kind)
    }
}

/// All of them; nothing is changed.
pub async fn of(connection: &dyn Connection, device: &str) -> Result<Vec<Signature>, Fault> {
    // Without --all or --types it only lists.
    let command = ["wipefs", "--parsable", "--", device];
    let output = ask(connection, &command).await?;
    if !output.success() {
        return Err(failed(&command.join(" "), &output));
    }
    Ok(output.stdout_text().lines().filter_map(parse).collect())
}

/// The first, which a filesystem alone on its device is.
pub async fn filesystem(connection: &dyn Connection, device: &str) -> Result<Option<Signature>, Fault> {
    Ok(of(connection, device).await?.into_iter().next())
}

/// A line `offset,uuid,label,type`.
fn parse(line: &str) -> Option<Signature> {
    let (offset, rest) = line.split_once(',')?;
    let (uuid, rest) = rest.split_once(',')?;
    // A label may have commas of its own.
    let (label, kind) = rest.rsplit_once(',')?;
    let signature = Signature { kind: decode(kind), uuid: decode(uuid), label: decode(label) };
    (!offset.starts_with('#')).then_some(signature)
}

/// White space and the like are written as `\x20` by the tools that list devices.
pub fn decode(field: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = field;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend(before.as_bytes());
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.extend(b"\\x");
                rest = after;
            }
        }
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wipefs_prints_is_read() {
        let found = parse("0x438,fe77a1b8-b9c3,my\\x20data,,ext4").unwrap();
        assert_eq!(found.show(), "ext4 \"my data,\" (UUID fe77a1b8-b9c3)");
        assert_eq!(parse("0x1fe,,,dos").unwrap().show(), "dos");
        assert_eq!(parse("# offset,uuid,label,type"), None);
        assert_eq!(decode("\\xé\\x"), "\\xé\\x");
    }
}

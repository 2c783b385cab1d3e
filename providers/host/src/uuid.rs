//! UUIDs of the filesystems that mprov makes.

use sha2::{Digest, Sha256};

/// `mprv`: what tells a filesystem that mprov has made from others.
const PREFIX: &str = "6d707276-";

/// The UUID of what the step with that token makes: every try of the step finds it again.
pub fn of_step(token: &str) -> String {
    let digest = hex::encode(Sha256::digest(format!("filesystem of {token}")));
    // Version 8 of RFC 9562: the bits are ours.
    format!("{PREFIX}{}-8{}-8{}-{}", &digest[..4], &digest[4..7], &digest[7..10], &digest[10..22])
}

/// Whether mprov has made it, in whatever step.
pub fn is_ours(uuid: &str) -> bool {
    uuid.starts_with(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_uuid_of_its_own_and_always_the_same() {
        let uuid = of_step("t1");
        assert_eq!((uuid.len(), uuid.matches('-').count()), (36, 4));
        assert!(is_ours(&uuid) && !is_ours("fe77a1b8-b9c3-4997-b1cf-e5e6baeca8fb"));
        assert_eq!(uuid, of_step("t1"));
        assert_ne!(uuid, of_step("t2"));
    }
}

//! One secret as one age file, in base64.

use std::io::{Read, Write};

use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

/// Secrets are filled up to a multiple of this, so that the sealed form does not tell how long a
/// password is.
const BLOCK: usize = 64;

pub(crate) fn seal(plain: &[u8], recipients: &[Recipient]) -> Result<String, String> {
    let recipients = recipients.iter().map(|r| r as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(recipients).map_err(|e| e.to_string())?;
    let mut sealed = Vec::new();
    let write = || {
        let mut writer = encryptor.wrap_output(&mut sealed)?;
        writer.write_all(&padded(plain))?;
        writer.finish()
    };
    write().map_err(|e: std::io::Error| e.to_string())?;
    Ok(BASE64_STANDARD.encode(sealed))
}

pub(crate) fn open(sealed: &str, identities: &[Identity]) -> Result<Vec<u8>, String> {
    let sealed = BASE64_STANDARD.decode(sealed).map_err(|_| "the sealed value is damaged")?;
    let decryptor = Decryptor::new(&*sealed).map_err(|_| "the sealed value is damaged")?;
    let identities = identities.iter().map(|i| i as &dyn age::Identity);
    let mut reader = decryptor.decrypt(identities).map_err(|_| "it was sealed with another key")?;
    let mut plain = Vec::new();
    reader.read_to_end(&mut plain).map_err(|_| "the sealed value is damaged")?;
    let len = unpadded(&plain).ok_or("the sealed value is damaged")?;
    plain.truncate(len);
    Ok(plain)
}

/// With one byte 0x80 and then zeros, as ISO/IEC 7816-4 pads.
fn padded(plain: &[u8]) -> Zeroizing<Vec<u8>> {
    let len = (plain.len() + 1).next_multiple_of(BLOCK);
    let mut padded = Zeroizing::new(Vec::with_capacity(len));
    padded.extend_from_slice(plain);
    padded.push(0x80);
    padded.resize(len, 0);
    padded
}

/// Where the padding begins.
fn unpadded(padded: &[u8]) -> Option<usize> {
    let last = padded.iter().rposition(|b| *b != 0)?;
    (padded[last] == 0x80).then_some(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sealed_secret_opens_with_its_key_only() {
        let (key, other) = (Identity::generate(), Identity::generate());
        let sealed = seal(b"hunter2", &[key.to_public()]).expect("sealing");
        assert_eq!(open(&sealed, std::slice::from_ref(&key)).expect("opening"), b"hunter2");
        assert_eq!(open(&sealed, &[other]).expect_err("the wrong key"), "it was sealed with another key");
        let both = Identity::generate();
        let sealed = seal(b"hunter2", &[key.to_public(), both.to_public()]).expect("sealing");
        for identity in [key, both] {
            assert_eq!(open(&sealed, &[identity]).expect("opening"), b"hunter2");
        }
    }

    #[test]
    fn the_length_of_a_short_secret_does_not_show() {
        let key = Identity::generate().to_public();
        // The header's length is random; the payload follows the line with the header's MAC.
        let payload = |len: usize| {
            let sealed = seal(&vec![b'x'; len], std::slice::from_ref(&key)).expect("sealing");
            let file = BASE64_STANDARD.decode(sealed).expect("base64");
            let mac = file.windows(5).position(|w| w == b"\n--- ").expect("a header's end");
            let end = file[mac + 1..].iter().position(|b| *b == b'\n').expect("a line");
            file.len() - (mac + 1 + end + 1)
        };
        assert_eq!(payload(0), payload(63));
        assert_eq!(payload(1), payload(20));
        assert_eq!(payload(64), payload(63) + BLOCK);
    }

    #[test]
    fn any_damage_is_noticed() {
        let key = Identity::generate();
        let sealed = seal(b"hunter2", &[key.to_public()]).expect("sealing");
        let file = BASE64_STANDARD.decode(&sealed).expect("base64");
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            assert!(open(&BASE64_STANDARD.encode(damaged), std::slice::from_ref(&key)).is_err(), "byte {at}");
        }
        assert!(open("no base64!", std::slice::from_ref(&key)).is_err());
        assert!(open("", &[key]).is_err());
    }

    proptest! {
        #[test]
        fn padding_comes_off_again(plain in prop::collection::vec(any::<u8>(), 0..200)) {
            let padded = padded(&plain);
            prop_assert_eq!(padded.len() % BLOCK, 0);
            prop_assert_eq!(unpadded(&padded), Some(plain.len()));
        }
    }
}

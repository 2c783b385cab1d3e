use std::fmt;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use age::x25519::{Identity, Recipient};
use mprov_sdk::{CodecError, Seal};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::disk::{self, Disk};
use crate::{StateError, contents, seal};

/// Where the key of a state lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In a folder, as `<lineage>.key`.
    Folder(PathBuf),
    /// In this file, whatever the lineage.
    File(PathBuf),
}

/// A key was made, and the user has to know: without the file the secrets are lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMade {
    pub path: PathBuf,
    /// Its public part.
    pub recipient: String,
}

/// Seals sensitive values to the recipients of a state and opens them with its key file (the
/// format of `age-keygen`). Sealing needs the file only while the state has no recipients; it is
/// made when the first secret is sealed. Clones share everything.
#[derive(Clone)]
pub struct KeyRing(Arc<Mutex<Ring>>);

struct Ring {
    place: KeyPlace,
    disk: Disk,
    /// The root module's folder; none before a store took the ring.
    dir: Option<PathBuf>,
    bound: bool,
    lineage: Option<String>,
    recipients: Vec<Recipient>,
    /// From the key file, once it was read.
    identities: Option<Arc<[Identity]>>,
    made: Option<KeyMade>,
}

impl KeyRing {
    pub fn new(place: KeyPlace) -> Self {
        Self(Arc::new(Mutex::new(Ring {
            place,
            disk: Disk::default(),
            dir: None,
            bound: false,
            lineage: None,
            recipients: Vec::new(),
            identities: None,
            made: None,
        })))
    }

    /// The key that was made since the start of this process, if one was.
    pub fn made(&self) -> Option<KeyMade> {
        self.ring().made.clone()
    }

    /// Where the key file is or will be; none while the state has no lineage yet.
    pub fn path(&self) -> Option<PathBuf> {
        self.ring().path()
    }

    /// Reads the key file, so that a missing one is told as what it is and not as the failure of
    /// the first value that cannot be opened.
    pub fn unlock(&self) -> Result<(), StateError> {
        self.ring().identities().map(drop)
    }

    pub(crate) fn attach(&self, dir: &Path, disk: &Disk) {
        let mut ring = self.ring();
        ring.dir = Some(dir.to_owned());
        ring.disk = disk.clone();
    }

    /// Takes over what a state says about itself.
    pub(crate) fn bind(&self, lineage: Option<&str>, recipients: &[String]) -> Result<(), StateError> {
        self.ring().bind(lineage, recipients)
    }

    /// Whom values are sealed to, for the state document. Empty while nothing was ever sealed.
    pub(crate) fn recipients(&self) -> Result<Vec<String>, StateError> {
        let mut ring = self.ring();
        // Values of an interrupted apply may be sealed to a key that no state names yet.
        if ring.recipients.is_empty() && ring.path().is_some_and(|p| p.exists()) {
            let own = ring.identities()?.iter().map(Identity::to_public).collect();
            ring.recipients = own;
        }
        Ok(ring.recipients.iter().map(Recipient::to_string).collect())
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seal for KeyRing {
    fn seal(&self, plain: &[u8]) -> Result<String, CodecError> {
        let recipients = self.ring().sealing_recipients().map_err(told)?;
        seal::seal(plain, &recipients).map_err(CodecError::Seal)
    }

    fn open(&self, sealed: &str) -> Result<Vec<u8>, CodecError> {
        let (identities, path) = {
            let mut ring = self.ring();
            (ring.identities().map_err(told)?, ring.path().unwrap_or_default())
        };
        seal::open(sealed, &identities).map_err(|reason| {
            let reason = format!("{reason} (the key used is {})", path.display());
            CodecError::Seal(reason)
        })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&self.path()).finish()
    }
}

impl Ring {
    fn path(&self) -> Option<PathBuf> {
        match &self.place {
            KeyPlace::File(path) => Some(path.clone()),
            KeyPlace::Folder(folder) => Some(folder.join(format!("{}.key", self.lineage.as_ref()?))),
        }
    }

    fn bind(&mut self, lineage: Option<&str>, recipients: &[String]) -> Result<(), StateError> {
        if self.lineage.as_deref() != lineage && matches!(self.place, KeyPlace::Folder(_)) {
            self.identities = None;
            self.recipients.clear();
        }
        self.lineage = lineage.map(str::to_owned);
        // A state without recipients has nothing sealed in it, so a key made since stays right.
        if !recipients.is_empty() {
            let parsed = recipients.iter().map(|r| Recipient::from_str(r));
            let unusable = |reason: &str| StateError::KeyUnusable {
                path: self.path().unwrap_or_default(),
                reason: format!("a recipient in the state is no age public key: {reason}"),
            };
            self.recipients = parsed.collect::<Result<_, _>>().map_err(unusable)?;
        }
        self.bound = true;
        Ok(())
    }

    fn bind_to_disk(&mut self) -> Result<(), StateError> {
        if self.bound {
            return Ok(());
        }
        let Some(dir) = self.dir.clone() else { return Ok(()) };
        let state = contents::read_state(&dir)?;
        match state {
            Some(state) => self.bind(Some(&state.lineage), &state.recipients),
            None => self.bind(contents::lineage_before_state(&dir)?.as_deref(), &[]),
        }
    }

    fn sealing_recipients(&mut self) -> Result<Vec<Recipient>, StateError> {
        self.bind_to_disk()?;
        if self.recipients.is_empty() {
            self.recipients = match self.load()? {
                Some(identities) => identities.iter().map(Identity::to_public).collect(),
                None => self.make()?,
            };
        }
        Ok(self.recipients.clone())
    }

    fn identities(&mut self) -> Result<Arc<[Identity]>, StateError> {
        self.bind_to_disk()?;
        let loaded = self.load()?;
        loaded.ok_or_else(|| StateError::KeyMissing { path: self.path().unwrap_or_default() })
    }

    fn load(&mut self) -> Result<Option<Arc<[Identity]>>, StateError> {
        if self.identities.is_none()
            && let Some(path) = self.path()
        {
            self.identities = read_key(&path)?;
        }
        Ok(self.identities.clone())
    }

    fn make(&mut self) -> Result<Vec<Recipient>, StateError> {
        if self.lineage.is_none()
            && let Some(dir) = &self.dir
        {
            self.lineage = Some(contents::reserve_lineage(&self.disk, dir)?);
            // Another process may have made the key of that lineage meanwhile.
            if let Some(identities) = self.load()? {
                return Ok(identities.iter().map(Identity::to_public).collect());
            }
        }
        let path = self.path().ok_or_else(|| StateError::Refused {
            reason: "a secret was to be sealed before the state was opened".into(),
        })?;
        let identity = Identity::generate();
        let mine = write_key(&self.disk, &path, self.lineage.as_deref(), &identity)?;
        let identities = self.load()?.ok_or_else(|| StateError::KeyMissing { path: path.clone() })?;
        let recipients: Vec<Recipient> = identities.iter().map(Identity::to_public).collect();
        if mine {
            self.made = Some(KeyMade { path, recipient: identity.to_public().to_string() });
        }
        Ok(recipients)
    }
}

/// As the sdk's codec says it: what happened and what to do.
fn told(error: StateError) -> CodecError {
    CodecError::Seal(format!("{error}. {}", error.advice()))
}

fn read_key(path: &Path) -> Result<Option<Arc<[Identity]>>, StateError> {
    let Some(bytes) = disk::read(path)?.map(Zeroizing::new) else { return Ok(None) };
    let unusable =
        |reason: &str| StateError::KeyUnusable { path: path.to_owned(), reason: reason.to_owned() };
    let text = std::str::from_utf8(&bytes).map_err(|_| unusable("it is no text"))?;
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let identities: Vec<Identity> =
        lines.map(Identity::from_str).collect::<Result<_, _>>().map_err(unusable)?;
    if identities.is_empty() {
        return Err(unusable("there is no key in it"));
    }
    Ok(Some(identities.into()))
}

/// Makes the file whole and durable under a name of its own, then gives it its name unless that
/// is taken. False where it is: another process was first, and its key is the one.
fn write_key(
    disk: &Disk,
    path: &Path,
    lineage: Option<&str>,
    identity: &Identity,
) -> Result<bool, StateError> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| StateError::io("create", folder, &e))?;
    let secret = identity.to_string();
    let text = Zeroizing::new(format!(
        "# Opens the secrets in the mprov state {}. Keep a copy of this file in a safe place.\n\
         # public key: {}\n{}\n",
        lineage.unwrap_or_default(),
        identity.to_public(),
        secret.expose_secret(),
    ));
    let fresh = disk::suffixed(path, &format!(".{}", uuid::Uuid::new_v4().simple()));
    disk.write(&fresh, text.as_bytes(), 0o600)?;
    let placed = disk.place(&fresh, path)?;
    disk.sync_dir(folder)?;
    Ok(placed)
}

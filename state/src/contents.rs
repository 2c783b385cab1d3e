use std::path::{Path, PathBuf};

use crate::disk::{self, Disk};
use crate::document::Unreadable;
use crate::fold::Fold;
use crate::journal::{self, Recorded};
use crate::{Header, InDoubt, OpenScope, State, StateError, history, new_lineage};

/// The files of one root module's folder.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub dir: PathBuf,
}

impl Paths {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    pub fn state(&self) -> PathBuf {
        self.dir.join("mprov.state.json")
    }

    /// The state file that is being written.
    pub fn fresh_state(&self) -> PathBuf {
        self.dir.join("mprov.state.json.new")
    }

    pub fn journal(&self) -> PathBuf {
        self.dir.join("mprov.state.journal")
    }

    /// For what need not be kept in version control.
    pub fn private(&self) -> PathBuf {
        self.dir.join(".mprov")
    }

    pub fn history(&self) -> PathBuf {
        self.private().join("history")
    }

    pub fn lock(&self) -> PathBuf {
        self.private().join("lock")
    }

    /// The lineage that the first state will have, where a key had to be made before it.
    pub fn lineage(&self) -> PathBuf {
        self.private().join("lineage")
    }
}

/// An apply that was begun and not folded: interrupted, or still running in another process
/// (which the lock tells).
#[derive(Clone, Debug)]
pub struct Pending {
    pub header: Header,
    /// Begun steps without outcome, in the order of their numbers.
    pub in_doubt: Vec<InDoubt>,
    /// The state with everything that has an outcome applied; its serial is still the base's.
    pub applied: State,
    /// None while nothing was ever folded.
    pub base: Option<State>,
    /// What is to be taken back once nothing is in doubt any more. Steps in doubt count as not
    /// done here.
    pub scope: Option<OpenScope>,
    /// The number that the next step may have.
    pub next_step: u32,
}

/// State and journal as they lie there.
pub(crate) struct Contents {
    pub state: Option<State>,
    pub journal: Found,
}

pub(crate) enum Found {
    Nothing,
    /// A journal with nothing left to tell: folded already, or without even a header.
    Leftover,
    Pending(Box<PendingJournal>),
}

pub(crate) struct PendingJournal {
    pub recorded: Recorded,
    pub fold: Fold,
}

/// Reads state and journal as one. Without the lock another process may fold in between, which
/// shows as a journal that does not fit; reading again settles that.
pub(crate) fn read(dir: &Path) -> Result<Contents, StateError> {
    let mut tries = 3;
    loop {
        tries -= 1;
        match read_once(dir) {
            Err(StateError::JournalMismatch { .. }) if tries > 0 => {}
            result => return result,
        }
    }
}

/// The state file alone.
pub(crate) fn read_state(dir: &Path) -> Result<Option<State>, StateError> {
    let paths = Paths::new(dir);
    let Some(text) = disk::read(&paths.state())? else { return Ok(None) };
    parse(&paths, paths.state(), &text).map(Some)
}

/// One version of the state, from the file `path`.
pub(crate) fn parse(paths: &Paths, path: PathBuf, text: &[u8]) -> Result<State, StateError> {
    State::from_text(text).map_err(|unreadable| match unreadable {
        Unreadable::Newer(stamp) => {
            StateError::NewerFormat { path, format: stamp.format, mprov_version: stamp.mprov_version }
        }
        Unreadable::Corrupt(reason) => {
            // That the kept versions cannot be listed must not hide what is wrong.
            let kept = history::list(paths).unwrap_or_default();
            StateError::Corrupt { path, reason, kept: kept.into_iter().map(|(_, path)| path).collect() }
        }
    })
}

/// The lineage chosen before there is a state: by a journal, or when a key was made.
pub(crate) fn lineage_before_state(dir: &Path) -> Result<Option<String>, StateError> {
    let paths = Paths::new(dir);
    if let Some(bytes) = disk::read(&paths.journal())?
        && let Some(recorded) = journal::read(&paths.journal(), &bytes)?
    {
        return Ok(Some(recorded.header.lineage));
    }
    let Some(text) = disk::read(&paths.lineage())? else { return Ok(None) };
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    Ok(Some(text).filter(|t| !t.is_empty()))
}

/// The lineage of the state to come: chosen once, the same for all processes from then on.
pub(crate) fn reserve_lineage(disk: &Disk, dir: &Path) -> Result<String, StateError> {
    if let Some(lineage) = lineage_before_state(dir)? {
        return Ok(lineage);
    }
    let paths = Paths::new(dir);
    disk.create_dir(&paths.private())?;
    let lineage = new_lineage();
    let fresh = disk::suffixed(&paths.lineage(), &format!(".{lineage}"));
    disk.write(&fresh, lineage.as_bytes(), 0o644)?;
    let placed = disk.place(&fresh, &paths.lineage())?;
    disk.sync_dir(&paths.private())?;
    match placed {
        true => Ok(lineage),
        false => Ok(lineage_before_state(dir)?.unwrap_or(lineage)),
    }
}

fn read_once(dir: &Path) -> Result<Contents, StateError> {
    let paths = Paths::new(dir);
    let state = read_state(dir)?;
    let path = paths.journal();
    let Some(bytes) = disk::read(&path)? else { return Ok(Contents { state, journal: Found::Nothing }) };
    let Some(recorded) = journal::read(&path, &bytes)? else {
        return Ok(Contents { state, journal: Found::Leftover });
    };
    let header = &recorded.header;
    let serial = state.as_ref().map_or(0, |s| s.serial);
    if state.as_ref().is_some_and(|s| s.journal.as_deref() == Some(&*recorded.id)) {
        return Ok(Contents { state, journal: Found::Leftover });
    }
    if let Some(state) = &state
        && state.lineage != header.lineage
    {
        return Err(StateError::Lineage {
            what: path.display().to_string(),
            found: header.lineage.clone(),
            expected: state.lineage.clone(),
        });
    }
    if header.base_serial != serial {
        return Err(StateError::JournalMismatch { journal: path, base: header.base_serial, serial });
    }
    let base = state.clone().unwrap_or_else(|| State::new(&*header.lineage));
    let fold = recorded.replay(&path, base)?;
    Ok(Contents { state, journal: Found::Pending(Box::new(PendingJournal { recorded, fold })) })
}

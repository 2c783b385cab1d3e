use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::contents::{self, Contents, Found, Paths};
use crate::disk::{self, Disk};
use crate::fold::Fold;
use crate::journal::{Journal, Start, write_header};
use crate::lock::Lock;
use crate::{FORMAT, Header, Holder, KeyRing, Pending, State, StateError, history};

type Result<T> = std::result::Result<T, StateError>;

/// The stored state of one root module, in its folder: `mprov.state.json`, while an apply runs
/// `mprov.state.journal`, and in `.mprov/` the lock and earlier versions. Clones are the same
/// store. Reads at any time; writes are those of [`Locked`].
#[derive(Clone, Debug)]
pub struct Store {
    paths: Paths,
    disk: Disk,
    keys: KeyRing,
}

/// A store whose lock this process holds. Clones share the lock, which ends with the last of them
/// and of the journals that came from them.
#[derive(Clone, Debug)]
pub struct Locked {
    store: Store,
    lock: Arc<Lock>,
}

/// A name for a new state that no other has.
pub fn new_lineage() -> String {
    uuid::Uuid::new_v4().to_string()
}

impl Store {
    /// The store of the folder `dir`, which need not have anything in it yet. Reads nothing.
    pub fn open(dir: impl Into<PathBuf>, keys: KeyRing) -> Self {
        Self::on(Disk::default(), dir.into(), keys)
    }

    pub(crate) fn on(disk: Disk, dir: PathBuf, keys: KeyRing) -> Self {
        keys.attach(&dir, &disk);
        Self { paths: Paths::new(dir), disk, keys }
    }

    pub fn dir(&self) -> &Path {
        &self.paths.dir
    }

    /// The state file, whether or not it exists yet.
    pub fn path(&self) -> PathBuf {
        self.paths.state()
    }

    /// Seals and opens the sensitive values of this state.
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// What the last apply recorded; none where there never was one.
    pub fn state(&self) -> Result<Option<State>> {
        let mut state = contents::read_state(self.dir())?;
        if state.is_none() {
            // A journal that continues a state which is gone must not pass for a first apply.
            state = contents::read(self.dir())?.state;
        }
        self.bind(state.as_ref())?;
        Ok(state)
    }

    /// An apply that was begun and not folded. Unless the lock is held, it may be one that another
    /// process is carrying out right now.
    pub fn pending(&self) -> Result<Option<Pending>> {
        let Contents { state, journal } = contents::read(self.dir())?;
        self.bind(state.as_ref())?;
        let Found::Pending(pending) = journal else { return Ok(None) };
        Ok(Some(Pending {
            header: pending.recorded.header,
            in_doubt: pending.fold.in_doubt(),
            scope: pending.fold.open_scope(),
            next_step: pending.fold.next_step(),
            applied: pending.fold.into_applied(),
            base: state,
        }))
    }

    /// Serials and files of the kept earlier versions, the newest first.
    pub fn versions(&self) -> Result<Vec<(u64, PathBuf)>> {
        history::list(&self.paths)
    }

    /// A kept earlier version.
    pub fn version(&self, serial: u64) -> Result<Option<State>> {
        let path = self.paths.history().join(format!("{serial}.json"));
        let Some(text) = disk::read(&path)? else { return Ok(None) };
        contents::parse(&self.paths, path, &text).map(Some)
    }

    /// Takes the lock. Does not wait: [`StateError::Locked`] names who has it.
    pub fn lock(&self, holder: &Holder) -> Result<Locked> {
        self.disk.create_dir(&self.paths.private())?;
        let lock = Lock::take(&self.disk, &self.paths.lock(), holder)?;
        Ok(Locked { store: self.clone(), lock: Arc::new(lock) })
    }

    fn bind(&self, state: Option<&State>) -> Result<()> {
        match state {
            Some(state) => self.keys.bind(Some(&state.lineage), &state.recipients),
            None => self.keys.bind(contents::lineage_before_state(self.dir())?.as_deref(), &[]),
        }
    }
}

impl Deref for Locked {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Locked {
    /// Begins an apply: when this returns, the journal with its header is durable. An apply that
    /// is still pending has to be resumed and folded first.
    pub fn begin(&self, mut header: Header) -> Result<Journal> {
        let contents = contents::read(self.dir())?;
        let path = self.paths.journal();
        match contents.journal {
            Found::Nothing => {}
            Found::Leftover => self.remove_journal()?,
            Found::Pending(_) => return Err(StateError::Unrecovered { journal: path }),
        }
        let base = match contents.state {
            Some(state) => state,
            None => State::new(contents::reserve_lineage(&self.disk, self.dir())?),
        };
        self.keys.bind(Some(&base.lineage), &base.recipients)?;
        header.format = FORMAT;
        header.lineage.clone_from(&base.lineage);
        header.base_serial = base.serial;
        let mprov_version = header.mprov_version.clone();
        let mut file = self.disk.create_new(&path)?;
        let id = write_header(&self.disk, &mut file, &path, header)?;
        self.disk.sync_dir(self.dir())?;
        self.journal(file, 1, Fold::new(base), id, mprov_version)
    }

    /// Continues the journal of an interrupted apply; none where nothing is pending.
    pub fn resume(&self) -> Result<Option<Journal>> {
        let Contents { state, journal } = contents::read(self.dir())?;
        self.bind(state.as_ref())?;
        let Found::Pending(pending) = journal else { return Ok(None) };
        let recorded = pending.recorded;
        // What a crash tore off must not stand before what is written now.
        let file = self.disk.open_append(&self.paths.journal(), recorded.len)?;
        let next = recorded.next();
        let version = recorded.header.mprov_version;
        self.journal(file, next, pending.fold, recorded.id, version).map(Some)
    }

    /// Makes the journal's records the new state: the version before is kept, the file replaced in
    /// one piece, then the journal removed. The serial grows by one unless nothing changed. Steps
    /// without outcome are an error that leaves the apply pending.
    pub fn fold(&self, journal: Journal) -> Result<State> {
        let closed = journal.close()?;
        let doubts = closed.fold.in_doubt();
        if !doubts.is_empty() {
            let addresses = doubts.into_iter().map(|d| d.address).collect();
            return Err(StateError::InDoubt { addresses });
        }
        let base = contents::read_state(self.dir())?;
        let mut state = closed.fold.into_state();
        state.recipients = self.keys.recipients()?;
        match &base {
            Some(base) if base.same_content(&state) => {
                self.remove_journal()?;
                return Ok(state);
            }
            _ => {}
        }
        state.serial += 1;
        state.mprov_version = closed.mprov_version;
        state.journal = Some(closed.id);
        if let Some(base) = &base {
            history::keep(&self.disk, &self.paths, base.serial)?;
        }
        self.replace(&state)?;
        history::prune(&self.disk, &self.paths)?;
        self.remove_journal()?;
        if base.is_none() {
            self.disk.remove(&self.paths.lineage())?;
        }
        Ok(state)
    }

    fn replace(&self, state: &State) -> Result<()> {
        let (fresh, path) = (self.paths.fresh_state(), self.paths.state());
        self.disk.write(&fresh, &state.to_text(), 0o644)?;
        self.disk.rename(&fresh, &path)?;
        self.disk.sync_dir(self.dir())
    }

    fn remove_journal(&self) -> Result<()> {
        self.disk.remove(&self.paths.journal())?;
        self.disk.sync_dir(self.dir())
    }

    fn journal(
        &self,
        file: std::fs::File,
        written: u64,
        fold: Fold,
        id: String,
        mprov_version: String,
    ) -> Result<Journal> {
        Journal::start(Start {
            disk: self.disk.clone(),
            file,
            path: self.paths.journal(),
            written,
            lock: self.lock.clone(),
            fold,
            id,
            mprov_version,
        })
    }
}

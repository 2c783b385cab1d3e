use std::path::{Path, PathBuf};

use mprov_sdk::{Fault, FileWrite, Machine};

use crate::model::Slots;

/// One of the two places behind a route. The live one is told by a state file: `b` present means
/// that b is live, absent that a is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    A,
    B,
}

impl Slot {
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

impl Slots {
    pub fn get(&self, slot: Slot) -> Option<&str> {
        match slot {
            Slot::A => self.a.as_deref(),
            Slot::B => self.b.as_deref(),
        }
    }

    pub fn set(&mut self, slot: Slot, upstream: impl Into<String>) {
        match slot {
            Slot::A => self.a = Some(upstream.into()),
            Slot::B => self.b = Some(upstream.into()),
        }
    }
}

/// The state files of one route. Each change is the creation or the removal of one file, so there
/// is no moment in between.
pub struct StateFiles<'a> {
    machine: &'a dyn Machine,
    folder: PathBuf,
}

/// File that makes slot b live.
pub const LIVE_B: &str = "b";
/// File that answers every request with the freeze page.
pub const FREEZE: &str = "freeze";

impl<'a> StateFiles<'a> {
    pub fn new(machine: &'a dyn Machine, state: &Path, hostname: &str) -> Self {
        Self { machine, folder: state.join(hostname) }
    }

    /// Makes the folder; the proxy's user must be able to look into it.
    pub async fn prepare(&self) -> Result<(), Fault> {
        self.machine.create_dir(&self.folder.to_string_lossy(), 0o755).await
    }

    pub async fn live(&self) -> Result<Slot, Fault> {
        Ok(if self.is_there(LIVE_B).await? { Slot::B } else { Slot::A })
    }

    pub async fn set_live(&self, slot: Slot) -> Result<(), Fault> {
        self.put(LIVE_B, slot == Slot::B).await
    }

    pub async fn is_frozen(&self) -> Result<bool, Fault> {
        self.is_there(FREEZE).await
    }

    pub async fn set_frozen(&self, frozen: bool) -> Result<(), Fault> {
        self.put(FREEZE, frozen).await
    }

    /// Removes the files and the folder.
    pub async fn clear(&self) -> Result<(), Fault> {
        self.machine.remove_file(&self.path(FREEZE)).await?;
        self.machine.remove_file(&self.path(LIVE_B)).await?;
        let folder = self.folder.to_string_lossy().into_owned();
        let request = mprov_sdk::ExecRequest::new(["rmdir", "--", &folder]);
        let cancel = mprov_sdk::CancellationToken::new();
        // Its status says nothing of use: the folder may be gone already, and what else may lie in
        // it is not ours to remove.
        self.machine.exec(request, &mprov_sdk::Silent, &cancel).await.map(drop)
    }

    async fn is_there(&self, name: &str) -> Result<bool, Fault> {
        Ok(self.machine.read_file(&self.path(name)).await?.is_some())
    }

    async fn put(&self, name: &str, present: bool) -> Result<(), Fault> {
        if !present {
            return self.machine.remove_file(&self.path(name)).await;
        }
        let file =
            FileWrite { path: self.path(name), content: Vec::new(), mode: 0o644, owner: None, group: None };
        self.machine.write_file(file).await
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }
}

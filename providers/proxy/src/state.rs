use std::path::{Path, PathBuf};

use mprov_sdk::{CancellationToken, ExecOutput, ExecRequest, Fault, FileWrite, Machine, Silent};

use crate::slot::Slot;

/// File that makes slot b live; without it a is.
pub const LIVE_B: &str = "b";
/// File that keeps users out.
pub const FREEZE: &str = "freeze";
/// File by which users get the freeze page at once instead of waiting first. It means nothing
/// without a freeze, and each freeze says anew whether it is there.
pub const PAGE_AT_ONCE: &str = "page-at-once";
/// File that is there while a freeze waits for requests in flight. The proxy does not look for it.
const DRAINING: &str = "draining";

/// What the state files of one route say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub live: Slot,
    pub frozen: bool,
    /// Requests that began before the freeze may still be in flight.
    pub draining: bool,
    upstreams: [Option<String>; 2],
}

/// The state files of one route. They are read by the proxy with every request, and each change is
/// the creation or the removal of one file: there is no moment in between, and no connection
/// notices.
///
/// The upstream of a slot is the *name* of the one file in the slot's folder, as the proxy can tell
/// names but cannot read files.
pub struct StateFiles<'a> {
    machine: &'a dyn Machine,
    folder: PathBuf,
}

impl State {
    pub fn upstream(&self, slot: Slot) -> Option<&str> {
        self.upstreams[slot as usize].as_deref()
    }

    /// The slot from which that upstream is to be served: the live one where it is there already
    /// or nothing is, otherwise the one that nobody sees.
    pub fn place_for(&self, upstream: &str) -> Slot {
        match self.upstream(self.live) {
            Some(live) if live != upstream => self.live.other(),
            _ => self.live,
        }
    }

    fn parse<'a>(paths: impl Iterator<Item = &'a str>) -> Self {
        let mut state = Self { live: Slot::A, frozen: false, draining: false, upstreams: [None, None] };
        for path in paths {
            match path {
                LIVE_B => state.live = Slot::B,
                FREEZE => state.frozen = true,
                DRAINING => state.draining = true,
                _ => {
                    for slot in Slot::BOTH {
                        let Some(name) = in_slot(path, slot) else { continue };
                        let first = &mut state.upstreams[slot as usize];
                        // Of several the proxy takes the first by name.
                        if first.as_deref().is_none_or(|f| name < f) {
                            *first = Some(name.to_owned());
                        }
                    }
                }
            }
        }
        state
    }
}

impl<'a> StateFiles<'a> {
    pub fn new(machine: &'a dyn Machine, state: &Path, hostname: &str) -> Self {
        Self { machine, folder: state.join(hostname) }
    }

    /// Makes the folders; the proxy's user must be able to look into them.
    pub async fn prepare(&self) -> Result<(), Fault> {
        for name in ["", Slot::A.folder(), Slot::B.folder()] {
            self.machine.create_dir(&self.path(name), 0o755).await?;
        }
        Ok(())
    }

    pub async fn read(&self) -> Result<State, Fault> {
        Ok(State::parse(self.list().await?.iter().map(String::as_str)))
    }

    pub async fn set_live(&self, slot: Slot) -> Result<(), Fault> {
        self.put(LIVE_B, slot == Slot::B).await
    }

    /// `waiting` tells whether requests may wait for the end of the freeze.
    pub async fn freeze(&self, waiting: bool) -> Result<(), Fault> {
        self.put(PAGE_AT_ONCE, !waiting).await?;
        self.put(FREEZE, true).await
    }

    pub async fn thaw(&self) -> Result<(), Fault> {
        self.put(FREEZE, false).await
    }

    pub async fn set_draining(&self, draining: bool) -> Result<(), Fault> {
        self.put(DRAINING, draining).await
    }

    /// For a slot that nobody sees: between two upstreams it is empty.
    pub async fn set_upstream(&self, slot: Slot, upstream: Option<&str>) -> Result<(), Fault> {
        let listed = self.list().await?;
        let present: Vec<&str> = listed.iter().filter_map(|path| in_slot(path, slot)).collect();
        let file = |name: &str| format!("{}/{name}", slot.folder());
        for name in present.iter().filter(|name| upstream != Some(**name)) {
            self.put(&file(name), false).await?;
        }
        match upstream {
            Some(upstream) if !present.contains(&upstream) => self.put(&file(upstream), true).await,
            _ => Ok(()),
        }
    }

    /// Removes the files and the folders.
    pub async fn clear(&self) -> Result<(), Fault> {
        for path in self.list().await? {
            self.put(&path, false).await?;
        }
        let folders = [Slot::A.folder(), Slot::B.folder(), ""].map(|name| self.path(name));
        let argv = ["rmdir", "--"].into_iter().chain(folders.iter().map(String::as_str));
        // Its status says nothing of use: a folder may be gone already, and what else may lie in
        // it is not ours to remove.
        self.run(argv).await.map(drop)
    }

    /// Paths of all files, relative to the route's folder, but for hidden ones, which are files
    /// about to get their names.
    async fn list(&self) -> Result<Vec<String>, Fault> {
        let folder = self.path("");
        let found = self.run(["find", &folder, "-type", "f", "!", "-name", ".*"]).await?;
        let complaint = String::from_utf8_lossy(&found.stderr);
        // Without the folder there are no files; and a file may vanish while it is looked at.
        if complaint.lines().any(|line| !line.contains("No such file")) {
            return Err(Fault::new(format!("the state files in {folder} cannot be read"))
                .detail(format!("{} The proxy goes on as they say.", complaint.trim())));
        }
        let text = found.stdout_text();
        let paths = text.lines().filter_map(|path| Path::new(path).strip_prefix(&self.folder).ok());
        Ok(paths.map(|path| path.to_string_lossy().into_owned()).collect())
    }

    async fn put(&self, name: &str, present: bool) -> Result<(), Fault> {
        let path = self.path(name);
        if !present {
            return self.machine.remove_file(&path).await;
        }
        let file = FileWrite { path, content: Vec::new(), mode: 0o644, owner: None, group: None };
        self.machine.write_file(file).await
    }

    async fn run(&self, argv: impl IntoIterator<Item = &str>) -> Result<ExecOutput, Fault> {
        let mut request = ExecRequest::new(argv);
        request.env.insert("LC_ALL".into(), "C".into());
        self.machine.exec(request, &Silent, &CancellationToken::new()).await
    }

    fn path(&self, name: &str) -> String {
        match name {
            "" => self.folder.to_string_lossy().into_owned(),
            _ => self.folder.join(name).to_string_lossy().into_owned(),
        }
    }
}

fn in_slot(path: &str, slot: Slot) -> Option<&str> {
    path.strip_prefix(slot.folder())?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_the_state() {
        let state = State::parse(["b", "slot-a/old:80", "slot-b/z:80", "slot-b/[fd00::1]:80"].into_iter());
        assert_eq!((state.live, state.frozen), (Slot::B, false));
        assert_eq!(state.upstream(Slot::A), Some("old:80"));
        assert_eq!(state.upstream(Slot::B), Some("[fd00::1]:80"));
    }

    #[test]
    fn a_new_upstream_never_takes_the_place_of_the_live_one() {
        let state = State::parse(["slot-a/old:80", "slot-b/older:80"].into_iter());
        assert_eq!(state.place_for("old:80"), Slot::A);
        assert_eq!(state.place_for("older:80"), Slot::B);
        assert_eq!(state.place_for("new:80"), Slot::B);
        assert_eq!(State::parse([].into_iter()).place_for("new:80"), Slot::A);
    }
}

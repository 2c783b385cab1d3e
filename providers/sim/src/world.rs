use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// A simulated world: one folder.
///
/// `<id>.json` is an object, `calls.log` has one line of JSON for every call of the provider,
/// `tokens/` knows which objects a token made, `tries/` which ids were given and how often calls
/// failed. Every change is
/// atomic, by any number of threads and processes. Nothing is sealed: it stands for a service
/// outside, which knows its own secrets.
#[derive(Clone, Debug)]
pub struct World {
    folder: PathBuf,
}

/// One thing that exists in the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorldObject {
    pub id: String,
    /// The resource type.
    pub kind: String,
    /// Address of the instance that made it.
    pub address: String,
    /// Token of the call that made it.
    pub token: String,
    /// So many reads will not find it yet.
    pub hidden_reads: i64,
    pub attributes: Map<String, Json>,
}

/// One call of the provider, recorded before it has its effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// `create`, `read`, `update`, `delete`, `find`, `import` or `lookup`.
    pub call: String,
    pub kind: String,
    pub address: String,
    pub token: String,
    /// Empty where the call does not know one.
    pub id: String,
}

impl World {
    /// The world in that folder, which need not exist yet.
    pub fn open(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Everything that exists, in the order of the ids.
    pub fn objects(&self) -> io::Result<Vec<WorldObject>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut objects = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let Some(id) = name.to_str().and_then(|n| n.strip_suffix(".json")) else { continue };
            objects.extend(self.object(id)?);
        }
        objects.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(objects)
    }

    /// The object with that id.
    pub fn object(&self, id: &str) -> io::Result<Option<WorldObject>> {
        let Some(path) = self.path_of(id) else { return Ok(None) };
        match fs::read(path) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every call so far, in the order in which they were made.
    pub fn calls(&self) -> io::Result<Vec<CallRecord>> {
        let text = match fs::read_to_string(self.folder.join("calls.log")) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
    }

    /// Changes an object, as somebody else would. Says whether there was one.
    pub fn edit(&self, id: &str, change: impl FnOnce(&mut WorldObject)) -> io::Result<bool> {
        let _lock = self.lock()?;
        let Some(mut object) = self.object(id)? else { return Ok(false) };
        change(&mut object);
        let path = self.path_of(id).expect("it was just read");
        replace(&path, &serde_json::to_vec_pretty(&object)?)?;
        Ok(true)
    }

    /// Removes an object. Says whether there was one.
    pub fn remove(&self, id: &str) -> io::Result<bool> {
        let Some(path) = self.path_of(id) else { return Ok(false) };
        // An edit that has read the object already must not bring it back.
        let _lock = self.lock()?;
        match fs::remove_file(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Adds an object under a new id and records the call that makes it. `complete` adds to the
    /// object what depends on the id.
    pub(crate) fn add(
        &self,
        record: &CallRecord,
        mut object: WorldObject,
        complete: impl Fn(&mut WorldObject),
    ) -> io::Result<WorldObject> {
        object.id = self.new_id(&object.address)?;
        complete(&mut object);
        let path = self.path_of(&object.id).expect("ids are made here");
        let new = temporary(&path);
        fs::write(&new, serde_json::to_vec_pretty(&object)?)?;
        // The index first: what exists can always be found by its token, and an entry without an
        // object is nothing.
        append(&self.token_file(&object.token), format!("{}\n", object.id).as_bytes())?;
        self.record(CallRecord { id: object.id.clone(), ..record.clone() })?;
        fs::rename(new, path)?;
        Ok(object)
    }

    /// The address' next id. Ids are never given twice, and depend on the address alone.
    fn new_id(&self, address: &str) -> io::Result<String> {
        self.make_folders()?;
        let stem = format!("sim-{:08x}", fnv(address) as u32);
        for number in 1u64.. {
            let id = format!("{stem}-{number}");
            match File::create_new(self.folder.join("tries").join(&id)) {
                Ok(_) => return Ok(id),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        unreachable!("there are more numbers than files")
    }

    /// The newest object of those that a create with that token made.
    pub(crate) fn made_by(&self, token: &str) -> io::Result<Option<WorldObject>> {
        let ids = match fs::read_to_string(self.token_file(token)) {
            Ok(ids) => ids,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        for id in ids.lines().rev() {
            if let Some(object) = self.object(id)?.filter(|o| o.token == token) {
                return Ok(Some(object));
            }
        }
        Ok(None)
    }

    pub(crate) fn record(&self, record: CallRecord) -> io::Result<()> {
        self.make_folders()?;
        let line = serde_json::to_string(&record)? + "\n";
        append(&self.folder.join("calls.log"), line.as_bytes())
    }

    /// Counts one more `what` of that address, and says how many there are now.
    pub(crate) fn count(&self, what: &str, address: &str) -> io::Result<u64> {
        self.make_folders()?;
        let path = self.folder.join("tries").join(format!("{:016x}.{what}", fnv(address)));
        append(&path, b".")?;
        Ok(fs::metadata(path)?.len())
    }

    /// None where the text can be no id: ids come from state files and from people.
    fn path_of(&self, id: &str) -> Option<PathBuf> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (!id.is_empty() && id.len() < 100 && id.chars().all(fits))
            .then(|| self.folder.join(format!("{id}.json")))
    }

    fn token_file(&self, token: &str) -> PathBuf {
        self.folder.join("tokens").join(format!("{:016x}", fnv(token)))
    }

    fn make_folders(&self) -> io::Result<()> {
        let missing = |name: &&&str| !self.folder.join(name).is_dir();
        ["tokens", "tries"].iter().filter(missing).try_for_each(|n| fs::create_dir_all(self.folder.join(n)))
    }

    /// Held while an object that exists is changed or removed.
    fn lock(&self) -> io::Result<File> {
        self.make_folders()?;
        let file = OpenOptions::new().create(true).append(true).open(self.folder.join("lock"))?;
        file.lock()?;
        Ok(file)
    }
}

/// One write: lines of several processes do not mix.
fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path)?.write_all(bytes)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = temporary(path);
    fs::write(&new, bytes)?;
    fs::rename(new, path)
}

fn temporary(path: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    path.with_extension(format!("{}-{number}.new", std::process::id()))
}

/// FNV-1a: names that are the same in every run.
pub(crate) fn fnv(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    fn object(address: &str, token: &str) -> WorldObject {
        WorldObject {
            id: String::new(),
            kind: "sim_resource".into(),
            address: address.into(),
            token: token.into(),
            hidden_reads: 0,
            attributes: Map::from_iter([("size".into(), 0.into())]),
        }
    }

    fn record(address: &str, token: &str) -> CallRecord {
        CallRecord {
            call: "create".into(),
            kind: "sim_resource".into(),
            address: address.into(),
            token: token.into(),
            id: String::new(),
        }
    }

    #[test]
    fn parallel_creates_at_one_address_are_all_there_with_ids_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let start = Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    // Opened anew, as another process would.
                    let world = World::open(folder.path());
                    start.wait();
                    for _ in 0..25 {
                        world.add(&record("a", "t"), object("a", "t"), |_| {}).unwrap();
                    }
                });
            }
        });
        let world = World::open(folder.path());
        assert_eq!(world.objects().unwrap().len(), 200);
        assert_eq!(world.calls().unwrap().len(), 200);
    }

    #[test]
    fn parallel_edits_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let world = World::open(folder.path());
        let id = world.add(&record("a", "t"), object("a", "t"), |_| {}).unwrap().id;
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let world = World::open(folder.path());
                    for _ in 0..25 {
                        let grow = |o: &mut WorldObject| {
                            let size = o.attributes["size"].as_i64().unwrap();
                            o.attributes.insert("size".into(), (size + 1).into());
                        };
                        assert!(world.edit(&id, grow).unwrap());
                    }
                });
            }
        });
        assert_eq!(world.object(&id).unwrap().unwrap().attributes["size"], 200);
        assert!(world.remove(&id).unwrap());
        assert!(!world.remove(&id).unwrap());
        assert!(!world.edit(&id, |_| {}).unwrap());
    }

    #[test]
    fn ids_depend_on_the_address_alone() {
        let ids = || {
            let folder = tempfile::tempdir().unwrap();
            let world = World::open(folder.path());
            ["a", "b", "a"].map(|a| world.add(&record(a, "t"), object(a, "t"), |_| {}).unwrap().id)
        };
        assert_eq!(ids(), ids());
    }

    #[test]
    fn what_is_no_id_finds_nothing_outside_of_the_world() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret.json"), "{}").unwrap();
        let world = World::open(folder.path().join("world"));
        assert_eq!(world.object("../secret").unwrap(), None);
    }
}

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mprov_sdk::{Fault, Object, Value};

use super::context::{Context, Dockerfile, hash_file, record};

/// Changes of what goes into an image's hash need a new version: everything is built once again.
const HASH_VERSION: &[u8] = b"mprov-image-1";
const READ_BYTES: usize = 1 << 20;

/// What an image is made from.
pub enum Source {
    Pull { reference: String },
    Build(Box<Build>),
    Archive { path: PathBuf },
    Rootfs { path: PathBuf, changes: Vec<String> },
}

pub struct Build {
    pub context: Option<PathBuf>,
    pub dockerfile: Option<String>,
    pub dockerfile_content: Option<String>,
    /// Lines like those of `.dockerignore`, after its own.
    pub ignore: Vec<String>,
    pub args: BTreeMap<String, String>,
    pub target: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub no_cache: bool,
}

impl Source {
    /// From a configuration; none while a part of it is unknown.
    pub fn of(config: &Object, base_dir: &Path) -> Result<Option<Self>, Fault> {
        let parts = ["pull", "build", "archive", "rootfs", "changes"];
        if parts.iter().any(|name| config.get(name).contains_unknown()) {
            return Ok(None);
        }
        if let Some(reference) = config.opt_str("pull")? {
            return Ok(Some(Self::Pull { reference: reference.to_owned() }));
        }
        if let Some(build) = config.object("build")? {
            return Ok(Some(Self::Build(Box::new(Build::of(build, base_dir)?))));
        }
        if let Some(path) = config.opt_str("archive")? {
            return Ok(Some(Self::Archive { path: base_dir.join(path) }));
        }
        if let Some(path) = config.opt_str("rootfs")? {
            let changes = config.strings("changes")?;
            return Ok(Some(Self::Rootfs { path: base_dir.join(path), changes }));
        }
        Err(Fault::new("the image has no source")
            .detail("Give exactly one of \"pull\", \"build\", \"archive\" and \"rootfs\"."))
    }

    /// The hash of everything that goes into the image. Reads files: not for async code.
    pub fn hash(&self) -> Result<String, Fault> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(HASH_VERSION);
        match self {
            Self::Pull { reference } => record(&mut hasher, b'p', b"", reference.as_bytes()),
            Self::Build(build) => build.record(&mut hasher)?,
            Self::Archive { path } => record(&mut hasher, b'a', b"", hash_of(path)?.as_bytes()),
            Self::Rootfs { path, changes } => {
                record(&mut hasher, b'r', b"", hash_of(path)?.as_bytes());
                for change in changes {
                    record(&mut hasher, b'c', b"", change.as_bytes());
                }
            }
        }
        Ok(hasher.finalize().to_hex().to_string())
    }
}

impl Build {
    fn of(build: &Object, base_dir: &Path) -> Result<Self, Fault> {
        let text =
            |name: &str| -> Result<Option<String>, Fault> { Ok(build.opt_str(name)?.map(str::to_owned)) };
        Ok(Self {
            context: text("context")?.map(|path| base_dir.join(path)),
            dockerfile: text("dockerfile")?,
            dockerfile_content: text("dockerfile_content")?,
            ignore: build.strings("ignore")?,
            args: build.string_map("args")?,
            target: text("target")?,
            labels: build.string_map("labels")?,
            no_cache: build.opt_bool("no_cache")?.unwrap_or(false),
        })
    }

    /// The files of it as they are now.
    pub fn scan(&self) -> Result<Context, Fault> {
        let dockerfile = match &self.dockerfile_content {
            Some(text) => Dockerfile::Inline(text),
            None => Dockerfile::File(self.dockerfile.as_deref().unwrap_or("Dockerfile")),
        };
        Context::scan(self.context.as_deref(), dockerfile, &self.ignore)
    }

    fn record(&self, hasher: &mut blake3::Hasher) -> Result<(), Fault> {
        let context = self.scan()?;
        record(hasher, b'b', context.dockerfile.as_bytes(), context.hash()?.as_bytes());
        for (name, value) in &self.args {
            record(hasher, b'v', name.as_bytes(), value.as_bytes());
        }
        for (name, value) in &self.labels {
            record(hasher, b'l', name.as_bytes(), value.as_bytes());
        }
        if let Some(target) = &self.target {
            record(hasher, b't', b"", target.as_bytes());
        }
        Ok(())
    }
}

/// The hash of a source, outside of the async threads; unknown while a part of it is.
pub async fn content_hash(config: &Object, base_dir: &Path) -> Result<Value, Fault> {
    let Some(source) = Source::of(config, base_dir)? else {
        return Ok(Value::unknown(mprov_sdk::Type::String));
    };
    let hash = tokio::task::spawn_blocking(move || source.hash()).await;
    hash.map_err(|_| Fault::new("the hash of an image's source could not be computed"))?.map(Value::from)
}

fn hash_of(path: &Path) -> Result<blake3::Hash, Fault> {
    let mut buffer = vec![0; READ_BYTES];
    hash_file(path, &mut buffer).map_err(|error| {
        Fault::new(format!("{} cannot be read", path.display()))
            .detail(format!("{error}. An image is to be made from it: see that the path is right."))
    })
}

#[cfg(test)]
mod tests {
    use mprov_sdk::Type;

    use super::*;

    fn hash(config: &Object, base: &Path) -> String {
        Source::of(config, base).expect("source").expect("known").hash().expect("hash")
    }

    #[test]
    fn arguments_target_and_labels_count() {
        let build = |args: Value, target: Value| {
            let build =
                Value::object([("dockerfile_content", "FROM x".into()), ("args", args), ("target", target)]);
            Object::new().with("build", build)
        };
        let base = Path::new("/");
        let arg = |v: &str| Value::map([("BASE", Value::from(v))]);
        let one = hash(&build(arg("sha256:1"), Value::Null), base);
        assert_eq!(one, hash(&build(arg("sha256:1"), Value::Null), base));
        assert_ne!(one, hash(&build(arg("sha256:2"), Value::Null), base));
        assert_ne!(one, hash(&build(arg("sha256:1"), "web".into()), base));
        assert!(one.len() == 64);
    }

    #[test]
    fn an_unknown_argument_leaves_the_hash_unknown() {
        let args = Value::map([("BASE", Value::unknown(Type::String))]);
        let build = Value::object([("dockerfile_content", "FROM x".into()), ("args", args)]);
        assert!(Source::of(&Object::new().with("build", build), Path::new("/")).expect("source").is_none());
    }
}

use std::io::ErrorKind;

use mprov_sdk::Fault;

use crate::connection::{Connection, NewFile};
use crate::fault::cannot;
use crate::path::{pending, side_file};

/// The extended attribute that marks live in.
pub const ATTRIBUTE: &str = "user.mprov";

/// What mprov notes on a directory that it has made. It is what tells our own from others' after a
/// crash, when the state does not know yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The instance itself, with the token of its create.
    Made(String),
    /// A parent folder that was missing, with the token of the create that needed it.
    Parent(String),
    /// A delete of it has begun.
    Deleting,
}

impl Mark {
    fn text(&self) -> String {
        match self {
            Self::Made(token) => format!("made {token}"),
            Self::Parent(token) => format!("parent {token}"),
            Self::Deleting => "deleting".to_owned(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.trim_end().split_once(' ').unwrap_or((text, "")) {
            ("made", token) => Some(Self::Made(token.to_owned())),
            ("parent", token) => Some(Self::Parent(token.to_owned())),
            ("deleting", _) => Some(Self::Deleting),
            _ => None,
        }
    }
}

/// Marks the directory at `at`, which has or will get the name `path`. Where the filesystem has no
/// extended attributes, a hidden file beside the path takes the mark.
pub async fn set(connection: &dyn Connection, at: &str, path: &str, mark: &Mark) -> Result<(), Fault> {
    match connection.set_attribute(at, ATTRIBUTE, &mark.text()).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => {}
        other => return other.map_err(cannot("mark", at)),
    }
    let (file, text) = (side_file(path), mark.text());
    let new = NewFile {
        path: &file,
        pending: &pending(&file),
        content: text.as_bytes(),
        mode: 0o600,
        uid: None,
        gid: None,
        replace: true,
        mark: None,
    };
    connection.write(new).await.map_err(cannot("write", &file))
}

/// Marks a parent folder where the filesystem has extended attributes.
pub async fn set_parent(connection: &dyn Connection, at: &str, token: &str) -> Result<(), Fault> {
    match connection.set_attribute(at, ATTRIBUTE, &Mark::Parent(token.to_owned()).text()).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
        other => other.map_err(cannot("mark", at)),
    }
}

pub async fn get(connection: &dyn Connection, path: &str) -> Result<Option<Mark>, Fault> {
    let text = match connection.attribute(path, ATTRIBUTE).await {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            let file = side_file(path);
            let bytes = connection.read(&file).await.map_err(cannot("read", &file))?;
            bytes.map(|b| String::from_utf8_lossy(&b).into_owned())
        }
        Err(error) => return Err(cannot("read the mark of", path)(error)),
    };
    Ok(text.and_then(|t| Mark::parse(&t)))
}

/// Removes what a mark has left beside the path, once the directory itself is gone.
pub async fn clear(connection: &dyn Connection, path: &str) -> Result<(), Fault> {
    let file = side_file(path);
    connection.remove_file(&file).await.map_err(cannot("remove", &file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back() {
        for mark in [Mark::Made("t-1".into()), Mark::Parent("t".into()), Mark::Deleting] {
            assert_eq!(Mark::parse(&mark.text()), Some(mark));
        }
        assert_eq!(Mark::parse("something else"), None);
    }
}

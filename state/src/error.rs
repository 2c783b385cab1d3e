use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use mprov_sdk::{CodecError, Diagnostic};
use thiserror::Error;

use crate::{FORMAT, Holder};

/// What can go wrong with stored state. [`Diagnostic::from`] adds what to do.
#[derive(Debug, Clone, Error)]
pub enum StateError {
    /// None where the holder left no readable description.
    #[error("the state is locked by another mprov")]
    Locked { path: PathBuf, holder: Option<Box<Holder>> },
    #[error("{} was written by a newer mprov", .path.display())]
    NewerFormat { path: PathBuf, format: u32, mprov_version: String },
    #[error("{} is damaged: {reason}", .path.display())]
    Corrupt {
        path: PathBuf,
        /// What is wrong and where.
        reason: String,
        /// Kept versions, the newest first.
        kept: Vec<PathBuf>,
    },
    /// Records of the journal cannot be read although later ones can.
    #[error("{} is damaged in line {line}: {reason}", .path.display())]
    JournalDamaged { path: PathBuf, line: usize, reason: String },
    #[error("the key that opens the secrets of this state is not there: {}", .path.display())]
    KeyMissing { path: PathBuf },
    #[error("the key in {} cannot be used: {reason}", .path.display())]
    KeyUnusable { path: PathBuf, reason: String },
    #[error("cannot {doing} {}: {message}", .path.display())]
    Io { doing: &'static str, path: PathBuf, kind: io::ErrorKind, message: String },
    #[error("{what} belongs to another state (lineage {found}, not {expected})")]
    Lineage { what: String, found: String, expected: String },
    /// Journal and state do not fit together.
    #[error("the journal of an interrupted apply does not belong to this state")]
    JournalMismatch { journal: PathBuf, base: u64, serial: u64 },
    /// A new journal cannot be begun before this is resolved.
    #[error("an apply was interrupted and has not been recovered yet")]
    Unrecovered { journal: PathBuf },
    /// The journal cannot be folded before these steps have an outcome.
    #[error("the outcome of {} is not known", steps(.addresses))]
    InDoubt { addresses: Vec<String> },
    /// The engine asked for a record that makes no sense; nothing was written.
    #[error("a journal record was refused: {reason}")]
    Refused { reason: String },
    #[error("a value in the state cannot be read: {0}")]
    Codec(#[from] CodecError),
}

impl StateError {
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>, error: &io::Error) -> Self {
        Self::Io { doing, path: path.into(), kind: error.kind(), message: error.to_string() }
    }

    /// Another process holds the lock: nothing is wrong, exit code 3.
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Locked { .. })
    }

    /// The number of its diagnostic.
    pub fn code(&self) -> u16 {
        match self {
            Self::Locked { .. } => 4001,
            Self::NewerFormat { .. } => 4002,
            Self::Corrupt { .. } | Self::JournalDamaged { .. } => 4003,
            Self::KeyMissing { .. } => 4004,
            Self::Io { .. } => 4005,
            Self::Lineage { .. } => 4006,
            Self::JournalMismatch { .. } => 4007,
            Self::Unrecovered { .. } => 4008,
            Self::InDoubt { .. } => 4009,
            Self::KeyUnusable { .. } => 4010,
            Self::Codec(_) => 4011,
            Self::Refused { .. } => 4012,
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Locked { holder: Some(holder), .. } => format!(
                "It is held by {holder}. Wait until it is done. If that process is gone, the lock is already free: run the \
                 command again."
            ),
            Self::Locked { path, holder: None } => format!(
                "Who holds {} is not known, because its description is missing or unreadable. \"fuser {0}\" \
                 names the process. The lock is free as soon as that process has ended.",
                path.display()
            ),
            Self::NewerFormat { format, mprov_version, .. } => format!(
                "It has format {format} (mprov {mprov_version}); this mprov {} reads formats up to {FORMAT}. \
                 The file was left as it is. Use mprov {mprov_version} or later.",
                env!("CARGO_PKG_VERSION")
            ),
            Self::Corrupt { path, kept, .. } => corrupt_advice(path, kept),
            Self::JournalDamaged { path, line, .. } => format!(
                "It is the only record of what the interrupted apply did: keep a copy of it, then check the disk. \
                 The lines before line {line} are intact; to go on with those alone, shorten the file to them \
                 (\"head -n {} {}\") and look closely at the next plan: what the later lines recorded has to be \
                 imported or removed by hand.",
                line - 1,
                path.display()
            ),
            Self::KeyMissing { .. } => "Put the key file back from where you keep a copy. Without it everything \
                that is not secret stays readable, but the sealed values (passwords, private keys) are lost: \
                they would have to be made anew."
                .into(),
            Self::KeyUnusable { .. } => "Put the right key file back from where you keep a copy. The sealed \
                values in the state open with no other key."
                .into(),
            Self::Io { kind: io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, path, .. } => format!(
                "The disk is full. Free some space on the file system of {} and run the command again. What was \
                 recorded before is intact.",
                path.display()
            ),
            Self::Io { kind: io::ErrorKind::PermissionDenied, .. } => {
                "Run mprov as the user who owns the folder, or correct the permissions. What was recorded before \
                 is intact."
                    .into()
            }
            Self::Io { .. } => "What was recorded before is intact. Run the command again when the cause is \
                removed."
                .into(),
            Self::Lineage { .. } => "Work in the folder that it was made for. If a state file was put here by \
                mistake, put the right one back."
                .into(),
            Self::JournalMismatch { journal, base, serial } => format!(
                "{} continues serial {base}, but the state has serial {serial}: the state file was probably \
                 replaced by another version. Put the state of serial {base} back (.mprov/history/{base}.json \
                 where it was kept), then run the command again. The journal is the only record of what the \
                 interrupted apply did: keep it.",
                journal.display()
            ),
            Self::Unrecovered { journal } => format!(
                "Run \"mprov apply\": it first finds out what became of the steps in {}.",
                journal.display()
            ),
            Self::InDoubt { addresses } => format!(
                "What became of {} is not known. The journal keeps the question; \"mprov apply\" asks the \
                 provider again.",
                addresses.join(", ")
            ),
            Self::Codec(CodecError::Seal(_)) => {
                "The value was sealed with another key, or the file was edited.".into()
            }
            Self::Codec(_) | Self::Refused { .. } => {
                "This is a defect of mprov: please report it. Nothing was lost.".into()
            }
        }
    }
}

impl From<StateError> for Diagnostic {
    fn from(error: StateError) -> Self {
        Diagnostic::error(error.code(), error.to_string()).detail(error.advice())
    }
}

fn corrupt_advice(path: &std::path::Path, kept: &[PathBuf]) -> String {
    let mut text = "The file was left as it is. ".to_owned();
    match kept {
        [] => {
            text.push_str("No earlier version was kept here: restore it from your version control or backup.")
        }
        [newest, ..] => {
            let _ = write!(
                text,
                "Restore it from your version control, or go back to the newest kept version with \"cp {} {}\" \
                 and look at the plan before you apply. Kept versions: ",
                newest.display(),
                path.display()
            );
            let names: Vec<String> = kept.iter().map(|k| k.display().to_string()).collect();
            text.push_str(&names.join(", "));
            text.push('.');
        }
    }
    text
}

fn steps(addresses: &[String]) -> String {
    match addresses.len() {
        1 => "one step".into(),
        n => format!("{n} steps"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disk::Disk;

    #[test]
    fn a_full_disk_is_named() {
        let error = Disk::default().write(Path::new("/dev/full"), b"x", 0o644).expect_err("it is full");
        let diagnostic = Diagnostic::from(error);
        assert_eq!(diagnostic.code.to_string(), "MP4005");
        assert!(diagnostic.detail.contains("The disk is full"), "{diagnostic:?}");
        assert!(diagnostic.summary.contains("/dev/full"), "{diagnostic:?}");
    }
}

use std::path::Path;

use super::line::{self, Bad};
use crate::document::OLDEST_FORMAT;
use crate::fold::Fold;
use crate::{FORMAT, Header, Record, State, StateError};

/// A journal as far as it can be trusted.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// Tells this journal from every other: the sum of its header.
    pub id: String,
    pub header: Header,
    /// Without the header.
    pub records: Vec<Record>,
    /// Length in bytes of all whole records, the header's included.
    pub len: u64,
}

impl Recorded {
    /// The sequence number of the next record.
    pub fn next(&self) -> u64 {
        self.records.len() as u64 + 1
    }

    /// The records applied to the state that the journal is based on.
    pub fn replay(&self, path: &Path, base: State) -> Result<Fold, StateError> {
        let mut fold = Fold::new(base);
        for (record, line) in self.records.iter().zip(2..) {
            fold.apply(record.clone()).map_err(|reason| StateError::JournalDamaged {
                path: path.to_owned(),
                line,
                reason,
            })?;
        }
        Ok(fold)
    }
}

/// Reads a journal; none where not even its header was written.
///
/// The end of it may be torn by a crash and is then left out. A record that was acknowledged and
/// cannot be read is an error, and so is a newer format.
pub(crate) fn read(path: &Path, bytes: &[u8]) -> Result<Option<Recorded>, StateError> {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').filter(|l| l.ends_with(b"\n")).collect();
    let mut id = String::new();
    let mut header = None;
    let mut records = Vec::new();
    let mut len = 0;
    for (seq, whole) in (0_u64..).zip(&lines) {
        let damaged = |reason: &str| StateError::JournalDamaged {
            path: path.to_owned(),
            line: seq as usize + 1,
            reason: reason.to_owned(),
        };
        let text = &whole[..whole.len() - 1];
        let line = match line::parse(text) {
            Ok(line) if line.seq == seq => line,
            Err(Bad::Unknown(reason)) => return Err(newer(path, text).unwrap_or_else(|| damaged(&reason))),
            Ok(_) | Err(Bad::Damaged) if was_durable(seq, &lines) => {
                return Err(damaged("the record is not what was written"));
            }
            Ok(_) | Err(Bad::Damaged) => break,
        };
        match line.record {
            Record::Header(first) if seq == 0 => {
                if !(OLDEST_FORMAT..=FORMAT).contains(&first.format) {
                    return Err(newer(path, text).unwrap_or_else(|| damaged("its format was never in use")));
                }
                line.sum.clone_into(&mut id);
                header = Some(first);
            }
            _ if seq == 0 => return Err(damaged("a header is expected")),
            record => records.push(record),
        }
        len += whole.len() as u64;
    }
    Ok(header.map(|header| Recorded { id, header, records, len }))
}

/// Whether any later record says that the record of this number was on disk.
fn was_durable(seq: u64, lines: &[&[u8]]) -> bool {
    let later = lines.iter().skip(seq as usize);
    later.filter_map(|l| line::parse(&l[..l.len() - 1]).ok()).any(|l| l.durable > seq)
}

fn newer(path: &Path, line: &[u8]) -> Option<StateError> {
    let (format, mprov_version) = line::format(line).filter(|(format, _)| *format > FORMAT)?;
    Some(StateError::NewerFormat { path: path.to_owned(), format, mprov_version })
}

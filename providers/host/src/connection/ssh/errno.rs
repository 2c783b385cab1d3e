use std::io::{self, ErrorKind};

use rustix::io::Errno;

/// What the system's tools say in the language C, and what the system means by it (strerror(3));
/// the last ones are shells' own words.
const MESSAGES: [(&str, Errno); 20] = [
    ("No such file or directory", Errno::NOENT),
    ("Permission denied", Errno::ACCESS),
    ("Operation not permitted", Errno::PERM),
    ("File exists", Errno::EXIST),
    ("Not a directory", Errno::NOTDIR),
    ("Is a directory", Errno::ISDIR),
    ("Directory not empty", Errno::NOTEMPTY),
    ("No space left on device", Errno::NOSPC),
    ("Disk quota exceeded", Errno::DQUOT),
    ("Read-only file system", Errno::ROFS),
    ("Device or resource busy", Errno::BUSY),
    ("Too many levels of symbolic links", Errno::LOOP),
    ("File name too long", Errno::NAMETOOLONG),
    ("Operation not supported", Errno::OPNOTSUPP),
    ("Invalid argument", Errno::INVAL),
    ("Invalid cross-device link", Errno::XDEV),
    ("Input/output error", Errno::IO),
    ("Text file busy", Errno::TXTBSY),
    ("with non-directory", Errno::ISDIR),
    ("Directory nonexistent", Errno::NOENT),
];

/// The error of the operating system that a tool told of.
pub fn from_message(text: &str) -> io::Error {
    let text = text.trim();
    let says =
        |line: &str| MESSAGES.iter().find(|(message, _)| line.trim_end().ends_with(message)).map(|(_, e)| *e);
    match text.lines().rev().find_map(says) {
        Some(Errno::OPNOTSUPP) => ErrorKind::Unsupported.into(),
        Some(errno) => errno.into(),
        None => io::Error::other(text.lines().last().unwrap_or("it failed without a word").to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_tools_keep_their_meaning() {
        for (text, kind) in [
            ("stat: cannot statx '/x': No such file or directory", ErrorKind::NotFound),
            ("sh: 1: cannot create /x/y: Directory nonexistent", ErrorKind::NotFound),
            ("mkdir: cannot create directory '/': File exists\n", ErrorKind::AlreadyExists),
            ("dd: error writing '/x': No space left on device\n0+0 records", ErrorKind::StorageFull),
            ("mv: cannot overwrite directory '/x' with non-directory", ErrorKind::IsADirectory),
            ("setfattr: /x: Operation not supported", ErrorKind::Unsupported),
        ] {
            assert_eq!(from_message(text).kind(), kind, "{text}");
        }
        assert_eq!(from_message("odd: what?").to_string(), "odd: what?");
    }
}

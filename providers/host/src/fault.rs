use std::io::{self, ErrorKind};

use mprov_sdk::Fault;

/// What could not be done with a path, and what helps.
pub fn io_fault(action: &str, path: &str, error: &io::Error) -> Fault {
    let advice = match error.kind() {
        ErrorKind::NotFound => "A folder on the way to it does not exist.",
        ErrorKind::PermissionDenied => "Run mprov as a user who may, or give it the right to.",
        ErrorKind::StorageFull => "Free some space or enlarge the volume, then apply again.",
        ErrorKind::QuotaExceeded => "Raise the quota or free some space, then apply again.",
        ErrorKind::ReadOnlyFilesystem => "Mount it writable, or choose another path.",
        ErrorKind::AlreadyExists => "Move away what is there, or choose another path.",
        ErrorKind::DirectoryNotEmpty => "Something is in it that mprov did not put there.",
        ErrorKind::ResourceBusy => "Something is mounted there or uses it: stop and unmount that first.",
        ErrorKind::NotADirectory => "Something on the way to it is not a folder.",
        ErrorKind::IsADirectory => "A folder is there where a file should be.",
        ErrorKind::InvalidFilename => "The name is too long for the filesystem.",
        _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            "It is a symbolic link, which mprov does not follow."
        }
        _ => "",
    };
    Fault::new(format!("cannot {action} {path}")).detail(format!("{error}. {advice}").trim_end().to_owned())
}

/// For `map_err`.
pub fn cannot<'a>(action: &'a str, path: &'a str) -> impl Fn(io::Error) -> Fault + 'a {
    move |error| io_fault(action, path, &error)
}

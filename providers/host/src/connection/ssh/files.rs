use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{CancellationToken, Events, ExecOutput, ExecRequest, Fault, Silent};
use rustix::io::Errno;

use super::errno::from_message;
use super::exec::{Job, run};
use super::forward::Forwards;
use super::link::Link;
use super::script::{CANNOT_BEGIN, CANNOT_BEGIN_STATUS, Process, process, with_arguments};
use super::settings::Settings;
use crate::connection::files::{mounts, present};
use crate::connection::{Connection, EntryKind, Mount, NewFile, Space, Stat};
use crate::path::folder;

/// A machine over SSH. Files are handled by its own tools (GNU coreutils and findutils), so that
/// everything works through `sudo` too.
pub struct Remote {
    link: Arc<Link>,
    forwards: Forwards,
}

impl Remote {
    /// Connects.
    pub async fn open(settings: Settings) -> Result<Self, Fault> {
        Ok(Self { link: Link::open(settings).await?, forwards: Forwards::default() })
    }

    /// Runs a script; its output, or the error that the last of its tools told of.
    async fn script(&self, text: &str, arguments: &[&str], stdin: Option<Vec<u8>>) -> io::Result<Vec<u8>> {
        let script = with_arguments(text, arguments);
        let sudo = self.link.settings.sudo;
        let job = Job { name: "a file operation", script, stdin, timeout: None, sudo };
        let output = run(&self.link, job, &Silent, &CancellationToken::new()).await;
        let output =
            output.map_err(|fault| io::Error::new(ErrorKind::ConnectionAborted, fault.to_string()))?;
        match output.success() {
            true => Ok(output.stdout),
            false => Err(from_message(&String::from_utf8_lossy(&output.stderr))),
        }
    }

    async fn text(&self, script: &str, arguments: &[&str]) -> io::Result<String> {
        let bytes = self.script(script, arguments, None).await?;
        String::from_utf8(bytes).map_err(|_| io::Error::other("the machine's answer is no text"))
    }

    async fn quietly(&self, script: &str, arguments: &[&str]) -> io::Result<()> {
        self.script(script, arguments, None).await.map(drop)
    }
}

/// Extended attributes by whatever the machine has for them.
const ATTRIBUTES: &str = r#"
if command -v setfattr >/dev/null 2>&1 && command -v getfattr >/dev/null 2>&1; then tool=attr
elif command -v python3 >/dev/null 2>&1; then tool=python
else tool=none; fi
set_attribute() {
  case $tool in
    attr) setfattr -h -n "$2" -v "$3" -- "$1" ;;
    python) python3 -Ic 'import os, sys
try: os.setxattr(sys.argv[1], sys.argv[2], sys.argv[3].encode(), follow_symlinks=False)
except OSError as e: sys.exit(f"setxattr: {os.strerror(e.errno)}")' "$@" ;;
    none) echo "setxattr: Operation not supported" >&2; return 1 ;;
  esac
}
get_attribute() {
  case $tool in
    attr) getfattr -h --only-values -n "$2" -- "$1" ;;
    python) python3 -Ic 'import os, sys
try: sys.stdout.buffer.write(os.getxattr(sys.argv[1], sys.argv[2], follow_symlinks=False))
except OSError as e: sys.exit(f"getxattr: {os.strerror(e.errno)}")' "$@" ;;
    none) echo "getxattr: Operation not supported" >&2; return 1 ;;
  esac
}
"#;

/// `path pending length mode owner replace mark value folder`, and the content as input. What is cut
/// short is never put in place.
const WRITE: &str = r#"
pending=$2
trap 'rm -f -- "$pending"' EXIT
rm -f -- "$2" || exit 1
umask 077
dd of="$2" conv=excl bs=64k iflag=fullblock status=none || exit 1
[ "$(stat -c %s -- "$2")" = "$3" ] || { echo "the upload was cut short" >&2; exit 1; }
[ -z "$5" ] || chown -- "$5" "$2" || exit 1
if [ -n "$7" ]; then
  complaint=$(set_attribute "$2" "$7" "$8" 2>&1) || case $complaint in
    *"not supported"*) ;;
    *) printf '%s\n' "$complaint" >&2; exit 1 ;;
  esac
fi
chmod -- "$4" "$2" && sync -- "$2" || exit 1
if [ "$6" = yes ]; then mv -fT -- "$2" "$1"; else ln -T -- "$2" "$1" && rm -f -- "$2"; fi || exit 1
sync -- "$9"
"#;

const RENAME: &str = r#"
mv -nT -- "$1" "$2"
status=$?
if [ -e "$1" ] || [ -L "$1" ]; then
  [ -e "$2" ] || [ -L "$2" ] || exit 1
  echo "mv: File exists" >&2
  exit 1
fi
[ $status = 0 ] || exit 1
sync -- "$3"
"#;

/// `from to`: two files of one name, in case the directories are the same.
const SHARES_DATA: &str = r#"
from=$1
to=$2
a=$from/.mprov-probe-data
b=$to/.mprov-probe-clone
trap 'rm -f -- "$a" "$b"' EXIT
rm -f -- "$a" "$b" 2>/dev/null
[ -d "$from" ] && [ -d "$to" ] || { echo "No such file or directory" >&2; exit 1; }
if ! head -c 65536 /dev/zero 2>/dev/null > "$a"; then
  a=$to/.mprov-probe-data
  head -c 65536 /dev/zero > "$a" || { echo "No space left on device" >&2; exit 1; }
fi
if cp --reflink=always -- "$a" "$b" 2>/dev/null; then echo yes; else echo no; fi
"#;

fn strange(answer: &str) -> io::Error {
    io::Error::other(format!("the machine's answer is not understood: {answer:?}"))
}

fn stat_of(answer: &str) -> Option<Stat> {
    let fields: Vec<&str> = answer.split_whitespace().collect();
    let [mode, uid, gid, size, inode] = fields[..] else { return None };
    let mode = u32::from_str_radix(mode, 16).ok()?;
    // The kinds of inode(7).
    let kind = match mode & 0o170_000 {
        0o100_000 => EntryKind::File,
        0o040_000 => EntryKind::Directory,
        0o120_000 => EntryKind::Symlink,
        _ => EntryKind::Other,
    };
    Some(Stat {
        kind,
        mode: mode & 0o7777,
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        size: size.parse().ok()?,
        inode: inode.parse().ok()?,
    })
}

/// As chown(1) wants it; the login group must not come in by itself.
fn owner(uid: Option<u32>, gid: Option<u32>) -> String {
    match (uid, gid) {
        (None, None) => String::new(),
        (Some(uid), None) => uid.to_string(),
        (None, Some(gid)) => format!(":{gid}"),
        (Some(uid), Some(gid)) => format!("{uid}:{gid}"),
    }
}

#[async_trait]
impl Connection for Remote {
    fn is_local(&self) -> bool {
        false
    }

    async fn exec(
        &self,
        request: ExecRequest,
        events: &dyn Events,
        cancel: &CancellationToken,
    ) -> Result<ExecOutput, Fault> {
        let script = process(&Process {
            argv: &request.argv,
            user: request.user.as_deref(),
            folder: request.working_dir.as_deref(),
            env: request.env.iter().map(|(name, value)| (&**name, &**value)).collect(),
            reads: request.stdin.is_some(),
        })?;
        let name = request.argv.first().map_or("", |program| program);
        let (timeout, sudo) = (request.timeout, self.link.settings.sudo);
        let job = Job { name, script, stdin: request.stdin, timeout, sudo };
        let output = run(&self.link, job, events, cancel).await?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        match complaint.trim_end().rsplit_once(CANNOT_BEGIN) {
            Some((before, advice)) if output.status == CANNOT_BEGIN_STATUS => {
                let summary = format!("{name} cannot be run on {}", self.link.name());
                Err(Fault::new(summary).detail(format!("{}{advice}.", before.trim_start())))
            }
            _ => Ok(output),
        }
    }

    async fn processes_with(&self, environment: &str) -> io::Result<Vec<u32>> {
        let script = "grep -lzxF -- \"$1\" /proc/[0-9]*/environ 2>/dev/null; true";
        let answer = self.text(script, &[environment]).await?;
        let number = |line: &str| line.strip_prefix("/proc/")?.strip_suffix("/environ")?.parse().ok();
        Ok(answer.lines().filter_map(number).collect())
    }

    async fn stat(&self, path: &str) -> io::Result<Option<Stat>> {
        let answer = present(self.text("stat -c '%f %u %g %s %i' -- \"$1\"", &[path]).await)?;
        answer.map(|answer| stat_of(&answer).ok_or_else(|| strange(&answer))).transpose()
    }

    async fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        present(self.script("cat -- \"$1\"", &[path], None).await)
    }

    async fn hash(&self, path: &str) -> io::Result<Option<String>> {
        let answer = present(self.text("sha256sum -b -- \"$1\"", &[path]).await)?;
        // A backslash stands before the hash where the name has strange characters.
        let hash = |answer: String| {
            let first = answer.split_whitespace().next().map(|word| word.trim_start_matches('\\').to_owned());
            first.ok_or_else(|| strange(&answer))
        };
        answer.map(hash).transpose()
    }

    async fn write(&self, file: NewFile<'_>) -> io::Result<()> {
        let (mark, value) = file.mark.unwrap_or_default();
        let arguments = [
            file.path,
            file.pending,
            &file.content.len().to_string(),
            &format!("{:o}", file.mode),
            &owner(file.uid, file.gid),
            if file.replace { "yes" } else { "no" },
            mark,
            value,
            folder(file.path),
        ];
        let script = format!("{ATTRIBUTES}{WRITE}");
        self.script(&script, &arguments, Some(file.content.to_vec())).await.map(drop)
    }

    async fn list(&self, path: &str, limit: usize) -> io::Result<Vec<String>> {
        let script = "[ -d \"$1\" ] || { stat -- \"$1/\" >/dev/null; exit 1; }\n\
                      find \"$1\" -mindepth 1 -maxdepth 1 -printf '%f\\0' | head -z -n \"$2\"";
        let answer = self.script(script, &[path, &limit.to_string()], None).await?;
        let names = answer.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let mut names: Vec<String> = names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        names.sort();
        Ok(names)
    }

    async fn make_dir(&self, path: &str, mode: u32) -> io::Result<()> {
        let script = "mkdir -m 700 -- \"$1\" && chmod -- \"$2\" \"$1\"";
        self.quietly(script, &[path, &format!("{mode:o}")]).await
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.quietly(RENAME, &[from, to, folder(to)]).await
    }

    async fn remove_file(&self, path: &str) -> io::Result<()> {
        self.quietly("rm -f -- \"$1\"", &[path]).await
    }

    async fn remove_dir(&self, path: &str) -> io::Result<()> {
        present(self.quietly("rmdir -- \"$1\"", &[path]).await).map(drop)
    }

    async fn remove_tree(&self, path: &str) -> io::Result<()> {
        self.quietly("rm -rf -- \"$1\"", &[path]).await
    }

    async fn set_mode(&self, path: &str, mode: u32) -> io::Result<()> {
        let script = "if [ -L \"$1\" ]; then echo 'Too many levels of symbolic links' >&2; exit 1; fi\n\
                      chmod -- \"$2\" \"$1\"";
        self.quietly(script, &[path, &format!("{mode:o}")]).await
    }

    async fn set_owner(&self, path: &str, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
        let owner = owner(uid, gid);
        if owner.is_empty() {
            return Ok(());
        }
        self.quietly("chown -h -- \"$2\" \"$1\"", &[path, &owner]).await
    }

    async fn attribute(&self, path: &str, name: &str) -> io::Result<Option<String>> {
        let script = format!("{ATTRIBUTES}get_attribute \"$1\" \"$2\"");
        match self.text(&script, &[path, name]).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if error.to_string().contains("No such attribute") => Ok(None),
            Err(error) if error.to_string().contains("No data available") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn set_attribute(&self, path: &str, name: &str, value: &str) -> io::Result<()> {
        let script = format!("{ATTRIBUTES}set_attribute \"$1\" \"$2\" \"$3\"");
        self.quietly(&script, &[path, name, value]).await
    }

    async fn sync(&self, path: &str) -> io::Result<()> {
        self.quietly("sync -f -- \"$1\"", &[path]).await
    }

    async fn shares_data(&self, from: &str, to: &str) -> io::Result<bool> {
        match self.text(SHARES_DATA, &[from, to]).await?.trim() {
            "yes" => Ok(true),
            "no" => Ok(false),
            other => Err(strange(other)),
        }
    }

    async fn is_btrfs(&self, directory: &str) -> io::Result<bool> {
        Ok(self.text("stat -f -c %T -- \"$1\"", &[directory]).await?.trim() == "btrfs")
    }

    async fn space(&self, path: &str) -> io::Result<Space> {
        let answer = self.text("stat -f -c '%S %b %a' -- \"$1\"", &[path]).await?;
        let numbers: Vec<u64> = answer.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [block, total, free] = numbers[..] else { return Err(strange(&answer)) };
        Ok(Space { total: block * total, free: block * free })
    }

    async fn mounts_in(&self, path: &str) -> io::Result<Vec<Mount>> {
        let answer = self.text("realpath -e -- \"$1\" && cat /proc/self/mountinfo", &[path]).await?;
        let Some((real, table)) = answer.split_once('\n') else { return Err(strange(&answer)) };
        Ok(mounts(table, path, Path::new(real)))
    }

    async fn socket(&self, path: &str) -> Result<PathBuf, Fault> {
        if let Some(local) = self.forwards.known(path).await {
            return Ok(local);
        }
        match self.stat(path).await {
            Ok(Some(_)) => self.forwards.to(&self.link, path).await,
            Ok(None) => Err(Fault::new(format!("there is no socket {path} on {}", self.link.name()))),
            Err(error) if error.raw_os_error() == Some(Errno::ACCESS.raw_os_error()) => {
                Err(Fault::new(format!("{} may not use {path}", self.link.name())))
            }
            Err(error) => Err(Fault::new(format!("{path} on {} cannot be used", self.link.name()))
                .detail(error.to_string())),
        }
    }
}

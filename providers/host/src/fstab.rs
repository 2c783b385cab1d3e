use mprov_sdk::Fault;
use tokio::sync::Mutex;

use crate::connection::{Connection, EntryKind, NewFile};
use crate::fault::cannot;
use crate::path::pending;
use crate::tool::ask;

const BEGIN: &str = "# mprov begin: the lines up to the end mark belong to mprov";
/// The same where the line before had no end and got one.
const BEGIN_ENDED: &str =
    "# mprov begin (the line before had no end): the lines up to the end mark belong to mprov";
const END: &str = "# mprov end";

/// One change at a time: steps run side by side.
static CHANGE: Mutex<()> = Mutex::const_new(());

/// The table of what is mounted at boot. mprov's lines stand between marks of its own; everything
/// else in the file stays as it is, byte for byte.
#[derive(Clone, Debug)]
pub struct Fstab(pub String);

impl Fstab {
    /// Whether mprov's part has exactly that line.
    pub async fn has(&self, connection: &dyn Connection, line: &str) -> Result<bool, Fault> {
        let content = self.content(connection).await?;
        Ok(self.parts(&content)?.lines.contains(&line.as_bytes()))
    }

    /// Whether anybody's line has that field.
    pub async fn mentions(&self, connection: &dyn Connection, field: &str) -> Result<bool, Fault> {
        let content = self.content(connection).await?;
        Ok(content.split(u8::is_ascii_whitespace).any(|found| found == field.as_bytes()))
    }

    /// Puts the line for that mount point into mprov's part, or takes it out.
    pub async fn set(
        &self,
        connection: &dyn Connection,
        point: &str,
        line: Option<&str>,
    ) -> Result<(), Fault> {
        let _alone = CHANGE.lock().await;
        let content = self.content(connection).await?;
        let mut parts = self.parts(&content)?;
        if line.is_some() && parts.foreign_point(point) {
            return Err(Fault::new(format!("{} has another line for {point}", self.0))
                .detail("mprov did not write it and leaves it alone: remove it, or set persist = false."));
        }
        parts.lines.retain(|line| !is_for(line, point));
        parts.lines.extend(line.map(str::as_bytes));
        let text = parts.text();
        if text == content {
            return Ok(());
        }
        self.write(connection, &text).await
    }

    async fn content(&self, connection: &dyn Connection) -> Result<Vec<u8>, Fault> {
        Ok(connection.read(&self.0).await.map_err(cannot("read", &self.0))?.unwrap_or_default())
    }

    fn parts<'a>(&self, content: &'a [u8]) -> Result<Parts<'a>, Fault> {
        Parts::of(content).ok_or_else(|| {
            Fault::new(format!("the marks of mprov in {} are damaged", self.0)).detail(format!(
                "There is a line \"{BEGIN}\" without a line \"{END}\" after it. Restore or remove it."
            ))
        })
    }

    async fn write(&self, connection: &dyn Connection, text: &[u8]) -> Result<(), Fault> {
        let stat = connection.stat(&self.0).await.map_err(cannot("look at", &self.0))?;
        if stat.as_ref().is_some_and(|stat| stat.kind != EntryKind::File) {
            return Err(Fault::new(format!("{} is not a file of its own", self.0)).detail(
                "It may be a symbolic link to one that something else writes. Set persist = false.",
            ));
        }
        let new = NewFile {
            path: &self.0,
            pending: &pending(&self.0),
            content: text,
            mode: stat.as_ref().map_or(0o644, |stat| stat.mode),
            uid: stat.as_ref().map(|stat| stat.uid),
            gid: stat.as_ref().map(|stat| stat.gid),
            replace: true,
            mark: None,
        };
        connection.write(new).await.map_err(cannot("write", &self.0))?;
        // systemd unmounts what it holds for a line of an older table.
        let systemd = connection.stat("/run/systemd/system").await.is_ok_and(|stat| stat.is_some());
        if systemd {
            drop(ask(connection, &["systemctl", "daemon-reload"]).await);
        }
        Ok(())
    }
}

struct Parts<'a> {
    before: &'a [u8],
    lines: Vec<&'a [u8]>,
    after: &'a [u8],
}

impl<'a> Parts<'a> {
    /// None where the begin mark has no end mark.
    fn of(content: &'a [u8]) -> Option<Self> {
        let mut at = 0;
        let mut begin = None;
        let mut lines = Vec::new();
        for whole in content.split_inclusive(|byte| *byte == b'\n') {
            let line = whole.strip_suffix(b"\n").unwrap_or(whole);
            let start = at;
            at += whole.len();
            match begin {
                None if [BEGIN, BEGIN_ENDED].iter().any(|mark| line == mark.as_bytes()) => {
                    begin = Some((start, line == BEGIN_ENDED.as_bytes()));
                }
                None => {}
                Some((begin, ended)) if line == END.as_bytes() => {
                    let after = &content[at..];
                    // The end that the line before got goes with the marks, if nothing needs it.
                    let before = if ended && after.is_empty() { begin.saturating_sub(1) } else { begin };
                    return Some(Self { before: &content[..before], lines, after });
                }
                Some(_) => lines.push(line),
            }
        }
        begin.is_none().then_some(Self { before: content, lines: Vec::new(), after: &[] })
    }

    fn text(&self) -> Vec<u8> {
        if self.lines.is_empty() {
            return [self.before, self.after].concat();
        }
        let ended = self.before.is_empty() || self.before.ends_with(b"\n");
        let mut text = self.before.to_vec();
        text.extend_from_slice(if ended { BEGIN.as_bytes() } else { b"\n" });
        if !ended {
            text.extend_from_slice(BEGIN_ENDED.as_bytes());
        }
        text.push(b'\n');
        for line in self.lines.iter().copied().chain([END.as_bytes()]) {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        text.extend_from_slice(self.after);
        text
    }

    /// Whether a line that is not mprov's mounts something there.
    fn foreign_point(&self, point: &str) -> bool {
        let lines = |part: &'a [u8]| part.split(|byte| *byte == b'\n');
        lines(self.before).chain(lines(self.after)).any(|line| is_for(line, point))
    }
}

fn is_for(line: &[u8], point: &str) -> bool {
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let comment = fields.next().is_none_or(|source| source.starts_with(b"#"));
    !comment && fields.next() == Some(escape(point).as_bytes())
}

/// A field of the table: see fstab(5).
pub fn escape(text: &str) -> String {
    text.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('\n', "\\012")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Local;

    const LINE: &str = "UUID=1 /srv/data btrfs nofail 0 0";

    struct Table {
        folder: tempfile::TempDir,
    }

    impl Table {
        fn new(content: &[u8]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("fstab"), content).unwrap();
            Self { folder }
        }

        fn fstab(&self) -> Fstab {
            Fstab(self.folder.path().join("fstab").to_str().unwrap().into())
        }

        fn content(&self) -> Vec<u8> {
            std::fs::read(self.folder.path().join("fstab")).unwrap()
        }

        async fn set(&self, point: &str, line: Option<&str>) -> Result<(), Fault> {
            self.fstab().set(&Local, point, line).await
        }
    }

    #[tokio::test]
    async fn lines_come_and_go_and_the_rest_stays_byte_for_byte() {
        for other in [&b""[..], b"# none\n", b"/dev/vda / ext4 rw 0 1\n\n", b"no end", b"\xff latin\r\n\tend"]
        {
            let table = Table::new(other);
            table.set("/srv/data", Some(LINE)).await.unwrap();
            assert!(table.content().starts_with(other) && table.content().ends_with(b"# mprov end\n"));
            assert!(table.fstab().has(&Local, LINE).await.unwrap());
            let two = "/srv/i /srv/b\\040c ext4 loop,nofail 0 0";
            table.set("/srv/b c", Some(two)).await.unwrap();
            table.set("/srv/data", Some("UUID=2 /srv/data btrfs nofail 0 0")).await.unwrap();
            assert!(!table.fstab().has(&Local, LINE).await.unwrap());
            table.set("/srv/data", None).await.unwrap();
            assert!(table.fstab().has(&Local, two).await.unwrap());
            table.set("/srv/b c", None).await.unwrap();
            assert_eq!(table.content(), other);
        }
    }

    #[tokio::test]
    async fn what_others_write_behind_the_marks_stays_on_lines_of_its_own() {
        let table = Table::new(b"proc /proc proc");
        table.set("/srv/data", Some(LINE)).await.unwrap();
        let mut content = table.content();
        content.extend(b"/dev/sdb /mnt xfs\n");
        std::fs::write(table.fstab().0, &content).unwrap();
        table.set("/srv/data", None).await.unwrap();
        assert_eq!(table.content(), b"proc /proc proc\n/dev/sdb /mnt xfs\n");
    }

    #[tokio::test]
    async fn another_line_for_the_mount_point_and_damaged_marks_are_refused() {
        let theirs = Table::new(b"# /srv/data\n/dev/sdb  /srv/data\txfs defaults 0 0\n");
        let fault = theirs.set("/srv/data", Some(LINE)).await.unwrap_err();
        assert!(fault.summary.contains("another line for /srv/data"), "{fault}");
        let damaged = Table::new(format!("{BEGIN}\n{LINE}\n").as_bytes());
        let fault = damaged.set("/srv/other", Some(LINE)).await.unwrap_err();
        assert!(fault.summary.contains("damaged"), "{fault}");
    }

    #[tokio::test]
    async fn mode_and_absence_are_kept_and_links_refused() {
        let table = Table::new(b"");
        let path = table.fstab().0;
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        table.set("/srv/data", Some(LINE)).await.unwrap();
        assert_eq!(Local.stat(&path).await.unwrap().unwrap().mode, 0o640);
        std::fs::remove_file(&path).unwrap();
        table.set("/srv/data", None).await.unwrap();
        assert!(!std::path::Path::new(&path).exists());
        std::os::unix::fs::symlink("elsewhere", &path).unwrap();
        let fault = table.set("/srv/data", Some(LINE)).await.unwrap_err();
        assert!(fault.detail.contains("persist = false"), "{fault}");
    }
}

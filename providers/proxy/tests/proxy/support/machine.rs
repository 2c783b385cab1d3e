use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use mprov_sdk::{CancellationToken, Events, ExecOutput, ExecRequest, Fault, FileWrite, Machine};

/// This machine, by its file system and its programs.
pub struct LocalMachine;

/// This machine, of which no change can be made any more after so many of them: as if mprov had
/// been killed before the next one.
pub struct MortalMachine(AtomicUsize);

impl MortalMachine {
    pub fn dying_after(changes: usize) -> Self {
        Self(AtomicUsize::new(changes))
    }

    fn live(&self) -> Result<(), Fault> {
        let one_less = |left: usize| left.checked_sub(1);
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        left.map(drop).map_err(|_| Fault::new("killed"))
    }
}

fn fault(error: std::io::Error) -> Fault {
    Fault::new(error.to_string())
}

#[async_trait]
impl Machine for LocalMachine {
    async fn exec(
        &self,
        request: ExecRequest,
        _: &dyn Events,
        _: &CancellationToken,
    ) -> Result<ExecOutput, Fault> {
        let mut command = tokio::process::Command::new(&request.argv[0]);
        let output = command.args(&request.argv[1..]).stdin(Stdio::null()).output().await.map_err(fault)?;
        let status = i64::from(output.status.code().unwrap_or(-1));
        Ok(ExecOutput { status, stdout: output.stdout, stderr: output.stderr })
    }

    async fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(fault(e)),
        }
    }

    async fn write_file(&self, file: FileWrite) -> Result<(), Fault> {
        let path = Path::new(&file.path);
        let folder = path.parent().expect("a file lies in a folder");
        let temporary = tempfile::NamedTempFile::new_in(folder).map_err(fault)?;
        std::fs::set_permissions(temporary.path(), std::fs::Permissions::from_mode(file.mode))
            .map_err(fault)?;
        std::fs::write(temporary.path(), &file.content).map_err(fault)?;
        let group = file.group.map(|g| g.parse().expect("a numeric group"));
        chown(temporary.path(), None, group).map_err(fault)?;
        temporary.persist(path).map_err(|e| fault(e.error))?;
        Ok(())
    }

    async fn remove_file(&self, path: &str) -> Result<(), Fault> {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(fault(e)),
            _ => Ok(()),
        }
    }

    async fn create_dir(&self, path: &str, mode: u32) -> Result<(), Fault> {
        std::fs::create_dir_all(path).map_err(fault)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(fault)
    }

    async fn socket(&self, path: &str) -> Result<PathBuf, Fault> {
        Ok(path.into())
    }

    fn is_local(&self) -> bool {
        true
    }
}

#[async_trait]
impl Machine for MortalMachine {
    async fn exec(
        &self,
        request: ExecRequest,
        events: &dyn Events,
        cancel: &CancellationToken,
    ) -> Result<ExecOutput, Fault> {
        LocalMachine.exec(request, events, cancel).await
    }

    async fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        LocalMachine.read_file(path).await
    }

    async fn write_file(&self, file: FileWrite) -> Result<(), Fault> {
        self.live()?;
        LocalMachine.write_file(file).await
    }

    async fn remove_file(&self, path: &str) -> Result<(), Fault> {
        self.live()?;
        LocalMachine.remove_file(path).await
    }

    async fn create_dir(&self, path: &str, mode: u32) -> Result<(), Fault> {
        self.live()?;
        LocalMachine.create_dir(path, mode).await
    }

    async fn socket(&self, path: &str) -> Result<PathBuf, Fault> {
        Ok(path.into())
    }

    fn is_local(&self) -> bool {
        true
    }
}

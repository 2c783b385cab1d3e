use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{CancellationToken, Events, ExecOutput, ExecRequest, Fault, FileWrite, Machine};

use crate::connection::{Connection, EntryKind, NewFile};
use crate::fault::{cannot, io_fault};
use crate::ownership::{Account, resolve};
use crate::path::{pending, upwards};

/// The machine of a connection, as other providers need it.
pub struct ConnectedMachine(pub Arc<dyn Connection>);

#[async_trait]
impl Machine for ConnectedMachine {
    async fn exec(
        &self,
        request: ExecRequest,
        events: &dyn Events,
        cancel: &CancellationToken,
    ) -> Result<ExecOutput, Fault> {
        self.0.exec(request, events, cancel).await
    }

    async fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        self.0.read(path).await.map_err(cannot("read", path))
    }

    async fn write_file(&self, file: FileWrite) -> Result<(), Fault> {
        let connection = self.0.as_ref();
        let id = async |account, name: &Option<String>| match name {
            Some(name) => resolve(connection, account, name).await.map(Some),
            None => Ok(None),
        };
        let new = NewFile {
            path: &file.path,
            pending: &pending(&file.path),
            content: &file.content,
            mode: file.mode,
            uid: id(Account::User, &file.owner).await?,
            gid: id(Account::Group, &file.group).await?,
            replace: true,
            mark: None,
        };
        connection.write(new).await.map_err(cannot("write", &file.path))
    }

    async fn remove_file(&self, path: &str) -> Result<(), Fault> {
        self.0.remove_file(path).await.map_err(cannot("remove", path))
    }

    async fn create_dir(&self, path: &str, mode: u32) -> Result<(), Fault> {
        let mut missing = Vec::new();
        for folder in upwards(path) {
            match self.0.stat(folder).await.map_err(cannot("look at", folder))?.map(|s| s.kind) {
                None => missing.push(folder),
                Some(EntryKind::Directory | EntryKind::Symlink) => break,
                Some(_) => {
                    let error = std::io::ErrorKind::NotADirectory.into();
                    return Err(io_fault("make a folder at", folder, &error));
                }
            }
        }
        for folder in missing.iter().rev() {
            match self.0.make_dir(folder, mode).await {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                other => other.map_err(cannot("make the folder", folder))?,
            }
        }
        Ok(())
    }

    async fn socket(&self, path: &str) -> Result<std::path::PathBuf, Fault> {
        self.0.socket(path).await
    }

    fn is_local(&self) -> bool {
        self.0.is_local()
    }
}

#[cfg(test)]
mod tests {
    use mprov_sdk::Silent;

    use super::*;
    use crate::rig::Rig;

    #[tokio::test]
    async fn what_a_session_lends_runs_reads_and_writes() {
        let rig = Rig::new().await;
        let machine = rig.session.services().machine.unwrap();
        let path = |name: &str| rig.path(name).to_str().unwrap().to_owned();
        machine.create_dir(&path("a/b"), 0o700).await.unwrap();
        machine.create_dir(&path("a/b"), 0o700).await.unwrap();
        assert_eq!(rig.mode("a/b"), 0o700);
        let file = FileWrite {
            path: path("a/b/f"),
            content: b"one".to_vec(),
            mode: 0o640,
            owner: None,
            group: None,
        };
        machine.write_file(file.clone()).await.unwrap();
        machine.write_file(FileWrite { content: b"two".to_vec(), ..file }).await.unwrap();
        assert_eq!((rig.text("a/b/f"), rig.mode("a/b/f")), ("two".into(), 0o640));
        assert_eq!(machine.read_file(&path("a/b/f")).await.unwrap(), Some(b"two".to_vec()));
        machine.remove_file(&path("a/b/f")).await.unwrap();
        machine.remove_file(&path("a/b/f")).await.unwrap();
        assert_eq!(machine.read_file(&path("a/b/f")).await.unwrap(), None);

        let run = async |request| machine.exec(request, &Silent, &CancellationToken::new()).await;
        let output = run(ExecRequest::new(["cat"]).stdin("in")).await.unwrap();
        assert_eq!((output.status, output.stdout_text()), (0, "in".into()));
        let killed = run(ExecRequest::new(["sh", "-c", "kill -9 $$"])).await.unwrap();
        assert_eq!(killed.status, 137);
        let fault = run(ExecRequest::new(["no-such-program"])).await.unwrap_err();
        assert!(fault.summary.contains("no-such-program"), "{fault}");
    }

    #[tokio::test]
    async fn a_process_runs_as_the_user_with_the_users_group_alone() {
        crate::rig::must_be_root();
        let rig = Rig::new().await;
        let machine = rig.session.services().machine.unwrap();
        let request = ExecRequest::new(["sh", "-c", "id -un; id -gn; id -Gn"]).user("daemon");
        let output = machine.exec(request, &Silent, &CancellationToken::new()).await.unwrap();
        assert_eq!(output.stdout_text(), "daemon\ndaemon\ndaemon\n");
    }
}

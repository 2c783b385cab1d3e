//! Over a real SSH server on this machine.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mprov_sdk::{CancellationToken, ExecRequest, Fault, Object, Services, Session, Silent, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{lend, over};
use crate::sshd::Sshd;

async fn connect(config: Object) -> Result<Arc<dyn Session>, Fault> {
    crate::provider().configure(&config, Services::default()).await
}

async fn refused(config: Object) -> Fault {
    match connect(config).await {
        Ok(_) => panic!("it was let in"),
        Err(fault) => fault,
    }
}

/// Everything that the provider does on this machine it does over SSH as well: its own tests are
/// run once more, over a connection.
#[test]
fn the_whole_provider_works_over_ssh() {
    // A login shell may read its start-up files for every command: a nested one does not (bash(1)).
    let sshd = Sshd::start(&["MaxStartups 100", "SetEnv SHLVL=2"]);
    let mut tests = Command::new(std::env::current_exe().unwrap());
    // Not these themselves, and not what runs in a guest of its own.
    tests.args(["--skip", "connection::ssh", "--skip", "volumes_on_lvm", "--test-threads", "4"]);
    lend(&sshd, &mut tests);
    let output = tests.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}\n{}", sshd.log());
    let passed = text.lines().find_map(|line| line.strip_prefix("test result: ok. ")?.split(' ').next());
    let passed: usize = passed.and_then(|n| n.parse().ok()).expect("a count");
    assert!(passed > 100, "only {passed} tests ran");
}

#[tokio::test]
async fn an_unknown_host_key_is_refused_and_shown() {
    let sshd = Sshd::start(&[]);
    let empty = sshd.path("nothing-known").display().to_string();
    let config = over(&sshd).with("host_keys", Value::Null).with("known_hosts", &*empty);
    let fault = refused(config.clone()).await;
    assert!(fault.summary.contains("not known"), "{fault}");
    assert!(fault.detail.contains("SHA256:") && fault.detail.contains(&empty), "{fault}");

    std::fs::write(&empty, format!("[127.0.0.1]:{} {}\n", sshd.port, sshd.public_key("host"))).unwrap();
    connect(config).await.expect("the key is known now");
}

#[tokio::test]
async fn another_host_key_is_refused_whatever_else_is_right() {
    let sshd = Sshd::start(&[]);
    let stranger = Value::list([Value::from(sshd.public_key("stranger"))]);
    let fault = refused(over(&sshd).with("host_keys", stranger)).await;
    assert!(fault.summary.contains("not the machine that was expected"), "{fault}");
    assert!(fault.detail.contains("host_keys"), "{fault}");
    assert!(!sshd.log().contains("Accepted"), "{}", sshd.log());
}

#[tokio::test]
async fn a_key_that_is_not_let_in_is_named() {
    let sshd = Sshd::start(&[]);
    let key = sshd.path("stranger").display().to_string();
    let fault = refused(over(&sshd).with("private_key_file", &*key)).await;
    assert!(fault.summary.contains("does not let us in"), "{fault}");
    assert!(fault.detail.contains(&key) && fault.detail.contains("authorized_keys"), "{fault}");
}

/// Such keys are what `core_private_key` makes.
#[tokio::test]
async fn a_key_in_pkcs_8_lets_in() {
    let sshd = Sshd::start(&[]);
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let pem = run("openssl", &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let file = sshd.path("ec").display().to_string();
    std::fs::write(&file, &pem).unwrap();
    run("chmod", &["600", &file]);
    std::fs::write(sshd.path("user.pub"), run("ssh-keygen", &["-y", "-f", &file])).unwrap();
    let config = over(&sshd).with("private_key", &*pem).with("private_key_file", Value::Null);
    connect(config).await.expect("it is let in");
}

#[tokio::test]
async fn a_broken_key_and_a_missing_one_are_named_before_anything_is_sent() {
    let sshd = Sshd::start(&[]);
    let fault = refused(over(&sshd).with("private_key", "canary-no-key")).await;
    assert!(fault.summary.contains("private_key") && !fault.to_string().contains("canary"), "{fault}");
    let fault = refused(over(&sshd).with("private_key_file", "/nonexistent/key")).await;
    assert!(fault.summary.contains("/nonexistent/key"), "{fault}");
}

#[tokio::test]
async fn a_machine_that_is_down_is_waited_for() {
    let mut sshd = Sshd::start(&[]);
    sshd.down();
    let fault = refused(over(&sshd)).await;
    assert!(fault.summary.contains("cannot be reached") && fault.detail.contains("refused"), "{fault}");

    let waiting = tokio::spawn(connect(over(&sshd).with("wait", "60s")));
    // The first try has failed by the time that the server is up, or it finds it: both are right.
    sshd.up();
    waiting.await.unwrap().expect("it came up in time");
}

#[tokio::test]
async fn sudo_that_is_refused_says_what_to_allow() {
    let sshd = Sshd::start(&[]);
    let fault = refused(over(&sshd).with("user", "daemon").with("sudo", true)).await;
    // The account may not log in at all, or may not become root: both name the user.
    assert!(fault.to_string().contains("daemon"), "{fault}");
}

#[tokio::test]
async fn a_connection_that_is_cut_in_the_middle_is_told_and_made_anew() {
    let sshd = Sshd::start(&[]);
    let machine = connect(over(&sshd)).await.unwrap().services().machine.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let begun = folder.path().join("begun");
    let script = format!("touch {}; sleep 600", begun.display());
    let running = tokio::spawn({
        let machine = machine.clone();
        async move {
            let request = ExecRequest::new(["sh", "-c", &script]).timeout(Duration::from_secs(60));
            machine.exec(request, &Silent, &CancellationToken::new()).await
        }
    });
    while !begun.exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sshd.cut();
    let fault = running.await.unwrap().unwrap_err();
    assert!(fault.summary.contains("was lost while sh ran"), "{fault}");
    let request = ExecRequest::new(["echo", "again"]);
    let output = machine.exec(request, &Silent, &CancellationToken::new()).await.unwrap();
    assert_eq!(output.stdout_text(), "again\n");
}

#[tokio::test]
async fn an_upload_that_is_cut_leaves_what_was_there() {
    let sshd = Sshd::start(&[]);
    let machine = connect(over(&sshd)).await.unwrap().services().machine.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file").to_str().unwrap().to_owned();
    let write = |content: Vec<u8>| mprov_sdk::FileWrite {
        path: path.clone(),
        content,
        mode: 0o600,
        owner: None,
        group: None,
    };
    machine.write_file(write(b"whole".to_vec())).await.unwrap();
    let upload = tokio::spawn({
        let (machine, file) = (machine.clone(), write(vec![b'x'; 256 << 20]));
        async move { machine.write_file(file).await }
    });
    let is_growing = || {
        let entries = std::fs::read_dir(folder.path()).unwrap().flatten();
        entries.filter_map(|e| e.metadata().ok()).any(|m| m.len() > 1 << 20)
    };
    while !is_growing() {
        assert!(!upload.is_finished(), "the upload was over before it could be cut");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    sshd.cut();
    upload.await.unwrap().unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), b"whole");
    machine.write_file(write(b"next".to_vec())).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"next");
    // What was cut off is removed by the process on the machine, once it has noticed.
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::fs::read_dir(folder.path()).unwrap().count() > 1 {
        assert!(Instant::now() < deadline, "a part of the upload is left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn neither_arguments_nor_environment_show_in_the_shells_command_line() {
    let sshd = Sshd::start(&[]);
    let machine = connect(over(&sshd)).await.unwrap().services().machine.unwrap();
    let mut request = ExecRequest::new(["sh", "-c", "grep -laF canary-ssh /proc/[0-9]*/cmdline | wc -l"]);
    request.env.insert("SECRET".into(), "it's canary-ssh".into());
    let output = machine.exec(request, &Silent, &CancellationToken::new()).await.unwrap();
    // The process itself and its grep are the only ones whose arguments have the word.
    assert_eq!(output.stdout_text().trim(), "2");
}

#[tokio::test]
async fn a_socket_of_the_machine_is_had_here_by_many_at_once() {
    let sshd = Sshd::start(&[]);
    let session = connect(over(&sshd)).await.unwrap();
    let machine = session.services().machine.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo").to_str().unwrap().to_owned();
    let fault = machine.socket(&path).await.unwrap_err();
    assert!(fault.summary.contains(&path), "{fault}");

    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await.ok();
                to.shutdown().await.ok();
            });
        }
    });
    let here = machine.socket(&path).await.unwrap();
    assert_ne!(here.to_str(), Some(&*path));
    let mut talks = tokio::task::JoinSet::new();
    for number in 0..30u8 {
        let here = here.clone();
        talks.spawn(async move {
            let sent = vec![number; 300_000];
            let stream = tokio::net::UnixStream::connect(&here).await.unwrap();
            let (mut reader, mut writer) = stream.into_split();
            let copy = sent.clone();
            let write = tokio::spawn(async move {
                writer.write_all(&copy).await.unwrap();
                writer.shutdown().await.unwrap();
            });
            let mut heard = Vec::new();
            reader.read_to_end(&mut heard).await.unwrap();
            write.await.unwrap();
            assert!(heard == sent, "{number}: {} bytes", heard.len());
        });
    }
    talks.join_all().await;
}

use std::time::{Duration, Instant};

use mprov_sdk::{CancellationToken, ExecOutput, ExecRequest, Fault, Object, Silent};

use crate::world::World;

struct Shell {
    world: World,
    container: String,
}

impl Shell {
    async fn new() -> Self {
        let world = World::new().await;
        let image = world.image().await;
        let config =
            Object::new().with("name", world.name("shell")).with("image", image).with("stop_timeout", 0);
        let made = world.apply("docker_container", "1", config, None).await.expect("container");
        Self { container: made.str("id").expect("id").to_owned(), world }
    }

    async fn exec(&self, request: ExecRequest) -> Result<ExecOutput, Fault> {
        let services = self.world.session.services();
        let exec = services.containers.expect("docker lends containers");
        exec.exec(&self.container, request, self.world.events.as_ref(), &CancellationToken::new()).await
    }

    async fn sh(&self, line: &str) -> ExecOutput {
        self.exec(ExecRequest::new(["sh", "-c", line])).await.expect("exec")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn output_status_user_folder_and_environment_are_as_asked() {
    let shell = Shell::new().await;
    let output = shell.sh("echo out; echo err >&2; exit 3").await;
    assert_eq!(
        (output.status, output.stdout_text().as_str(), &output.stderr[..]),
        (3, "out\n", &b"err\n"[..])
    );
    assert!(shell.world.events.text().contains("\"out\""), "lines are sent on as they come");
    assert_eq!(shell.sh("kill -9 $$").await.status, 137);

    let mut request = ExecRequest::new(["sh", "-c", "id -u; pwd; echo $COLOR"]).user("web");
    request.working_dir = Some("/etc".into());
    request.env.insert("COLOR".into(), "red".into());
    let output = shell.exec(request).await.expect("exec");
    assert_eq!(output.stdout_text(), "33\n/etc\nred\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn input_larger_than_every_buffer_goes_through_and_ends() {
    let shell = Shell::new().await;
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| b'a' + (n % 23) as u8).collect();
    let output = shell.exec(ExecRequest::new(["cat"]).stdin(bytes.clone())).await.expect("exec");
    assert_eq!(output.status, 0);
    assert!(output.stdout == bytes, "{} of {} bytes", output.stdout.len(), bytes.len());
    let ignored =
        shell.exec(ExecRequest::new(["true"]).stdin(bytes)).await.expect("input may be left unread");
    assert_eq!(ignored.status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_takes_too_long_is_killed_with_its_children() {
    let shell = Shell::new().await;
    let request = ExecRequest::new(["sh", "-c", "echo begun; sleep 300 & sleep 301"]);
    let started = Instant::now();
    let fault = shell.exec(request.timeout(Duration::from_millis(500))).await.expect_err("too long");
    assert!(started.elapsed() < Duration::from_secs(8));
    assert!(fault.detail.contains("killed") && fault.detail.contains("begun"), "{fault}");
    let processes = shell.sh("cat /proc/[0-9]*/cmdline 2>/dev/null").await.stdout_text();
    assert!(!processes.contains("300") && !processes.contains("301"), "{processes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_want_to_wait_need_not() {
    let shell = Shell::new().await;
    let cancel = CancellationToken::new();
    let exec = shell.world.session.services().containers.expect("containers");
    let waiting = exec.exec(&shell.container, ExecRequest::new(["sleep", "300"]), &Silent, &cancel);
    let (result, ()) = tokio::join!(waiting, async { cancel.cancel() });
    assert!(result.expect_err("stopped").summary.contains("stopped waiting"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_run_is_said() {
    let shell = Shell::new().await;
    let missing = shell.exec(ExecRequest::new(["no-such-program"])).await.expect("an end like in a shell");
    assert!(matches!(missing.status, 126 | 127), "{missing:?}");

    let exec = shell.world.session.services().containers.expect("containers");
    let never = CancellationToken::new();
    let nowhere = exec.exec("no-such-container", ExecRequest::new(["true"]), &Silent, &never);
    let fault = nowhere.await.expect_err("no container");
    assert!(fault.detail.contains("no such container"), "{fault}");

    shell.world.docker.kill_container(&shell.container, None).await.expect("kill");
    let fault = shell.exec(ExecRequest::new(["true"])).await.expect_err("down");
    assert!(fault.detail.contains("does not run"), "{fault}");
}

use std::time::{Duration, Instant};

use mprov_sdk::{Event, Object, Value, Verdict};

use crate::connection::{Connection, Local};
use crate::rig::Rig;

const KIND: &str = "host_command";

fn config() -> Object {
    Object::new()
        .with("create", "echo made; echo 1 > thing")
        .with("read", "test -e thing || exit 1; cat thing")
        .with("delete", Value::tuple(["rm".into(), "-f".into(), "thing".into()]))
}

fn environment(entries: &[(&'static str, Value)]) -> Value {
    Value::map(entries.iter().cloned())
}

#[tokio::test]
async fn made_looked_at_and_removed_by_its_commands() {
    let rig = Rig::new().await;
    let made = rig.create(KIND, &config(), "t").await.unwrap();
    assert_eq!(
        (&made["stdout"], &made["exit_code"], &made["observed"]),
        (&"made".into(), &0.into(), &"1".into())
    );
    assert_eq!(rig.verdict(KIND, &config(), &made).await, Verdict::Nothing);
    rig.delete(KIND, &made).await.unwrap();
    assert!(rig.names().is_empty());
    assert_eq!(rig.verdict(KIND, &config(), &made).await, Verdict::Create);
}

#[tokio::test]
async fn what_the_read_command_says_is_drift_and_update_repairs_it() {
    let rig = Rig::new().await;
    let config = config().with("update", "echo 1 > thing; echo again");
    let made = rig.create(KIND, &config, "t").await.unwrap();
    rig.write("thing", "2\n");
    let repaired = rig.update(KIND, &config, &made).await.unwrap();
    assert_eq!((&repaired["stdout"], &repaired["observed"]), (&"again".into(), &"1".into()));
    assert_eq!(rig.verdict(KIND, &config, &repaired).await, Verdict::Nothing);
}

#[tokio::test]
async fn a_change_that_is_only_recorded_runs_nothing() {
    let rig = Rig::new().await;
    let counting = config().with("update", "echo ran >> updates");
    let made = rig.create(KIND, &counting, "t").await.unwrap();
    let changed = counting.with("delete", "rm thing");
    rig.update(KIND, &changed, &made).await.unwrap();
    assert_eq!(rig.names(), ["thing"]);
}

#[tokio::test]
async fn the_environment_and_stdin_reach_the_process_and_never_its_arguments() {
    let rig = Rig::new().await;
    let config = Object::new()
        .with("create", "printf '%s ' \"$GREETING\"; cat; tr '\\0' ' ' < /proc/$$/cmdline > cmdline")
        .with(
            "environment",
            environment(&[("GREETING", "hello".into()), ("KEY", Value::from("canary-9").sensitive())]),
        )
        .with("stdin", "world");
    let made = rig.create(KIND, &config, "t").await.unwrap();
    assert_eq!(made["stdout"], "hello world".into());
    assert!(!rig.text("cmdline").contains("canary"));
}

#[tokio::test]
async fn secrets_are_masked_in_events_faults_and_outputs() {
    let rig = Rig::new().await;
    let secrets = environment(&[("KEY", Value::from("canary-9").sensitive())]);
    let printing = Object::new().with("create", "echo \"key=$KEY\"").with("environment", secrets.clone());
    let made = rig.create(KIND, &printing, "t").await.unwrap();
    assert!(made["stdout"].contains_sensitive());
    let failing = printing.with("create", "echo \"key=$KEY\" >&2; exit 3");
    let fault = rig.create(KIND, &failing, "t").await.unwrap_err();
    assert!(fault.to_string().contains("key=(sensitive)"), "{fault}");
    assert!(!fault.to_string().contains("canary"), "{fault}");
    let events = rig.events.0.lock().unwrap();
    assert!(events.contains(&Event::Log("key=(sensitive)".into())), "{events:?}");
    assert!(!format!("{events:?}").contains("canary"));
}

#[tokio::test]
async fn sensitive_output_is_not_shown_anywhere() {
    let rig = Rig::new().await;
    let config = Object::new().with("create", "echo canary-3").with("sensitive_output", true);
    let made = rig.create(KIND, &config, "t").await.unwrap();
    assert!(made["stdout"].contains_sensitive());
    let fault = rig.create(KIND, &config.with("create", "echo canary-4; exit 1"), "t").await.unwrap_err();
    assert!(!fault.to_string().contains("canary"), "{fault}");
    assert!(rig.events.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_failed_create_is_broken_unless_the_read_command_says_that_nothing_is_there() {
    let rig = Rig::new().await;
    let clean = rig.create(KIND, &config().with("create", "echo why >&2; exit 7"), "t").await.unwrap_err();
    assert!(clean.summary.contains("status 7") && clean.detail.contains("why"), "{clean}");
    assert!(clean.partial.is_none());
    let half = rig.create(KIND, &config().with("create", "echo 0 > thing; exit 7"), "t").await.unwrap_err();
    assert_eq!(half.partial.unwrap()["observed"], "0".into());
    let unsure = Object::new().with("create", "exit 7");
    assert!(rig.create(KIND, &unsure, "t").await.unwrap_err().partial.is_some());
}

#[tokio::test]
async fn a_create_that_left_nothing_is_not_believed() {
    let rig = Rig::new().await;
    let fault = rig.create(KIND, &config().with("create", "true"), "t").await.unwrap_err();
    assert!(fault.summary.contains("nothing is there") && fault.partial.is_some(), "{fault}");
}

#[tokio::test]
async fn a_read_command_that_fails_is_a_fault_and_not_absence() {
    let rig = Rig::new().await;
    let made = rig.create(KIND, &config(), "t").await.unwrap();
    let blind = made.with("read", "echo no network >&2; exit 2");
    let fault = rig.resource(KIND).read(&rig.call(""), &blind).await.unwrap_err();
    assert!(fault.detail.contains("no network"), "{fault}");
}

#[tokio::test]
async fn in_doubt_the_read_command_decides_and_without_one_it_is_broken() {
    let rig = Rig::new().await;
    assert_eq!(rig.find(KIND, &config(), "t").await.unwrap(), None);
    rig.write("thing", "1\n");
    assert_eq!(rig.find(KIND, &config(), "t").await.unwrap().unwrap()["observed"], "1".into());
    let blind = Object::new().with("create", "true");
    let fault = rig.find(KIND, &blind, "t").await.unwrap_err();
    assert!(fault.partial.is_some() && !fault.resumable, "{fault}");
}

#[tokio::test]
async fn in_doubt_a_command_that_still_runs_is_not_run_again() {
    let rig = Rig::new().await;
    let mut left =
        std::process::Command::new("sleep").arg("60").env("MPROV_TOKEN", rig.token("t")).spawn().unwrap();
    let fault = rig.find(KIND, &config(), "t").await.unwrap_err();
    left.kill().unwrap();
    left.wait().unwrap();
    assert!(fault.summary.contains(&format!("still running, as process {}", left.id())), "{fault}");
    assert_eq!(rig.find(KIND, &config(), "t").await.unwrap(), None);
}

#[tokio::test]
async fn a_timeout_ends_the_whole_process_group() {
    let rig = Rig::new().await;
    let config = Object::new().with("create", "sleep 61 & echo started; wait").with("timeout", "1s");
    let begun = Instant::now();
    let fault = rig.create(KIND, &config, "t").await.unwrap_err();
    assert!(fault.summary.contains("longer than 1 s"), "{fault}");
    assert!(begun.elapsed() < Duration::from_secs(8));
    let left = Local.processes_with(&format!("MPROV_TOKEN={}", rig.token("t"))).await.unwrap();
    assert_eq!(left, Vec::<u32>::new());
}

#[tokio::test]
async fn cancelling_ends_the_command_and_keeps_the_doubt() {
    let rig = Rig::new().await;
    let config = Object::new().with("create", "echo started; sleep 62");
    let cancelled = async {
        // Once the command has said something it is running.
        while rig.events.0.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        rig.cancel.cancel();
    };
    let (result, ()) = tokio::join!(rig.create(KIND, &config, "t"), cancelled);
    let fault = result.unwrap_err();
    assert!(fault.summary.contains("cancelled") && fault.partial.is_some(), "{fault}");
}

#[tokio::test]
async fn a_background_process_does_not_hold_up_the_call() {
    let rig = Rig::new().await;
    let begun = Instant::now();
    let made = rig.create(KIND, &Object::new().with("create", "echo up; sleep 5 &"), "t").await.unwrap();
    assert_eq!(made["stdout"], "up".into());
    assert!(begun.elapsed() < Duration::from_secs(4));
}

#[test]
fn secrets_in_arguments_and_unclear_commands_are_refused() {
    let config = Object::new()
        .with("create", Value::from("mysql -psecret").sensitive())
        .with("read", 5)
        .with("delete", Value::tuple([]))
        .with("timeout", "soon");
    let found = super::validate_command(&config);
    let places: Vec<&str> = found.iter().filter_map(|d| d.address.as_deref()).collect();
    assert_eq!(places, ["create", "read", "delete", "timeout"]);
}

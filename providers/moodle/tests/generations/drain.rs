use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mprov_sdk::{Object, Value};

use crate::generation::{Engine, Generation, desired};
use crate::origin::{OLD, origin};

const KIND: &str = "moodle_drain";

fn drain(generation: &Generation, drained: bool, timeout: &str) -> Object {
    let given: [(&str, Value); 3] =
        [("container", generation.web().into()), ("drained", drained.into()), ("timeout", timeout.into())];
    desired(KIND, given)
}

/// A request that holds its connection for so long.
fn busy(generation: &Generation, seconds: u32) -> Child {
    let sleep = match generation.engine {
        Engine::Mariadb => "SELECT SLEEP(%), 'canary'",
        Engine::Postgres => "SELECT pg_sleep(%), 'canary'",
    };
    let sleep = sleep.replace('%', &seconds.to_string());
    let code = format!("require '/usr/share/mprov/site.php'; site::load()->pdo()->query(\"{sleep}\");");
    let mut command = Command::new("docker");
    command.args(["exec", "-u", "www-data", &generation.web(), "php", "-r", &code]);
    command.stdout(Stdio::null()).spawn().expect("docker starts")
}

pub async fn requests_are_waited_for(engine: Engine) {
    let site = origin(engine).await.clone_with(OLD).await;
    site.create("moodle_site", &site.site([])).await.unwrap_or_else(|f| panic!("{f}"));
    let open = site.create(KIND, &drain(&site, false, "1s")).await.expect("nothing to wait for");

    let began = Instant::now();
    let mut request = busy(&site, 10);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let planned = drain(&site, true, "1s");
    let fault = site.resource(KIND).update(&site.call(), &open, &planned).await.expect_err("too long");
    assert!(fault.summary.starts_with("1 connection to the database"), "{fault}");
    let state = match engine {
        Engine::Mariadb => "Query: User sleep for ",
        Engine::Postgres => "active, waits for PgSleep for ",
    };
    assert!(fault.detail.contains(state) && !fault.detail.contains("canary"), "{fault}");

    let drained = site.resource(KIND).update(&site.call(), &open, &drain(&site, true, "100s")).await;
    assert_eq!(drained.expect("it ends")["drained"], true.into());
    assert!(began.elapsed() >= Duration::from_secs(10));
    request.wait().expect("ended");
    let said = site.events.text();
    assert!(said.contains("Waiting for 1 connection to end"), "{said}");
}

use std::net::TcpListener;
use std::time::{Duration, Instant};

use mprov_sdk::{Object, Value, Verdict};

use crate::world::{World, blocks, changed};

const KIND: &str = "docker_container";

async fn base(world: &World, name: &str) -> Object {
    let image = world.image().await;
    Object::new().with("name", world.name(name)).with("image", image).with("stop_timeout", 0)
}

fn script(line: &str) -> Value {
    Value::list(["sh".into(), "-c".into(), line.into()])
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_a_stack_needs_arrives_in_the_container() {
    let world = World::new().await;
    let base = base(&world, "web").await;
    std::fs::create_dir(world.folder.path().join("data")).expect("folder");
    world.write("data/hello", "from outside");
    let source = world.folder.path().join("data").display().to_string();
    let report = "cat /data/hello; id -u; hostname 2>/dev/null; echo $COLOR; grep db /etc/hosts; \
                  cat /etc/deep/er/app.ini; ls -ld /etc/deep/er; exec sleep 1000";
    let config = base
        .with("command", script(report))
        .with("env", Value::map([("COLOR", Value::from("green"))]))
        .with("user", "web")
        .with("hostname", "moodle")
        .with("labels", Value::map([("site", Value::from("x"))]))
        .with(
            "mount",
            blocks([
                vec![
                    ("type", "bind".into()),
                    ("source", source.into()),
                    ("target", "/data".into()),
                    ("read_only", true.into()),
                ],
                vec![("target", "/cache".into())],
                vec![
                    ("type", "tmpfs".into()),
                    ("target", "/fast".into()),
                    ("size", "1m".into()),
                    ("mode", "1777".into()),
                ],
            ]),
        )
        .with("tmpfs", Value::map([("/run/lock", Value::from("size=64k"))]))
        .with(
            "file",
            blocks([vec![("path", "/etc/deep/er/app.ini".into()), ("content", "color = blue\n".into())]]),
        )
        .with("host", blocks([vec![("host", "db".into()), ("ip", "10.1.2.3".into())]]))
        .with("dns", Value::list(["10.9.9.9".into()]))
        .with("cap_drop", Value::set(["ALL".into()]))
        .with("cap_add", Value::set(["NET_BIND_SERVICE".into()]))
        .with("security_opt", Value::set(["no-new-privileges".into()]))
        .with("init", true)
        .with("memory", "64m")
        .with("cpus", Value::Number("0.5".parse().expect("number")))
        .with("pids_limit", 50)
        .with("shm_size", "2m")
        .with("log_driver", "json-file")
        .with("log_opts", Value::map([("max-size", Value::from("1m")), ("max-file", Value::from("2"))]))
        .with("restart", "unless-stopped");
    let made = world.apply(KIND, "1", config.clone(), None).await.expect("create");
    let id = made.str("id").expect("id");
    assert_eq!(made["running"], true.into());
    let deadline = Instant::now() + Duration::from_secs(20);
    while !world.logs(id).await.contains("er") && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let log = world.logs(id).await;
    for part in ["from outside", "33", "green", "10.1.2.3", "color = blue", "drwxr-xr-x"] {
        assert!(log.contains(part), "{part} is missing in:\n{log}");
    }
    let seen = world.docker.inspect_container(id, None).await.expect("inspect");
    let host = seen.host_config.expect("host configuration");
    assert_eq!((host.memory, host.nano_cpus, host.pids_limit), (Some(64 << 20), Some(500_000_000), Some(50)));
    assert_eq!((host.shm_size, host.init), (Some(2 << 20), Some(true)));
    assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));

    let imported = world.resource(KIND).import(&world.call("i"), &world.name("web")).await.expect("import");
    let planned = world.plan(KIND, config, Some(&imported)).await.expect("plan");
    assert_eq!(changed(&planned), ["file", "networks"], "only files cannot be told: {:?}", planned.changes);
    world.delete(KIND, &made).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_restart_policy_change_in_place() {
    let world = World::new().await;
    let base = base(&world, "web").await.with("memory", "32m");
    let made = world.apply(KIND, "1", base.clone(), None).await.expect("create");
    let changed_config =
        base.clone().with("memory", "128m").with("restart", "on-failure:3").with("pids_limit", 77);
    let now = world.apply(KIND, "2", changed_config, Some(&made)).await.expect("update");
    assert_eq!(now["id"], made["id"]);
    let host =
        world.docker.inspect_container(now.str("id").expect("id"), None).await.expect("inspect").host_config;
    assert_eq!(host.and_then(|h| h.memory), Some(128 << 20));

    let drifted = bollard::models::ContainerUpdateBody { pids_limit: Some(5), ..Default::default() };
    world.docker.update_container(now.str("id").expect("id"), drifted).await.expect("by hand");
    let planned = world.plan(KIND, base.with("memory", "128m"), Some(&now)).await.expect("plan");
    assert!(changed(&planned).contains(&"pids_limit".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_by_hand_is_seen_and_repaired() {
    let world = World::new().await;
    let file = blocks([vec![
        ("path", "/etc/app.ini".into()),
        ("content", "a = 1\n".into()),
        ("mode", "0600".into()),
        ("uid", 33.into()),
    ]]);
    let config = base(&world, "web").await.with("file", file);
    let made = world.apply(KIND, "1", config.clone(), None).await.expect("create");
    let id = made.str("id").expect("id").to_owned();

    world.docker.kill_container(&id, None).await.expect("stopped by hand");
    let planned = world.plan(KIND, config.clone(), Some(&made)).await.expect("plan");
    assert_eq!(changed(&planned)[0], "running");
    let made = world.apply(KIND, "2", config.clone(), Some(&made)).await.expect("started");
    assert_eq!(made["id"], id.as_str().into());

    world.docker.pause_container(&id).await.expect("paused by hand");
    let made = world.apply(KIND, "3", config.clone(), Some(&made)).await.expect("woken");

    let exec = world.session.services().containers.expect("containers");
    let edit = mprov_sdk::ExecRequest::new(["sh", "-c", "echo a = 2 > /etc/app.ini"]);
    exec.exec(&id, edit, &mprov_sdk::Silent, &mprov_sdk::CancellationToken::new())
        .await
        .expect("edited by hand");
    let planned = world.plan(KIND, config.clone(), Some(&made)).await.expect("plan");
    assert_eq!(planned.verdict, Verdict::Update);
    assert!(format!("{:?}", planned.changes[0].before).contains("a = 2"), "the change by hand is shown");
    assert!(planned.impact.downtime.is_some());
    let made = world.apply(KIND, "4", config.clone(), Some(&made)).await.expect("repaired");

    world
        .docker
        .rename_container(
            &id,
            bollard::query_parameters::RenameContainerOptions { name: world.name("other") },
        )
        .await
        .expect("renamed by hand");
    let made = world.apply(KIND, "5", config.clone(), Some(&made)).await.expect("renamed back");
    assert_eq!(made["id"], id.as_str().into());

    let force = bollard::query_parameters::RemoveContainerOptions { force: true, ..Default::default() };
    world.docker.remove_container(&id, Some(force)).await.expect("removed by hand");
    let planned = world.plan(KIND, config.clone(), Some(&made)).await.expect("plan");
    assert_eq!(planned.verdict, Verdict::Create);
    let made = world.apply(KIND, "6", config, Some(&made)).await.expect("made anew");
    assert_ne!(made["id"], id.as_str().into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_trigger_restarts_the_same_container() {
    let world = World::new().await;
    let base = base(&world, "web").await;
    let with = |v: &str| base.clone().with("restart_triggers", Value::map([("cert", Value::from(v))]));
    let made = world.apply(KIND, "1", with("a"), None).await.expect("create");
    let id = made.str("id").expect("id");
    let started = async || {
        let state = world.docker.inspect_container(id, None).await.expect("inspect").state;
        state.and_then(|s| s.started_at).expect("started")
    };
    let before = started().await;
    let now = world.apply(KIND, "2", with("b"), Some(&made)).await.expect("restart");
    assert_eq!(now["id"], made["id"]);
    assert_ne!(started().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn create_waits_for_health_and_does_not_wait_for_the_interval() {
    let world = World::new().await;
    let check = Value::object([
        ("test", Value::list(["CMD-SHELL".into(), "ls /tmp/ready".into()])),
        ("interval", "60s".into()),
    ]);
    let config =
        base(&world, "db").await.with("command", script("sleep 1; touch /tmp/ready; exec sleep 1000"));
    let started = Instant::now();
    let config = config.with("healthcheck", check);
    let made = world.apply(KIND, "1", config, None).await.expect("healthy");
    assert!(started.elapsed() > Duration::from_secs(1), "it waited");
    assert!(started.elapsed() < Duration::from_secs(30), "it did not wait for Docker's first test");
    assert_eq!(made["running"], true.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unhealthy_container_is_a_fault_with_its_log_and_can_be_finished() {
    let world = World::new().await;
    let check = Value::object([
        ("test", Value::list(["CMD-SHELL".into(), "echo not yet; ls /tmp/ready".into()])),
        ("interval", "1s".into()),
        ("retries", 1.into()),
    ]);
    let config = base(&world, "db")
        .await
        .with("command", script("echo the disk is sad; exec sleep 1000"))
        .with("healthcheck", check);
    let fault = world.apply(KIND, "1", config.clone(), None).await.expect_err("unhealthy");
    assert!(fault.summary.contains("is unhealthy") && fault.summary.contains("not yet"), "{fault}");
    assert!(fault.detail.contains("the disk is sad"), "{fault}");
    assert!(fault.resumable);
    let partial = fault.partial.expect("what exists is recorded");

    let exec = world.session.services().containers.expect("containers");
    let id = partial.str("id").expect("id");
    let repair = mprov_sdk::ExecRequest::new(["touch", "/tmp/ready"]);
    exec.exec(id, repair, &mprov_sdk::Silent, &mprov_sdk::CancellationToken::new()).await.expect("repair");
    let planned = world.config(KIND, config);
    let done = world.resource(KIND).update(&world.call("2"), &partial, &planned).await;
    assert_eq!(done.expect("finished")["id"], partial["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_ends_at_once_is_a_fault_with_its_log() {
    let world = World::new().await;
    let check = Value::object([("test", Value::list(["CMD".into(), "false".into()]))]);
    let config = base(&world, "db").await.with("command", script("echo no database; exit 7"));
    let config = config.with("healthcheck", check);
    let fault = world.apply(KIND, "1", config, None).await.expect_err("it ended");
    assert!(fault.summary.contains("exit code 7"), "{fault}");
    assert!(fault.detail.contains("no database"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_crashes_for_ever_is_a_fault() {
    let world = World::new().await;
    let check = Value::object([("test", Value::list(["CMD".into(), "false".into()]))]);
    let config = base(&world, "db").await.with("command", script("exit 1"));
    let config = config.with("healthcheck", check).with("restart", "always");
    let fault = world.apply(KIND, "1", config, None).await.expect_err("it crashes");
    assert!(fault.summary.contains("crashes again and again"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_runs_once_has_to_end_well() {
    let world = World::new().await;
    let base = base(&world, "job").await.with("must_run", false);
    let good = base.clone().with("command", script("sleep 0.3; exit 0"));
    let made = world.apply(KIND, "1", good, None).await.expect("it ends well");
    assert_eq!((&made["exit_code"], &made["running"]), (&0.into(), &false.into()));
    let bad = base.with("command", script("echo cannot migrate; exit 9"));
    let fault = world.apply(KIND, "2", bad, Some(&made)).await.expect_err("it ends badly");
    assert!(fault.summary.contains("exit code 9") && fault.detail.contains("cannot migrate"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_are_published_and_a_taken_one_is_named() {
    let world = World::new().await;
    let base = base(&world, "web").await;
    let chosen = base.clone().with("port", blocks([vec![("internal", 80.into())]]));
    let made = world.apply(KIND, "1", chosen, None).await.expect("a port chosen by Docker");
    let port = made.blocks("ports").expect("ports")[0].clone();
    assert_eq!((&port["internal"], &port["ip"]), (&80.into(), &"127.0.0.1".into()));
    let external = port.i64("external").expect("external");

    let name = world.name("second");
    let publish = |p: i64| blocks([vec![("internal", 80.into()), ("external", p.into())]]);
    let second = base.clone().with("name", name.as_str()).with("port", publish(external));
    let fault = world.apply(KIND, "2", second.clone(), None).await.expect_err("taken by a container");
    assert!(fault.summary.contains(&format!("port {external} on 127.0.0.1 is taken")), "{fault}");
    assert!(fault.detail.contains(&world.name("web")), "{fault}");
    let partial = fault.partial.expect("the container exists");
    assert_eq!(partial["running"], false.into());

    world.delete(KIND, &made).await;
    let done = world.apply(KIND, "3", second, Some(&partial)).await.expect("the port is free now");
    assert_eq!(done["id"], partial["id"], "the same container was finished");

    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let taken = i64::from(listener.local_addr().expect("address").port());
    let third = base.with("name", world.name("third")).with("port", publish(taken));
    let fault = world.apply(KIND, "4", third, None).await.expect_err("taken by this process");
    assert!(fault.summary.contains(&format!("port {taken}")) && fault.detail.contains("ss -ltnp"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_are_joined_and_left_in_place() {
    let world = World::new().await;
    let net = async |name: &str| {
        let config = Object::new().with("name", world.name(name));
        world.apply("docker_network", name, config, None).await.expect("network")
    };
    let (a, b) = (net("a").await, net("b").await);
    let base = base(&world, "web").await;
    let by_id = |network: &Object, alias: &str| {
        vec![("name", network["id"].clone()), ("aliases", Value::list([alias.into()]))]
    };
    let both = base.clone().with("network", blocks([by_id(&a, "web"), by_id(&b, "www")]));
    let made = world.apply(KIND, "1", both.clone(), None).await.expect("create");
    assert_eq!(made.blocks("networks").expect("networks").len(), 2);
    assert!(made.blocks("networks").expect("networks").iter().all(|n| n.str("ip_address").is_ok()));

    let request = bollard::models::NetworkDisconnectRequest {
        container: made.str("id").expect("id").to_owned(),
        force: Some(true),
    };
    world.docker.disconnect_network(&world.name("b"), request).await.expect("by hand");
    let planned = world.plan(KIND, both.clone(), Some(&made)).await.expect("plan");
    assert_eq!(changed(&planned)[0], "network");
    let made = world.apply(KIND, "2", both, Some(&made)).await.expect("joined again");

    let one = base.with("network", blocks([by_id(&a, "moodle")]));
    let now = world.apply(KIND, "3", one, Some(&made)).await.expect("left one, new alias in the other");
    assert_eq!(now["id"], made["id"]);
    assert_eq!(now.blocks("networks").expect("networks").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_taken_is_said_and_nothing_is_made() {
    let world = World::new().await;
    let base = base(&world, "web").await;
    let missing = world.folder.path().join("nowhere").display().to_string();
    let bind =
        blocks([vec![("type", "bind".into()), ("source", missing.as_str().into()), ("target", "/d".into())]]);
    let fault = world.apply(KIND, "1", base.clone().with("mount", bind), None).await.expect_err("no source");
    assert!(fault.detail.contains(&missing), "{fault}");
    assert!(!std::path::Path::new(&missing).exists(), "Docker made no folder of its own");

    let fault =
        world.apply(KIND, "2", base.clone().with("image", "mprov-no-such:1"), None).await.expect_err("image");
    assert!(fault.detail.contains("has no image mprov-no-such:1"), "{fault}");
    assert!(fault.partial.is_none());

    world.apply(KIND, "3", base.clone(), None).await.expect("create");
    let fault = world.apply(KIND, "4", base, None).await.expect_err("the name is taken");
    assert!(fault.summary.contains("exists already") && fault.detail.contains("made by mprov as"), "{fault}");
}

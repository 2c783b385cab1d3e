use mprov_sdk::{CancellationToken, ExecRequest, Object, Silent, Value, Verdict};

use crate::world::{World, blocks};

const KIND: &str = "docker_container";

async fn config(world: &World, password: &str) -> Object {
    let image = world.image().await;
    let secrets = blocks([
        vec![("name", "db".into()), ("content", Value::from(password).sensitive()), ("uid", 33.into())],
        vec![
            ("path", "/run/secrets/tls/key".into()),
            ("content", Value::from("k").sensitive()),
            ("mode", "0440".into()),
        ],
    ]);
    Object::new()
        .with("name", world.name("web"))
        .with("image", image)
        .with("stop_timeout", 0)
        .with("read_only", true)
        .with("secret", secrets)
}

async fn sh(world: &World, container: &Object, line: &str) -> String {
    let exec = world.session.services().containers.expect("containers");
    let request = ExecRequest::new(["sh", "-c", line]);
    let id = container.str("id").expect("id");
    exec.exec(id, request, &Silent, &CancellationToken::new()).await.expect("exec").stdout_text()
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_files_with_their_owner_that_survive_and_change() {
    let world = World::new().await;
    let made = world.apply(KIND, "1", config(&world, "canary-one").await, None).await.expect("create");
    let listing = sh(&world, &made, "cat /run/secrets/db; ls -ln /run/secrets/db /run/secrets/tls/key").await;
    assert!(listing.starts_with("canary-one"), "{listing}");
    assert!(listing.contains("-r--------    1 33"), "{listing}");
    assert!(listing.contains("-r--r-----    1 0"), "{listing}");

    let id = made.str("id").expect("id");
    world.docker.restart_container(id, None).await.expect("restart by hand");
    assert_eq!(sh(&world, &made, "cat /run/secrets/db").await, "canary-one");

    let now = world.apply(KIND, "2", config(&world, "canary-two").await, Some(&made)).await.expect("changed");
    assert_eq!(now["id"], made["id"]);
    assert_eq!(sh(&world, &now, "cat /run/secrets/db").await, "canary-two");
    let volume = now.str("secrets_volume").expect("volume").to_owned();
    world.delete(KIND, &now).await;
    assert!(world.docker.inspect_volume(&volume).await.is_err(), "the volume goes with the container");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_shows_nowhere() {
    let world = World::new().await;
    let config = config(&world, "canary-4711").await;
    let planned = world.plan(KIND, config.clone(), None).await.expect("plan");
    assert!(planned.after["secret"].contains_sensitive());
    let leak = Value::list(["sh".into(), "-c".into(), "cat /run/secrets/db; exit 1".into()]);
    let check = Value::object([("test", Value::list(["CMD".into(), "false".into()]))]);
    let bad = config.clone().with("command", leak).with("healthcheck", check);
    let fault = world.apply(KIND, "1", bad, None).await.expect_err("it ends");
    assert!(!fault.to_string().contains("canary-4711"), "not even out of its own log: {fault}");
    let partial = fault.partial.expect("partial");
    world.delete(KIND, &partial).await;

    let made = world.apply(KIND, "2", config, None).await.expect("create");
    let id = made.str("id").expect("id");
    let inspect = world.docker.inspect_container(id, None).await.expect("inspect");
    let volume =
        world.docker.inspect_volume(made.str("secrets_volume").expect("volume")).await.expect("volume");
    let image = world.docker.inspect_image(&world.name("base:1")).await.expect("image");
    for shown in [
        serde_json::to_string(&inspect).expect("json"),
        serde_json::to_string(&volume).expect("json"),
        serde_json::to_string(&image).expect("json"),
        world.events.text(),
    ] {
        assert!(!shown.contains("canary-4711"));
    }
    assert!(made["secret"].contains_sensitive(), "what is recorded stays marked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_volume_of_a_container_removed_by_hand_is_not_left_behind() {
    let world = World::new().await;
    let config = config(&world, "canary-one").await;
    let made = world.apply(KIND, "1", config.clone(), None).await.expect("create");
    let force = bollard::query_parameters::RemoveContainerOptions { force: true, ..Default::default() };
    world.docker.remove_container(made.str("id").expect("id"), Some(force)).await.expect("by hand");
    let volume = made.str("secrets_volume").expect("volume").to_owned();
    assert!(world.docker.inspect_volume(&volume).await.is_ok(), "Docker itself leaves it");
    let planned = world.plan(KIND, config.clone(), Some(&made)).await.expect("plan");
    assert_eq!(planned.verdict, Verdict::Create);
    let made = world.apply(KIND, "2", config, Some(&made)).await.expect("made anew");
    assert_eq!(sh(&world, &made, "cat /run/secrets/db").await, "canary-one");
    assert!(world.docker.inspect_volume(&volume).await.is_err(), "the old one is gone");
    world.delete(KIND, &made).await;
}

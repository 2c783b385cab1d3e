use std::time::{Duration, Instant};

use mprov_sdk::{Object, Value, Verdict};

use crate::world::{World, changed, without_unknown};

const KIND: &str = "docker_image";

fn build(world: &World, base: &str) -> Object {
    let build = Value::object([
        ("context", "ctx".into()),
        ("args", Value::map([("BASE", Value::from(base))])),
        ("labels", Value::map([("site", Value::from("x"))])),
    ]);
    Object::new().with("name", world.name("web:1")).with("build", build)
}

fn write_context(world: &World, page: &str) {
    world.write("ctx/Dockerfile", "ARG BASE\nFROM $BASE\nCOPY . /srv/\nRUN cat /srv/page && echo built it\n");
    world.write("ctx/.dockerignore", "*.log\n");
    world.write("ctx/page", page);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_follows_its_context_and_the_old_image_goes_when_nothing_uses_it() {
    let world = World::new().await;
    let base = world.image().await;
    write_context(&world, "one");
    let config = build(&world, &base);
    let made = world.apply(KIND, "1", config.clone(), None).await.expect("build");
    let first = made.str("id").expect("id").to_owned();
    assert!(world.events.text().contains("COPY . /srv/"), "steps are progress");
    assert!(world.events.text().contains("built it"), "lines are log");

    world.write("ctx/noise.log", "ignored");
    let planned = world.plan(KIND, config.clone(), Some(&made)).await.expect("plan");
    assert_eq!(planned.verdict, Verdict::Nothing, "ignored files do not count");

    let container =
        Object::new().with("name", world.name("web")).with("image", first.as_str()).with("stop_timeout", 0);
    let container = world.apply("docker_container", "c", container, None).await.expect("container");

    write_context(&world, "two");
    let planned = world.plan(KIND, config.clone(), Some(&made)).await.expect("plan");
    assert_eq!(planned.verdict, Verdict::Update);
    assert!(planned.after["id"].is_unknown(), "what is made from it is replaced");
    let second = world.apply(KIND, "2", config.clone(), Some(&made)).await.expect("build again");
    assert_ne!(second.str("id").expect("id"), first);
    assert_eq!(
        second.strings("superseded").expect("superseded"),
        [first.as_str()],
        "a container still uses it"
    );

    let back = world.resource(KIND).update(&world.call("undo"), &second, &made).await.expect("taken back");
    assert_eq!(back, made, "exactly as before, though the context is not");
    let second = world.apply(KIND, "2b", config.clone(), Some(&back)).await.expect("and forth");

    world.delete("docker_container", &container).await;
    write_context(&world, "three");
    let third = world.apply(KIND, "3", config, Some(&second)).await.expect("build a third time");
    assert!(third.strings("superseded").expect("superseded").is_empty());
    assert!(world.docker.inspect_image(&first).await.is_err(), "the first image is gone");
    world.delete(KIND, &third).await;
    assert!(world.docker.inspect_image(third.str("id").expect("id")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fails_shows_its_last_lines() {
    let world = World::new().await;
    let base = world.image().await;
    world.write("ctx/Dockerfile", "ARG BASE\nFROM $BASE\nRUN echo the compiler is unhappy && exit 4\n");
    let fault = world.apply(KIND, "1", build(&world, &base), None).await.expect_err("it fails");
    assert!(fault.detail.contains("the compiler is unhappy"), "{fault}");
    assert!(fault.detail.contains("returned a non-zero code: 4"), "{fault}");
    assert!(world.docker.inspect_image(&world.name("web:1")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_that_changed_after_the_plan_is_not_built() {
    let world = World::new().await;
    let base = world.image().await;
    write_context(&world, "one");
    let planned = world.plan(KIND, build(&world, &base), None).await.expect("plan");
    write_context(&world, "two");
    let create = world.resource(KIND).create(&world.call("1"), &without_unknown(&planned.after)).await;
    let fault = create.expect_err("the plan is stale");
    assert!(fault.summary.contains("has changed since the plan"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dockerfile_in_the_configuration_leaves_no_trace_in_the_image() {
    let world = World::new().await;
    let base = world.image().await;
    write_context(&world, "one");
    let dockerfile = format!("FROM {base}\nCOPY . /srv/\nRUN ls -a /srv\n");
    let build = Value::object([("context", "ctx".into()), ("dockerfile_content", dockerfile.into())]);
    let config = Object::new().with("name", world.name("web:1")).with("build", build);
    world.apply(KIND, "1", config, None).await.expect("build");
    let log = world.events.text();
    assert!(log.contains("\"page\"") && !log.contains("\".mprov.Dockerfile\""), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_removed_by_hand_comes_back_and_a_foreign_tag_is_left_alone() {
    let world = World::new().await;
    let base = world.image().await;
    write_context(&world, "one");
    let config = build(&world, &base);
    let made = world.apply(KIND, "1", config.clone(), None).await.expect("build");
    let force = bollard::query_parameters::RemoveImageOptions { force: true, ..Default::default() };
    world.docker.remove_image(&world.name("web:1"), Some(force), None).await.expect("by hand");
    let planned = world.plan(KIND, config.clone(), Some(&made)).await.expect("plan");
    assert_eq!(planned.verdict, Verdict::Create);
    let made = world.apply(KIND, "2", config.clone(), Some(&made)).await.expect("built again");

    let found =
        world.resource(KIND).find(&world.call("2"), &made).await.expect("find").expect("by its label");
    assert_eq!(found["id"], made["id"]);

    write_context(&world, "two");
    let again = world.apply(KIND, "2b", config.clone(), None).await.expect("made by a run without a record");
    assert_ne!(again["id"], made["id"]);
    let first = world.docker.inspect_image(made.str("id").expect("id")).await;
    assert!(first.is_err(), "nothing is left without a tag");
    let made = again;

    let renamed = config.with("name", world.name("web:2"));
    let now = world.apply(KIND, "3", renamed, Some(&made)).await.expect("renamed");
    assert_eq!(now["id"], made["id"]);
    assert!(world.docker.inspect_image(&world.name("web:1")).await.is_err());

    let foreign = tar_image(&world).await;
    let taken = build(&world, &base).with("name", foreign.as_str());
    let fault = world.apply(KIND, "4", taken, None).await.expect_err("not ours");
    assert!(fault.summary.contains("exists already"), "{fault}");

    // What others build on an image of ours inherits its labels, and is theirs all the same.
    let options = bollard::query_parameters::TagImageOptions {
        repo: Some(world.name("derived")),
        tag: Some("1".into()),
    };
    world.docker.tag_image(&base, Some(options)).await.expect("tag");
    let taken = build(&world, &base).with("name", world.name("derived:1"));
    assert!(world.apply(KIND, "5", taken, None).await.is_err());
}

/// An image that mprov did not make, by Docker's own import.
async fn tar_image(world: &World) -> String {
    use futures_util::TryStreamExt;
    let name = world.name("foreign");
    let options = bollard::query_parameters::CreateImageOptions {
        from_src: Some("-".into()),
        repo: Some(name.clone()),
        tag: Some("1".into()),
        ..Default::default()
    };
    let bytes = std::fs::read(world.rootfs()).expect("tarball");
    let body = bollard::body_full(bytes.into());
    world.docker.create_image(Some(options), Some(body), None).try_collect::<Vec<_>>().await.expect("import");
    format!("{name}:1")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_loaded_tagged_and_taken_away_again() {
    use futures_util::TryStreamExt;
    let world = World::new().await;
    let foreign = tar_image(&world).await;
    let chunks: Vec<bytes::Bytes> = world.docker.export_image(&foreign).try_collect().await.expect("save");
    std::fs::write(world.folder.path().join("saved.tar"), chunks.concat()).expect("file");
    world
        .docker
        .remove_image(&foreign, None::<bollard::query_parameters::RemoveImageOptions>, None)
        .await
        .expect("rmi");

    let config = Object::new().with("name", world.name("loaded:1")).with("archive", "saved.tar");
    let made = world.apply(KIND, "1", config, None).await.expect("load");
    assert_eq!(made.strings("tags").expect("tags").len(), 2, "its own tag came with it");
    world.delete(KIND, &made).await;
    assert!(world.docker.inspect_image(&foreign).await.is_err());

    world.write("broken.tar", "not a tarball");
    let broken = Object::new().with("name", world.name("broken:1")).with("archive", "broken.tar");
    let fault = world.apply(KIND, "2", broken, None).await.expect_err("broken");
    assert!(fault.summary.contains("broken.tar"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_others_use_stays_and_the_log_says_so() {
    let world = World::new().await;
    world.image().await;
    let id = world.docker.inspect_image(&world.name("base:1")).await.expect("image").id.expect("id");
    let config =
        Object::new().with("name", world.name("user")).with("image", id.as_str()).with("stop_timeout", 0);
    world.apply("docker_container", "c", config, None).await.expect("container");
    let rootfs = Object::new().with("name", world.name("base:1")).with("rootfs", "rootfs.tar");
    let imported =
        world.resource(KIND).import(&world.call("i"), &world.name("base:1")).await.expect("import");
    assert!(
        changed(&world.plan(KIND, rootfs, Some(&imported)).await.expect("plan"))
            .contains(&"rootfs".to_owned())
    );
    world.resource(KIND).delete(&world.call("d"), &imported).await.expect("kept, which is success");
    assert!(world.docker.inspect_image(&id).await.is_ok());
    assert!(world.events.text().contains(&world.name("user")), "{}", world.events.text());
}

/// Not a benchmark: it fails only where hashing does needless work, as reading twice or in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_context_is_hashed_quickly() {
    let world = World::new().await;
    for folder in 0..100 {
        for file in 0..100 {
            world.write(&format!("ctx/{folder}/{file}"), &"x".repeat(4096 + folder));
        }
    }
    world.write("ctx/Dockerfile", "FROM scratch\n");
    let config = build(&world, "x");
    world.plan(KIND, config.clone(), None).await.expect("warm");
    let started = Instant::now();
    world.plan(KIND, config, None).await.expect("plan");
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?} for 10,000 files");
}

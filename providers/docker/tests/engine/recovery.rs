//! What is left after a kill at each point of making a container: the next run finds it by the
//! step's token and finishes it.

use std::collections::HashMap;

use bollard::query_parameters::ListContainersOptions;
use mprov_sdk::{Object, Value, Verdict};

use crate::world::{World, blocks, without_unknown};

/// Writes down that it was told to end, and lives on for a while.
const SLOW_TO_END: &str = "trap 'echo told; sleep 2; exit 0' TERM; while true; do sleep 0.1; done";

const KIND: &str = "docker_container";

async fn config(world: &World) -> Object {
    let image = world.image().await;
    Object::new()
        .with("name", world.name("web"))
        .with("image", image)
        .with("stop_timeout", 0)
        .with("file", blocks([vec![("path", "/etc/app.ini".into()), ("content", "x".into())]]))
        .with("secret", blocks([vec![("name", "db".into()), ("content", Value::from("pw").sensitive())]]))
}

async fn count(world: &World) -> usize {
    let filters = HashMap::from([("name".to_owned(), vec![world.name("web")])]);
    let options = ListContainersOptions { all: true, filters: Some(filters), ..Default::default() };
    world.docker.list_containers(Some(options)).await.expect("list").len()
}

/// Drops the create while it runs, at a time that varies, as a kill would.
async fn interrupted_create(world: &World, planned: &Object, millis: u64) {
    let resource = world.resource(KIND);
    let call = world.call("step");
    let planned = planned.clone();
    let task = tokio::spawn(async move { resource.create(&call, &planned).await });
    tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
    task.abort();
    let _ = task.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_cut_off_anywhere_is_found_and_finished() {
    let world = World::new().await;
    let config = config(&world).await;
    let planned = without_unknown(&world.plan(KIND, config.clone(), None).await.expect("plan").after);
    let resource = world.resource(KIND);
    let mut unfinished = 0;
    for millis in [1, 5, 15, 30, 45, 60, 80, 100, 130, 160, 200, 300, 500] {
        interrupted_create(&world, &planned, millis).await;
        let call = world.call("step");
        let done = match resource.find(&call, &planned).await {
            Ok(Some(done)) => done,
            Ok(None) => resource.create(&call, &planned).await.expect("nothing was made: made now"),
            Err(fault) => {
                unfinished += 1;
                assert!(fault.resumable);
                let partial = fault.partial.expect("partial");
                let planned = world.plan(KIND, config.clone(), Some(&partial)).await.expect("plan");
                assert_ne!(planned.verdict, Verdict::Replace, "{:?}", planned.changes);
                resource.update(&call, &partial, &without_unknown(&planned.after)).await.expect("finished")
            }
        };
        assert_eq!(count(&world).await, 1, "after {millis} ms");
        let again = world.plan(KIND, config.clone(), Some(&done)).await.expect("plan");
        assert_eq!(again.verdict, Verdict::Nothing, "after {millis} ms: {:?}", again.changes);
        world.delete(KIND, &done).await;
    }
    assert!(unfinished > 0, "at least one cut came in the middle, or this test shows nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_interrupted_delete_is_stopping_does_not_pass_for_running() {
    let world = World::new().await;
    let command = Value::list(["sh", "-c", SLOW_TO_END].map(Value::from));
    let config = Object::new()
        .with("name", world.name("web"))
        .with("image", world.image().await)
        .with("command", command)
        .with("stop_timeout", 30);
    let made = world.apply(KIND, "step", config, None).await.expect("container");
    let (resource, call, prior) = (world.resource(KIND), world.call("delete"), made.clone());
    let delete = tokio::spawn(async move { resource.delete(&call, &prior).await });
    let id = made.str("id").expect("id");
    while !world.logs(id).await.contains("told") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    delete.abort();
    let cut = delete.await.expect_err("it was cut off");
    assert!(cut.is_cancelled());

    let seen = world.resource(KIND).read(&world.call("read"), &made).await.expect("read");
    assert_eq!(seen.expect("it is there")["running"], true.into(), "or this test shows nothing");
    let left = world.resource(KIND).remains(&world.call("delete"), &made).await.expect("remains");
    assert_eq!(left.expect("it is there")["running"], false.into());
    world.delete(KIND, &made).await;
}

use mprov_sdk::{Object, Value, Verdict};

use crate::world::World;

const KIND: &str = "docker_volume";

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_comes_and_goes() {
    let world = World::new().await;
    let labels = Value::map([("site", Value::from("a"))]);
    let config = || Object::new().with("name", world.name("data")).with("labels", labels.clone());
    let made = world.apply(KIND, "1", config(), None).await.expect("create");
    assert!(made.str("mountpoint").expect("mountpoint").starts_with('/'));

    let imported = world.resource(KIND).import(&world.call("i"), &world.name("data")).await.expect("import");
    let again = world.plan(KIND, config(), Some(&imported)).await.expect("plan");
    assert_eq!(again.verdict, Verdict::Nothing, "{:?}", again.changes);

    let other = config().with("labels", Value::Null);
    let planned = world.plan(KIND, other, Some(&made)).await.expect("plan");
    assert_eq!(planned.verdict, Verdict::Replace);
    assert!(planned.impact.data_lost.is_some(), "a replaced volume loses its data, and the plan says so");
    world.delete(KIND, &made).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_of_the_same_name_is_never_taken_over() {
    let world = World::new().await;
    let config = || Object::new().with("name", world.name("data"));
    let made = world.apply(KIND, "1", config(), None).await.expect("create");
    let fault = world.apply(KIND, "2", config(), None).await.expect_err("taken");
    assert!(fault.summary.contains("exists already"), "{fault}");
    let planned = world.config(KIND, config());
    let found = world.resource(KIND).find(&world.call("1"), &planned).await.expect("find").expect("ours");
    assert_eq!(found.get("mountpoint"), made.get("mountpoint"));
    assert!(world.resource(KIND).find(&world.call("2"), &planned).await.expect("find").is_none());
}

use mprov_sdk::{Object, Verdict};

use crate::world::World;

const KIND: &str = "docker_network";

#[tokio::test(flavor = "multi_thread")]
async fn a_network_comes_goes_and_comes_back() {
    let world = World::new().await;
    let config = || Object::new().with("name", world.name("net")).with("internal", true);
    let made = world.apply(KIND, "1", config(), None).await.expect("create");
    assert!(made.str("subnet").expect("subnet").contains('/'));
    assert!(made.str("gateway").is_ok());

    let imported = world.resource(KIND).import(&world.call("i"), &world.name("net")).await.expect("import");
    let again = world.plan(KIND, config(), Some(&imported)).await.expect("plan");
    assert_eq!(again.verdict, Verdict::Nothing, "{:?}", again.changes);

    world.docker.remove_network(made.str("id").expect("id")).await.expect("by hand");
    let planned = world.plan(KIND, config(), Some(&made)).await.expect("plan");
    assert_eq!(planned.verdict, Verdict::Create);
    let made = world.apply(KIND, "2", config(), Some(&made)).await.expect("create again");
    world.delete(KIND, &made).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_of_the_same_name_is_never_taken_over() {
    let world = World::new().await;
    let config = || Object::new().with("name", world.name("net"));
    world.apply(KIND, "1", config(), None).await.expect("create");
    let fault = world.apply(KIND, "2", config(), None).await.expect_err("taken");
    assert!(fault.summary.contains("exists already"), "{fault}");
    assert!(fault.detail.contains("made by mprov as test."), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_whose_outcome_is_in_doubt_is_found_and_not_repeated() {
    let world = World::new().await;
    let planned = world.config(KIND, Object::new().with("name", world.name("net")));
    let resource = world.resource(KIND);
    let call = world.call("doubt");
    assert!(resource.find(&call, &planned).await.expect("find").is_none());
    let made = resource.create(&call, &planned).await.expect("create");
    let found = resource.find(&call, &planned).await.expect("find").expect("something");
    assert_eq!(found, made);
    assert_eq!(resource.create(&call, &planned).await.expect("the same try again"), made);
    assert!(resource.find(&world.call("other"), &planned).await.expect("find").is_none());
}

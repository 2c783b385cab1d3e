use mprov_sdk::Verdict;
use serde_json::json;

use crate::support::{World, server};

#[tokio::test]
async fn an_edit_is_drift_and_is_taken_back() {
    let world = World::new().await;
    let made = world.apply("t1", &server("web"), None).await.expect("made");
    let id = made.str("id").expect("an id");
    world.server.edit(id, json!({ "name": "edited" })).await;
    let planned = world.plan(&server("web"), Some(&made)).await.expect("planned");
    assert_eq!(planned.verdict, Verdict::Update);
    let change = planned.changes.iter().find(|c| &*c.name == "compare").expect("told");
    assert_eq!(change.before.as_object().expect("an object")["/server/name"], "edited".into());
    world.apply("t2", &server("web"), Some(&made)).await.expect("taken back");
    assert_eq!(world.server.objects("server").await[0]["name"], "web");
}

#[tokio::test]
async fn drift_of_what_cannot_be_updated_replaces() {
    let world = World::new().await;
    let mut config = server("web");
    config.as_object_mut().expect("an object").remove("update");
    let made = world.apply("t1", &config, None).await.expect("made");
    world.server.edit(made.str("id").expect("an id"), json!({ "name": "edited" })).await;
    let planned = world.plan(&config, Some(&made)).await.expect("planned");
    assert_eq!(planned.verdict, Verdict::Replace);
}

#[tokio::test]
async fn what_is_not_compared_may_change() {
    let world = World::new().await;
    let made = world.apply("t1", &server("web"), None).await.expect("made");
    world.server.edit(made.str("id").expect("an id"), json!({ "host": "elsewhere" })).await;
    let planned = world.plan(&server("web"), Some(&made)).await.expect("planned");
    assert_eq!(planned.verdict, Verdict::Nothing, "{:?}", planned.changes);
}

#[tokio::test]
async fn what_somebody_removed_is_made_again() {
    let world = World::new().await;
    let made = world.apply("t1", &server("web"), None).await.expect("made");
    world.server.remove(made.str("id").expect("an id")).await;
    let planned = world.plan(&server("web"), Some(&made)).await.expect("planned");
    assert_eq!(planned.verdict, Verdict::Create);
    world.delete(&made).await;
}

#[tokio::test]
async fn a_server_in_trouble_is_not_taken_for_gone() {
    let world = World::with(json!({ "retries": 0 })).await;
    let made = world.apply("t1", &server("web"), None).await.expect("made");
    for status in [401, 403, 500, 503] {
        world.server.fault("GET", "/servers", 1, json!({ "kind": "refuse", "status": status })).await;
        let fault = world.resource().read(&world.call("r"), &made).await.expect_err("not known");
        assert!(fault.summary.starts_with("GET /servers/"), "{fault}");
        assert!(fault.summary.contains(&format!("answered {status}")), "{fault}");
    }
    let after = world.resource().read(&world.call("r"), &made).await.expect("read");
    assert_eq!(after, Some(made));
}

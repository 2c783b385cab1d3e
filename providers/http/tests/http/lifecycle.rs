use mprov_sdk::{Value, Verdict};
use serde_json::json;

use crate::support::{World, server};

#[tokio::test]
async fn a_server_is_built_looked_at_changed_and_removed() {
    let world = World::new().await;
    let made = world.apply("t1", &server("web"), None).await.expect("made");
    let output = made["output"].as_object().expect("outputs");
    assert_eq!((&output["status"], &output["flavor"]), (&"ACTIVE".into(), &"small".into()));
    assert!(world.events.text().contains("/server/status is BUILD"), "{}", world.events.text());
    assert_eq!(world.server.objects("server").await[0]["metadata"]["made_by"], "t1");

    let renamed = world.plan(&server("www"), Some(&made)).await.expect("planned");
    assert_eq!(renamed.verdict, Verdict::Update, "{:?}", renamed.changes);
    let renamed = world.apply("t2", &server("www"), Some(&made)).await.expect("renamed");
    assert_eq!(renamed["id"], made["id"]);
    let now = world.server.objects("server").await;
    assert_eq!((now.len(), &now[0]["name"], &now[0]["flavor"]), (1, &json!("www"), &json!("small")));
    assert_eq!(world.server.requests("PUT", "/servers").await.len(), 1);

    world.delete(&renamed).await;
    assert!(world.server.objects("server").await.is_empty());
}

#[tokio::test]
async fn what_the_update_does_not_send_replaces() {
    let world = World::new().await;
    let made = world.apply("t1", &server("web"), None).await.expect("made");
    let mut larger = server("web");
    larger["create"]["body"]["server"]["flavor"] = json!("large");
    let planned = world.plan(&larger, Some(&made)).await.expect("planned");
    assert_eq!(planned.verdict, Verdict::Replace);
    let culprits: Vec<_> = planned.changes.iter().filter(|c| c.replaces).map(|c| &*c.name).collect();
    assert_eq!(culprits, ["create"]);
    assert!(planned.after["id"].is_unknown());
    let replaced = world.apply("t2", &larger, Some(&made)).await.expect("replaced");
    assert_ne!(replaced["id"], made["id"]);
    assert_eq!(world.server.objects("server").await.len(), 1);
}

#[tokio::test]
async fn a_new_way_to_talk_is_recorded_and_nothing_is_sent() {
    let world = World::new().await;
    let made = world.apply("t1", &server("web"), None).await.expect("made");
    let mut other = server("web");
    other["read"]["headers"] = json!({ "accept": "application/json" });
    other["outputs"]["name"] = json!("/server/name");
    let planned = world.plan(&other, Some(&made)).await.expect("planned");
    assert_eq!(planned.verdict, Verdict::Update);
    let output = planned.after["output"].as_object().expect("outputs");
    assert_eq!(output["status"], "ACTIVE".into());
    assert!(output["name"].is_unknown());
    let now = world.apply("t2", &other, Some(&made)).await.expect("recorded");
    assert_eq!(now["output"].as_object().expect("outputs")["name"], "web".into());
    assert!(world.server.requests("PUT", "/servers").await.is_empty());
}

#[tokio::test]
async fn stable_outputs_stay_known_in_an_update() {
    let world = World::new().await;
    let of = |name: &str| {
        let mut config = server(name);
        config["stable_outputs"] = json!(["flavor"]);
        config
    };
    let made = world.apply("t1", &of("web"), None).await.expect("made");
    let planned = world.plan(&of("www"), Some(&made)).await.expect("planned");
    let output = planned.after["output"].as_object().expect("outputs");
    assert_eq!(output["flavor"], "small".into());
    assert!(output["status"].is_unknown());
}

#[tokio::test]
async fn a_server_that_ends_in_error_is_recorded_and_replaced() {
    let world = World::new().await;
    let mut config = server("web");
    config["create"]["body"]["server"]["flavor"] = json!("unplaceable");
    let fault = world.apply("t1", &config, None).await.expect_err("no host");
    assert!(fault.summary.contains("/server/status is ERROR"), "{fault}");
    assert!(fault.detail.contains("No valid host was found"), "{fault}");
    assert!(!fault.resumable);
    let partial = fault.partial.expect("what was made");
    assert_eq!(world.server.objects("server").await[0]["id"], json!(partial.str("id").expect("an id")));
    world.delete(&partial).await;
}

#[tokio::test]
async fn a_create_that_takes_too_long_is_finished_by_the_next_apply() {
    let world = World::new().await;
    world.server.set(json!({ "build": 3600 })).await;
    let mut config = server("web");
    config["create"]["wait"]["timeout"] = json!("200ms");
    let fault = world.apply("t1", &config, None).await.expect_err("too slow");
    assert!(fault.summary.contains("not done after 0.2 s: /server/status is BUILD"), "{fault}");
    assert!(fault.resumable);
    let partial = fault.partial.expect("what was made");
    let planned = world.plan(&config, Some(&partial)).await.expect("planned");
    assert_eq!(planned.verdict, Verdict::Update, "{:?}", planned.changes);
    world.server.set(json!({ "build": 0 })).await;
    let finished = world.apply("t2", &config, Some(&partial)).await.expect("finished");
    assert_eq!((&finished["id"], &finished["ready"]), (&partial["id"], &true.into()));
    assert_eq!(world.server.requests("POST", "/servers").await.len(), 1);
    assert!(world.server.requests("PUT", "/servers").await.is_empty());
}

#[tokio::test]
async fn what_is_only_accepted_is_waited_for() {
    let world = World::new().await;
    world.server.set(json!({ "delete_status": 202 })).await;
    let mut config = server("web");
    config["delete"]["wait"] = serde_json::Value::Null;
    let made = world.apply("t1", &config, None).await.expect("made");
    world.delete(&made).await;
}

#[tokio::test]
async fn a_delete_that_does_not_end_is_told() {
    let world = World::new().await;
    world.server.set(json!({ "removal": 3600 })).await;
    let mut config = server("web");
    config["delete"]["wait"] = json!({ "interval": "20ms", "timeout": "200ms" });
    let made = world.apply("t1", &config, None).await.expect("made");
    let fault = world.resource().delete(&world.call("t2"), &made).await.expect_err("still there");
    assert!(fault.summary.contains("it is still there"), "{fault}");
}

#[tokio::test]
async fn what_is_imported_gets_its_description_by_the_next_apply() {
    let world = World::new().await;
    world.server.add(json!({ "kind": "server", "name": "old", "flavor": "small", "status": "ACTIVE" })).await;
    let imported = world.resource().import(&world.call("i"), "o1").await.expect("imported");
    let planned = world.plan(&server("web"), Some(&imported)).await.expect("planned");
    assert_eq!(planned.verdict, Verdict::Update, "{:?}", planned.changes);
    let taken = world.apply("t1", &server("web"), Some(&imported)).await.expect("taken over");
    assert_eq!((&taken["id"], taken["output"].is_null()), (&Value::from("o1"), false));
    // Its name was another: the update was sent. What is as it should be is left alone.
    assert_eq!(world.server.objects("server").await[0]["name"], "web");
    let again = world.resource().import(&world.call("i"), "o1").await.expect("imported");
    world.apply("t2", &server("web"), Some(&again)).await.expect("taken over");
    assert_eq!(world.server.requests("PUT", "/servers").await.len(), 1);

    let wrong = world.resource().import(&world.call("i"), "nothing").await.expect("only an id");
    let fault = world.apply("t3", &server("web"), Some(&wrong)).await.expect_err("not there");
    assert!(fault.to_string().contains("nothing"), "{fault}");
}

#[tokio::test]
async fn a_call_that_is_cancelled_ends() {
    let world = World::new().await;
    world.server.set(json!({ "build": 3600 })).await;
    let config = world.config(&server("web"));
    let call = world.call("t1");
    let cancel = call.cancel.clone();
    let resource = world.resource();
    let running = tokio::spawn(async move { resource.create(&call, &config).await });
    // Only once it waits is there something to be cancelled.
    while !world.events.text().contains("is BUILD") {
        tokio::task::yield_now().await;
    }
    cancel.cancel();
    let fault = running.await.expect("ended").expect_err("given up");
    assert!(fault.resumable && fault.partial.is_some(), "{fault}");
}

#[tokio::test]
async fn a_change_of_what_is_not_finished_waits_for_it_first() {
    let world = World::new().await;
    world.server.set(json!({ "build": 3600 })).await;
    let mut config = server("web");
    config["create"]["wait"]["timeout"] = json!("100ms");
    let fault = world.apply("t1", &config, None).await.expect_err("too slow");
    let partial = fault.partial.expect("what was made");
    let mut renamed = server("www");
    renamed["create"]["wait"]["timeout"] = json!("100ms");
    world.apply("t2", &renamed, Some(&partial)).await.expect_err("still too slow");
    assert!(world.server.requests("PUT", "/servers").await.is_empty());
    world.server.set(json!({ "build": 0 })).await;
    world.apply("t3", &renamed, Some(&partial)).await.expect("finished and renamed");
    assert_eq!(world.server.objects("server").await[0]["name"], "www");
}

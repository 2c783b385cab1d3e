//! Creates of which nobody knows whether they had an effect.

use mprov_sdk::Verdict;
use serde_json::{Value as Json, json};

use crate::support::{World, server};

fn without(mut config: Json, name: &str) -> Json {
    config.as_object_mut().expect("an object").remove(name);
    config
}

#[tokio::test]
async fn what_a_lost_reply_made_is_found_and_not_made_twice() {
    let world = World::new().await;
    // Several others before it: what is looked for is on another page.
    for n in 0..5 {
        world.server.add(json!({ "kind": "server", "name": format!("other{n}"), "status": "ACTIVE" })).await;
    }
    for (n, how) in
        [json!({ "kind": "lose" }), json!({ "kind": "replace", "status": 502 })].into_iter().enumerate()
    {
        world.server.fault("POST", "/servers", 1, how).await;
        let token = format!("t{n}");
        let made = world.apply(&token, &server("web"), None).await.expect("found");
        let all = world.server.objects("server").await;
        let ours: Vec<_> = all.iter().filter(|o| o["metadata"]["made_by"] == json!(token)).collect();
        assert_eq!(ours.len(), 1);
        assert_eq!(ours[0]["id"], json!(made.str("id").expect("an id")));
    }
    assert_eq!(world.server.requests("POST", "/servers").await.len(), 2);
}

#[tokio::test]
async fn a_request_that_did_nothing_leaves_nothing_behind() {
    let world = World::new().await;
    world.server.fault("POST", "/servers", 1, json!({ "kind": "hang", "seconds": 0 })).await;
    let fault = world.apply("t1", &server("web"), None).await.expect_err("lost");
    assert!(fault.detail.contains("Nothing was made, as far as can be seen"), "{fault}");
    assert!(fault.partial.is_none());
    world.apply("t2", &server("web"), None).await.expect("made");
    assert_eq!(world.server.objects("server").await.len(), 1);
}

#[tokio::test]
async fn without_a_way_to_find_it_the_doubt_is_recorded() {
    let world = World::new().await;
    let config = without(server("web"), "find");
    world.server.fault("POST", "/servers", 1, json!({ "kind": "lose" })).await;
    let fault = world.apply("t1", &config, None).await.expect_err("in doubt");
    assert!(fault.summary.contains("whether it was made is not known"), "{fault}");
    assert!(fault.detail.contains("doubt = \"not made\""), "{fault}");
    let doubt = fault.partial.expect("the doubt");
    assert!(doubt["id"].is_null() && fault.resumable);

    // Nothing is done until somebody has looked.
    let planned = world.plan(&config, Some(&doubt)).await.expect("planned");
    assert_eq!(planned.verdict, Verdict::Update);
    let fault = world.apply("t2", &config, Some(&doubt)).await.expect_err("still in doubt");
    assert!(fault.summary.contains("whether an earlier create made it"), "{fault}");
    assert!(world.resource().delete(&world.call("t3"), &doubt).await.is_err());
    assert_eq!(world.server.requests("POST", "/servers").await.len(), 1);

    // It is there: it is taken over.
    let id = world.server.objects("server").await[0]["id"].as_str().expect("an id").to_owned();
    let mut told = config.clone();
    told["id"] = json!(id);
    let planned = world.plan(&told, Some(&doubt)).await.expect("planned");
    assert_eq!(planned.verdict, Verdict::Update, "{:?}", planned.changes);
    let taken = world.apply("t4", &told, Some(&doubt)).await.expect("taken over");
    assert_eq!(taken.str("id").expect("an id"), id);
    assert_eq!(world.server.objects("server").await.len(), 1);
}

#[tokio::test]
async fn somebody_who_looked_can_say_that_nothing_was_made() {
    let world = World::new().await;
    let mut config = without(server("web"), "find");
    world.server.fault("POST", "/servers", 1, json!({ "kind": "hang", "seconds": 0 })).await;
    let fault = world.apply("t1", &config, None).await.expect_err("in doubt");
    let doubt = fault.partial.expect("the doubt");
    config["doubt"] = json!("not made");
    let made = world.apply("t2", &config, Some(&doubt)).await.expect("made");
    assert_eq!(made["ready"], true.into());
    assert_eq!(world.server.objects("server").await.len(), 1);
}

#[tokio::test]
async fn an_idempotency_key_makes_a_create_repeatable() {
    let world = World::new().await;
    let mut config = without(server("web"), "find");
    config["create"]["idempotent"] = json!(true);
    config["create"]["headers"] = json!({ "Idempotency-Key": "{token}" });
    world.server.fault("POST", "/servers", 2, json!({ "kind": "lose" })).await;
    world.apply("t1", &config, None).await.expect("made");
    let posts = world.server.requests("POST", "/servers").await;
    assert_eq!(posts.len(), 3);
    assert!(posts.iter().all(|p| p["headers"]["idempotency-key"] == "t1"));
    assert_eq!(world.server.objects("server").await.len(), 1);
}

#[tokio::test]
async fn after_an_interruption_the_token_tells() {
    let world = World::new().await;
    let planned = world.config(&server("web"));
    let resource = world.resource();
    assert_eq!(resource.find(&world.call("t1"), &planned).await.expect("looked"), None);
    // The request went out, and mprov died before it could read the reply.
    world.server.fault("POST", "/servers", 1, json!({ "kind": "lose" })).await;
    let bare = world.config(&without(server("web"), "find"));
    resource.create(&world.call("t1"), &bare).await.expect_err("lost");
    let found = resource.find(&world.call("t1"), &planned).await.expect("looked").expect("found");
    assert_eq!(found["ready"], true.into());
    assert_eq!(found["output"].as_object().expect("outputs")["status"], "ACTIVE".into());
    assert_eq!(resource.find(&world.call("t2"), &planned).await.expect("looked"), None);
    let fault = resource.find(&world.call("t1"), &bare).await.expect_err("cannot be told");
    assert!(fault.partial.expect("the doubt")["id"].is_null());
}

#[tokio::test]
async fn what_only_looks_alike_is_not_taken() {
    let world = World::new().await;
    let mut config = server("web");
    config["find"]["where"] = json!("/name");
    config["find"]["equals"] = json!("web");
    let planned = world.config(&config);
    // The name is free: a lost reply can only have been ours.
    world.server.fault("POST", "/servers", 1, json!({ "kind": "lose" })).await;
    let made = world.apply("t1", &config, None).await.expect("found");
    assert_eq!(made["id"], json_id(&world).await.into());
    // Now it is taken: another create does not touch it, and neither does a recovery.
    let fault = world.resource().create(&world.call("t2"), &planned).await.expect_err("taken");
    assert!(fault.summary.contains("exists already"), "{fault}");
    let fault = world.resource().find(&world.call("t2"), &planned).await.expect_err("in doubt");
    assert!(fault.detail.contains("There is one"), "{fault}");
    assert!(fault.partial.expect("the doubt")["id"].is_null());
    assert_eq!(world.server.objects("server").await.len(), 1);
}

async fn json_id(world: &World) -> String {
    world.server.objects("server").await[0]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn two_that_cannot_be_told_apart_are_none() {
    let world = World::new().await;
    for _ in 0..2 {
        world
            .server
            .add(
                json!({ "kind": "server", "name": "x", "status": "ACTIVE", "metadata": { "made_by": "t1" } }),
            )
            .await;
    }
    let planned = world.config(&server("web"));
    let fault = world.resource().find(&world.call("t1"), &planned).await.expect_err("two");
    assert!(fault.summary.contains("lists several"), "{fault}");
}

#[tokio::test]
async fn what_is_told_only_once_and_lost_is_made_anew() {
    let world = World::new().await;
    let mut config = server("web");
    config["create"]["outputs"] = json!({ "password": "/server/adminPass" });
    config["sensitive_outputs"] = json!(["password"]);
    let made = world.apply("t1", &config, None).await.expect("made");
    let password = &made["output"].as_object().expect("outputs")["password"];
    assert!(password.contains_sensitive() && password.as_str().expect("a text").starts_with("pw-"));
    // It stays, though no read tells it.
    let seen = world.resource().read(&world.call("r"), &made).await.expect("read").expect("there");
    assert_eq!(seen["output"].as_object().expect("outputs")["password"], *password);

    world.server.fault("POST", "/servers", 1, json!({ "kind": "lose" })).await;
    let fault = world.apply("t2", &config, None).await.expect_err("the password is lost");
    assert!(fault.summary.contains("password"), "{fault}");
    assert!(!fault.resumable && !fault.partial.expect("what was made")["id"].is_null());
}

#[tokio::test]
async fn a_reply_without_an_id_is_no_reason_to_make_another() {
    let world = World::new().await;
    let mut config = without(server("web"), "find");
    config["id_from"] = json!("/id");
    let fault = world.apply("t1", &config, None).await.expect_err("no id");
    assert!(fault.summary.contains("tells no id at \"/id\""), "{fault}");
    assert!(fault.partial.expect("the doubt")["id"].is_null());
    // With a way to find it, that does no harm.
    let mut config = server("web");
    config["id_from"] = json!("/id");
    world.apply("t2", &config, None).await.expect("found");
    assert_eq!(world.server.objects("server").await.len(), 2);
}

#[tokio::test]
async fn a_refused_create_leaves_no_doubt() {
    let world = World::new().await;
    let config = without(server(""), "find");
    let fault = world.apply("t1", &config, None).await.expect_err("refused");
    assert_eq!(fault.summary, "POST /servers answered 400 Bad Request");
    assert!(fault.detail.contains("a server needs a name"), "{fault}");
    assert!(fault.partial.is_none());
}

#[tokio::test]
async fn an_interrupted_delete_is_looked_after() {
    let world = World::new().await;
    let mut config = server("web");
    config["delete"]["wait"] =
        json!({ "place": "/server/status", "pending": ["DELETING"], "interval": "50ms" });
    let made = world.apply("t1", &config, None).await.expect("made");
    let resource = world.resource();
    // Never asked for: it is all there.
    assert!(resource.remains(&world.call("t2"), &made).await.expect("looked").is_some());
    // Asked for and under way: it is waited for.
    world.server.set(json!({ "removal": 1 })).await;
    let id = made.str("id").expect("an id");
    let deleted = reqwest::Client::builder().no_proxy().build().expect("a client");
    deleted.delete(format!("{}/servers/{id}", world.server.url())).send().await.expect("sent");
    assert_eq!(resource.remains(&world.call("t2"), &made).await.expect("looked"), None);
}

#[tokio::test]
async fn an_id_that_the_client_chose_is_looked_for_after_a_lost_reply() {
    let world = World::new().await;
    let attachment = json!({
        "id": "vol-1",
        "create": { "path": "/servers/s1/volumes", "body": { "volumeId": "{id}" } },
        "read": { "path": "/servers/s1/volumes", "search": { "list": "/attachments", "where": "/volumeId" } },
        "delete": { "path": "/servers/s1/volumes/{id}" },
    });
    world.server.fault("POST", "/servers/s1/volumes", 1, json!({ "kind": "lose" })).await;
    world.apply("t1", &attachment, None).await.expect("found");
    assert_eq!(world.server.objects("attachment").await.len(), 1);
    assert_eq!(world.server.requests("POST", "/servers/s1/volumes").await.len(), 1);
}

/// The effect of the first try, whose reply was lost, is not forgotten over the refusal of the last.
#[tokio::test]
async fn a_refusal_after_a_lost_reply_leaves_the_doubt() {
    let world = World::with(json!({ "retries": 1, "longest_pause": "50ms" })).await;
    let mut config = without(server("web"), "find");
    config["create"]["idempotent"] = json!(true);
    world.server.fault("POST", "/servers", 1, json!({ "kind": "lose" })).await;
    world.server.fault("POST", "/servers", 1, json!({ "kind": "refuse", "status": 429 })).await;
    let fault = world.apply("t1", &config, None).await.expect_err("in doubt");
    assert!(fault.summary.contains("whether it was made is not known"), "{fault}");
    assert!(fault.detail.contains("429 Too Many Requests"), "{fault}");
    assert!(fault.partial.expect("the doubt")["id"].is_null());
    assert_eq!(world.server.objects("server").await.len(), 1);
}

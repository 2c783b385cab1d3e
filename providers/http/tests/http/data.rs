use mprov_sdk::{Fault, Object, Value};
use serde_json::{Value as Json, json};

use crate::support::{World, value};

async fn read(world: &World, config: Json) -> Result<Object, Fault> {
    let Value::Object(given) = value(&config) else { panic!("an object") };
    let given = (*given).clone();
    let method = if given["method"].is_null() { "GET".into() } else { given["method"].clone() };
    world.data().read(&world.call("r"), &given.with("method", method)).await
}

#[tokio::test]
async fn a_reply_in_all_its_parts() {
    let world = World::new().await;
    world.server.add(json!({ "kind": "thing", "name": "x", "sizes": [1, 2] })).await;
    let whole = format!("{}/things/o1", world.server.url());
    for url in ["/things/o1", whole.as_str()] {
        let reply = read(&world, json!({ "url": url })).await.expect("read");
        assert_eq!(reply["status"], 200.into());
        let body = reply["body_json"].as_object().expect("an object");
        assert_eq!((&body["name"], &body["sizes"]), (&"x".into(), &Value::tuple([1.into(), 2.into()])));
        assert!(reply.str("body").expect("a text").starts_with('{'));
        assert_eq!(reply["headers"].as_object().expect("a map")["etag"], "\"o1\"".into());
    }
    let text = read(&world, json!({ "url": "/text" })).await.expect("read");
    assert!(text["body_json"].is_null());
    assert_eq!(text["body"], "no JSON, and not much else".into());
}

#[tokio::test]
async fn expected_statuses_are_no_error() {
    let world = World::new().await;
    let fault = read(&world, json!({ "url": "/things/none" })).await.expect_err("not there");
    assert_eq!(fault.summary, "GET /things/none answered 404 Not Found");
    assert!(fault.detail.contains("no such path"), "{fault}");
    let reply = read(&world, json!({ "url": "/things/none", "expect": [200, 404] })).await.expect("expected");
    assert_eq!(reply["status"], 404.into());
}

#[tokio::test]
async fn a_post_carries_a_body_and_is_repeated() {
    let world = World::with(json!({ "longest_pause": "50ms" })).await;
    let asked = json!({ "url": "/echo", "method": "POST", "request_body": { "q": [1] }, "retries": 2 });
    world.server.fault("POST", "/echo", 2, json!({ "kind": "lose" })).await;
    let reply = read(&world, asked.clone()).await.expect("read");
    assert_eq!(reply["body_json"].as_object().expect("an object")["body"], value(&json!({ "q": [1] })));
    world.server.fault("POST", "/echo", 3, json!({ "kind": "lose" })).await;
    read(&world, asked).await.expect_err("lost three times");
    assert_eq!(world.server.requests("POST", "/echo").await.len(), 6);
}

#[tokio::test]
async fn credentials_go_to_the_providers_server_only() {
    let world = World::with(json!({ "headers": { "X-Api-Key": "key-0123456789" } })).await;
    let other = World::new().await;
    let ask = |url: String| json!({ "url": url, "method": "POST", "request_body": "x" });
    let ours = read(&world, ask("/echo".into())).await.expect("read");
    assert_eq!(ours["body_json"].as_object().expect("an object")["key"].unmark().0, &"key-0123456789".into());
    // What repeats a secret is a secret.
    assert!(ours["body"].contains_sensitive());
    let theirs = read(&world, ask(format!("{}/echo", other.server.url()))).await.expect("read");
    assert!(theirs["body_json"].as_object().expect("an object")["key"].is_null());
    assert!(other.server.requests("POST", "/echo").await[0]["headers"]["x-api-key"].is_null());

    world.server.add(json!({ "kind": "thing", "name": "x" })).await;
    let within = read(&world, json!({ "url": "/redirect/a?to=/things/o1" })).await.expect("followed");
    assert_eq!(within["status"], 200.into());
    let away = format!("/redirect/a?to={}/things/o1", other.server.url());
    let fault = read(&world, json!({ "url": away })).await.expect_err("not followed");
    assert!(fault.summary.contains("302"), "{fault}");
    assert!(other.server.requests("GET", "/things").await.is_empty());
}

#[tokio::test]
async fn a_secret_reply_is_marked() {
    let world = World::new().await;
    let reply = read(&world, json!({ "url": "/text", "sensitive": true })).await.expect("read");
    assert!(reply["body"].contains_sensitive() && reply["body_json"].contains_sensitive());
    assert!(reply["headers"].contains_sensitive() && !reply["status"].contains_sensitive());
}

#[tokio::test]
async fn what_changes_something_is_no_data_source() {
    let world = World::new().await;
    let wrong = |config: Json| {
        let Value::Object(config) = value(&config) else { panic!("an object") };
        world.provider.validate("http_request", &config).has_errors()
    };
    assert!(wrong(json!({ "url": "/", "method": "DELETE" })));
    assert!(wrong(json!({ "url": "/", "method": "GET", "request_body": "x" })));
    assert!(wrong(json!({ "url": "/", "method": "GET", "retries": 1000 })));
    assert!(!wrong(json!({ "url": "/", "method": "POST", "request_body": "x", "retries": 0 })));
}

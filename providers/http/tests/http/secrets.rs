use mprov_sdk::Value;
use serde_json::json;

use crate::support::{World, server};

const CANARY: &str = "canary \"8b1a\"\n9953-c461";

#[tokio::test]
async fn an_error_that_repeats_secrets_is_told_without_them() {
    let world = World::with(json!({ "headers": { "Authorization": "Bearer provider-secret" } })).await;
    let mut config = server("web");
    config["create"]["body"]["server"]["user_data"] = json!({ "$secret": CANARY });
    config["create"]["headers"] = json!({ "X-Key": { "$secret": "header-secret" } });
    world.server.fault("POST", "/servers", 1, json!({ "kind": "echo", "status": 422 })).await;
    let fault = world.apply("t1", &config, None).await.expect_err("refused");
    let told = fault.to_string();
    assert!(told.contains("you_sent") || told.contains("(sensitive)"), "{told}");
    for secret in ["8b1a", "9953", "header-secret", "provider-secret"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[tokio::test]
async fn secrets_are_sent_and_stay_marked() {
    let world = World::new().await;
    let mut config = server("web");
    config["create"]["body"]["server"]["user_data"] = json!({ "$secret": CANARY });
    config["outputs"]["user_data"] = json!("/server/user_data");
    config["outputs"]["key"] = json!("/server/flavor");
    config["sensitive_outputs"] = json!(["key"]);
    let planned = world.plan(&config, None).await.expect("planned");
    let output = planned.after["output"].as_object().expect("outputs").clone();
    assert!(output["key"].contains_sensitive() && !output["status"].contains_sensitive());
    let made = world.apply("t1", &config, None).await.expect("made");
    assert_eq!(world.server.objects("server").await[0]["user_data"], json!(CANARY));
    let output = made["output"].as_object().expect("outputs");
    // Declared secret; and a secret that the API repeats.
    assert!(output["key"].contains_sensitive() && output["user_data"].contains_sensitive());
    assert_eq!(output["user_data"].unmark().0, &Value::from(CANARY));
    assert!(!output["status"].contains_sensitive());
    assert!(!world.events.text().contains("8b1a"));
    let body = &made["create"].as_object().expect("a block")["body"];
    assert!(body.contains_sensitive());
}

#[tokio::test]
async fn a_token_is_not_shown_in_an_error() {
    let mut world = World::new().await;
    world.server.set(json!({ "auth": "login", "secret": "pass-phrase" })).await;
    world
        .again(json!({ "login": {
            "url": format!("{}/login", world.server.url()),
            "body": { "auth": { "password": "pass-phrase" } },
            "token": "header:X-Subject-Token",
            "header": "X-Auth-Token",
        } }))
        .await;
    world.server.fault("POST", "/servers", 1, json!({ "kind": "echo", "status": 422 })).await;
    let fault = world.apply("t1", &server("web"), None).await.expect_err("refused");
    let sent = world.server.requests("POST", "/servers").await;
    let token = sent[0]["headers"]["x-auth-token"].as_str().expect("a token");
    assert!(!fault.to_string().contains(token), "{fault}");
    assert!(fault.detail.contains("(sensitive)"), "{fault}");
}

use serde_json::json;

use crate::support::{World, server};

#[tokio::test]
async fn a_constant_header() {
    let mut world = World::with(json!({ "headers": { "X-Api-Key": "key-0123456789" } })).await;
    world.server.set(json!({ "auth": "header", "secret": "key-0123456789" })).await;
    let made = world.apply("t1", &server("web"), None).await.expect("made");
    world.again(json!({ "headers": { "X-Api-Key": "key-wrong-12345" } })).await;
    let fault = world.resource().read(&world.call("r"), &made).await.expect_err("refused");
    assert!(fault.summary.ends_with("answered 401 Unauthorized"), "{fault}");
    assert!(fault.detail.contains("how the provider authenticates"), "{fault}");
}

#[tokio::test]
async fn basic() {
    let mut world = World::with(json!({ "basic": { "username": "admin", "password": "pässword" } })).await;
    world.server.set(json!({ "auth": "basic", "secret": "admin:pässword" })).await;
    let made = world.apply("t1", &server("web"), None).await.expect("made");
    world.again(json!({ "basic": { "username": "admin", "password": "wrong" } })).await;
    let fault = world.resource().read(&world.call("r"), &made).await.expect_err("refused");
    assert!(fault.summary.ends_with("answered 401 Unauthorized"), "{fault}");
    assert_eq!(
        world
            .server
            .requests("GET", "/servers")
            .await
            .iter()
            .filter(|r| r["headers"]["authorization"].is_null())
            .count(),
        0
    );
}

fn oauth2(world_url: &str, secret: &str, more: serde_json::Value) -> serde_json::Value {
    let mut block = json!({
        "token_url": format!("{world_url}/oauth/token"),
        "client_id": "mprov client",
        "client_secret": secret,
    });
    for (name, value) in more.as_object().expect("an object") {
        block[name] = value.clone();
    }
    json!({ "oauth2": block })
}

#[tokio::test]
async fn a_token_is_fetched_once_and_kept() {
    for place in ["header", "body"] {
        let mut world = World::new().await;
        let secret = "s:cr&t+1";
        world
            .server
            .set(json!({ "auth": "oauth2", "secret": format!("mprov client:{secret}"), "scope": "a b" }))
            .await;
        let more = json!({ "credentials_in": place, "scopes": ["a", "b"] });
        world.again(oauth2(&world.server.url(), secret, more)).await;
        let made = world.apply("t1", &server("web"), None).await.expect("made");
        let reads = (0..8).map(|_| {
            let (resource, call, made) = (world.resource(), world.call("r"), made.clone());
            tokio::spawn(async move { resource.read(&call, &made).await })
        });
        for read in reads.collect::<Vec<_>>() {
            assert!(read.await.expect("ended").expect("read").is_some());
        }
        assert_eq!(world.server.issued().await, 1, "{place}");
    }
}

#[tokio::test]
async fn a_token_is_renewed_when_it_ends_and_when_it_is_refused() {
    let mut world = World::new().await;
    world
        .server
        .set(json!({ "auth": "oauth2", "secret": "mprov client:secret-1", "token_lifetime": 1 }))
        .await;
    world.again(oauth2(&world.server.url(), "secret-1", json!({}))).await;
    let made = world.apply("t1", &server("web"), None).await.expect("made");
    let began = world.server.now().await;
    let before = world.server.issued().await;
    // Longer than one lifetime: no read is ever refused, because a token is renewed before it ends.
    while world.server.now().await < began + 1.5 {
        world.resource().read(&world.call("r"), &made).await.expect("read").expect("there");
    }
    let issued = world.server.issued().await - before;
    assert!((1..=4).contains(&issued), "{issued} tokens in 1.5 lifetimes");

    world.server.set(json!({ "token_lifetime": 3600 })).await;
    world.resource().read(&world.call("r"), &made).await.expect("read");
    world.server.revoke_tokens().await;
    let before = world.server.issued().await;
    assert!(world.resource().read(&world.call("r"), &made).await.expect("read").is_some());
    assert_eq!(world.server.issued().await, before + 1);
}

#[tokio::test]
async fn a_wrong_client_secret_is_told_once_and_not_shown() {
    let mut world = World::new().await;
    world.server.set(json!({ "auth": "oauth2", "secret": "mprov client:right" })).await;
    world.again(oauth2(&world.server.url(), "wrong-secret", json!({}))).await;
    let fault = world.apply("t1", &server("web"), None).await.expect_err("no token");
    assert_eq!(fault.summary, "no token was given: POST /oauth/token answered 401 Unauthorized");
    assert!(fault.detail.contains("invalid_client: unknown client"), "{fault}");
    assert!(!fault.to_string().contains("wrong-secret"), "{fault}");
    assert!(fault.partial.is_none());
    assert_eq!(world.server.requests("POST", "/").await.len(), 1);
}

#[tokio::test]
async fn a_login_gives_a_token() {
    let mut world = World::new().await;
    world.server.set(json!({ "auth": "login", "secret": "pass-phrase", "token_lifetime": 3600 })).await;
    let login = |password: &str| {
        json!({ "login": {
            "url": format!("{}/login", world.server.url()),
            "body": { "auth": { "password": { "$secret": password } } },
            "token": "header:X-Subject-Token",
            "expires": "/token/expires_at",
            "header": "X-Auth-Token",
        } })
    };
    let (right, wrong) = (login("pass-phrase"), login("pass-wrong"));
    world.again(right).await;
    let made = world.apply("t1", &server("web"), None).await.expect("made");
    assert_eq!(world.server.issued().await, 1);
    world.server.revoke_tokens().await;
    assert!(world.resource().read(&world.call("r"), &made).await.expect("read").is_some());
    assert_eq!(world.server.issued().await, 2);

    world.again(wrong).await;
    let fault = world.resource().read(&world.call("r"), &made).await.expect_err("refused");
    assert!(fault.summary.starts_with("the login failed: POST /login answered 401"), "{fault}");
    assert!(fault.detail.contains("wrong password (sensitive)"), "{fault}");
}

#[tokio::test]
async fn several_ways_at_once_are_refused() {
    let provider = mprov_provider_http::provider();
    let block = |fields: &[&str]| {
        let fields = fields.iter().map(|name| (*name, mprov_sdk::Value::from("https://a.example")));
        mprov_sdk::Value::object(fields)
    };
    let config = mprov_sdk::Object::new()
        .with("url", "https://a.example")
        .with("basic", block(&["username", "password"]))
        .with("oauth2", block(&["token_url", "client_id", "client_secret"]));
    let refused = provider.configure(&config, mprov_sdk::Services::default()).await.err().expect("refused");
    assert!(refused.detail.contains("Keep one of"), "{refused}");
}

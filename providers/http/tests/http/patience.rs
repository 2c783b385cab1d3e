use serde_json::json;

use crate::support::{World, server};

#[tokio::test]
async fn a_server_that_is_too_busy_is_asked_again_when_it_said() {
    let world = World::new().await;
    let busy = json!({ "kind": "refuse", "status": 429, "headers": { "Retry-After": "1" } });
    world.server.fault("POST", "/servers", 2, busy).await;
    world.server.fault("GET", "/servers", 1, json!({ "kind": "refuse", "status": 503, "retry_at": 1 })).await;
    world.apply("t1", &server("web"), None).await.expect("made");
    let posts = world.server.requests("POST", "/servers").await;
    assert_eq!((posts.len(), world.server.objects("server").await.len()), (3, 1));
    for pair in posts.windows(2) {
        let gap = pair[1]["at"].as_f64().expect("a time") - pair[0]["at"].as_f64().expect("a time");
        assert!(gap >= 1.0, "asked again after {gap} s");
    }
    let told = world.events.text();
    assert!(told.contains("POST /servers: 429 Too Many Requests; trying again in 1."), "{told}");
    assert!(told.contains("503 Service Unavailable; trying again"), "{told}");
}

#[tokio::test]
async fn tries_come_to_an_end() {
    let world = World::with(json!({ "retries": 2, "longest_pause": "50ms" })).await;
    world.server.fault("POST", "/servers", 9, json!({ "kind": "refuse", "status": 429 })).await;
    let fault = world.apply("t1", &server("web"), None).await.expect_err("too busy");
    assert_eq!(fault.summary, "POST /servers answered 429 Too Many Requests");
    assert!(fault.partial.is_none());
    assert_eq!(world.server.requests("POST", "/servers").await.len(), 3);
}

#[tokio::test]
async fn nobody_waits_longer_than_is_set() {
    let world = World::new().await;
    let busy = json!({ "kind": "refuse", "status": 503, "headers": { "Retry-After": "3600" } });
    world.server.fault("POST", "/servers", 1, busy).await;
    let fault = world.apply("t1", &server("web"), None).await.expect_err("too long");
    assert!(fault.detail.contains("left alone for 3600 s"), "{fault}");
    assert_eq!(world.server.requests("POST", "/servers").await.len(), 1);
}

#[tokio::test]
async fn reads_are_repeated_and_creates_are_not() {
    let world = World::with(json!({ "longest_pause": "50ms" })).await;
    let made = world.apply("t1", &server("web"), None).await.expect("made");
    for how in [json!({ "kind": "refuse", "status": 504 }), json!({ "kind": "lose" })] {
        world.server.fault("GET", "/servers/", 2, how.clone()).await;
        assert!(world.resource().read(&world.call("r"), &made).await.expect("read").is_some(), "{how}");
    }
    let before = world.server.requests("POST", "/servers").await.len();
    world.server.fault("POST", "/servers", 1, json!({ "kind": "refuse", "status": 504 })).await;
    world.apply("t2", &server("web"), None).await.expect_err("nothing was made");
    assert_eq!(world.server.requests("POST", "/servers").await.len(), before + 1);
}

#[tokio::test]
async fn a_lost_reply_of_a_delete_does_no_harm() {
    let world = World::with(json!({ "longest_pause": "50ms" })).await;
    let made = world.apply("t1", &server("web"), None).await.expect("made");
    world.server.fault("DELETE", "/servers/", 1, json!({ "kind": "lose" })).await;
    world.delete(&made).await;
    assert!(world.server.objects("server").await.is_empty());
}

#[tokio::test]
async fn what_is_too_early_is_tried_again() {
    let world = World::new().await;
    let mut config = server("web");
    config["delete"]["retry_on"] = json!([409]);
    let made = world.apply("t1", &config, None).await.expect("made");
    let in_use = json!({ "kind": "refuse", "status": 409, "body": { "error": "in use" } });
    world.server.fault("DELETE", "/servers/", 2, in_use.clone()).await;
    world.resource().delete(&world.call("t2"), &made).await.expect("deleted");
    assert_eq!(world.server.requests("DELETE", "/servers/").await.len(), 3);
    assert!(world.events.text().contains("409 Conflict; not yet"), "{}", world.events.text());

    config["delete"]["retry_for"] = json!("100ms");
    let made = world.apply("t3", &config, None).await.expect("made");
    world.server.fault("DELETE", "/servers/", 99, in_use).await;
    let fault = world.resource().delete(&world.call("t4"), &made).await.expect_err("in use");
    assert!(fault.summary.ends_with("answered 409 Conflict") && fault.detail.contains("in use"), "{fault}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let mut world = World::new().await;
    let made = world.apply("t1", &server("web"), None).await.expect("made");
    world.again(json!({ "timeout": "200ms", "retries": 0 })).await;
    world.server.fault("GET", "/servers/", 1, json!({ "kind": "hang", "seconds": 2 })).await;
    let fault = world.resource().read(&world.call("r"), &made).await.expect_err("silence");
    assert!(fault.detail.contains("no answer within 0.2 s"), "{fault}");
}

#[tokio::test]
async fn nobody_listens() {
    let mut world = World::new().await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address")
    };
    world.again(json!({ "url": format!("http://{closed}"), "retries": 1, "longest_pause": "10ms" })).await;
    let fault = world.apply("t1", &server("web"), None).await.expect_err("nobody");
    assert!(fault.detail.starts_with("No connection to 127.0.0.1 could be made"), "{fault}");
    // Nothing was sent, so nothing is in doubt.
    assert!(fault.partial.is_none());
}

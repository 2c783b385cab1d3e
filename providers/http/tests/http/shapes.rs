//! APIs of other shapes than servers with an id in a JSON reply.

use mprov_sdk::Verdict;
use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn the_client_chooses_the_id() {
    let world = World::new().await;
    let bucket = |size: u8| {
        json!({
            "id": "my bucket",
            "create": { "method": "PUT", "path": "/buckets/{id}", "body": { "size": size } },
            "read": { "path": "/buckets/{id}" },
            "update": { "path": "/buckets/{id}" },
            "delete": { "path": "/buckets/{id}" },
            "compare": { "/size": size },
        })
    };
    let made = world.apply("t1", &bucket(1), None).await.expect("made");
    assert_eq!(made["id"], "my bucket".into());
    let larger = world.apply("t2", &bucket(2), Some(&made)).await.expect("changed");
    assert_eq!(world.server.objects("bucket").await[0]["size"], 2);
    // What is there already is somebody's.
    let fault = world.apply("t3", &bucket(3), None).await.expect_err("exists");
    assert!(fault.summary.contains("exists already"), "{fault}");
    assert_eq!(world.server.objects("bucket").await[0]["size"], 2);
    let fault =
        world.resource().find(&world.call("t4"), &world.config(&bucket(2))).await.expect_err("whose?");
    assert!(fault.partial.is_some());
    world.delete(&larger).await;
    let found = world.resource().find(&world.call("t4"), &world.config(&bucket(2))).await;
    assert_eq!(found.expect("looked"), None);
    let other = {
        let mut b = bucket(2);
        b["id"] = json!("other");
        b
    };
    assert_eq!(world.plan(&other, Some(&larger)).await.expect("planned").verdict, Verdict::Create);
}

#[tokio::test]
async fn the_id_is_a_location() {
    let world = World::new().await;
    let thing = json!({
        "create": { "path": "/things", "body": { "name": "x" }, "expect": [201] },
        "id_from": "header:Location",
        "read": { "path": "{+id}" },
        "delete": { "path": "{+id}", "expect": [204] },
        "outputs": { "name": "/name", "etag": "header:ETag", "status": "status", "nothing": "/nothing" },
    });
    let made = world.apply("t1", &thing, None).await.expect("made");
    assert!(made.str("id").expect("an id").starts_with("/things/thing-"));
    let output = made["output"].as_object().expect("outputs");
    assert_eq!((&output["name"], &output["status"]), (&"x".into(), &200.into()));
    assert!(output["etag"].as_str().expect("a text").starts_with("\"thing-") && output["nothing"].is_null());
    world.delete(&made).await;
}

#[tokio::test]
async fn an_operation_is_followed_and_a_tombstone_is_gone() {
    let world = World::new().await;
    let cluster = json!({
        "create": {
            "path": "/clusters",
            "body": { "name": "c" },
            "wait": {
                "path_from": "header:Operation-Location",
                "place": "/state",
                "wanted": ["done"],
                "pending": ["running"],
                "interval": "50ms",
            },
        },
        "read": { "path": "/clusters/{id}", "gone": { "place": "/status", "values": ["DELETED"] } },
        "delete": { "path": "/clusters/{id}" },
        "outputs": { "status": "/status" },
    });
    let made = world.apply("t1", &cluster, None).await.expect("made");
    assert_eq!(made["output"].as_object().expect("outputs")["status"], "ACTIVE".into());
    assert!(!world.server.requests("GET", "/operations/").await.is_empty());
    let again = world.apply("t1", &cluster, Some(&made)).await.expect("nothing to do");
    assert_eq!(again, made);
    // The address of the operation is lost with the reply: it is enough that it can be read.
    world.server.add(json!({ "kind": "cluster", "name": "c", "status": "ACTIVE" })).await;
    let unfinished = made.clone().with("id", "o2").with("ready", false);
    world.apply("t3", &cluster, Some(&unfinished)).await.expect("finished");
    let resource = world.resource();
    resource.delete(&world.call("t2"), &made).await.expect("deleted");
    assert_eq!(resource.read(&world.call("r"), &made).await.expect("read"), None);
}

#[tokio::test]
async fn a_state_that_nobody_named_is_a_failure_where_the_pending_ones_are() {
    let world = World::new().await;
    let cluster = json!({
        "create": {
            "path": "/clusters",
            "body": { "name": "c" },
            "wait": { "place": "/status", "wanted": ["READY"], "pending": ["BUILD"], "interval": "50ms" },
        },
        "read": { "path": "/clusters/{id}" },
        "delete": { "path": "/clusters/{id}" },
    });
    let fault = world.apply("t1", &cluster, None).await.expect_err("ACTIVE is not READY");
    assert!(fault.summary.contains("/status is ACTIVE"), "{fault}");
    assert!(!fault.resumable && fault.partial.is_some());
}

#[tokio::test]
async fn it_is_read_from_a_list() {
    let world = World::new().await;
    let attachment = json!({
        "id": "vol-2",
        "create": { "path": "/servers/s1/volumes", "body": { "volumeId": "{id}" } },
        "read": {
            "path": "/servers/s1/volumes",
            "search": { "list": "/attachments", "where": "/volumeId" },
        },
        "delete": { "path": "/servers/s1/volumes/{id}" },
        "outputs": { "device": "/device" },
    });
    world.server.add(json!({ "kind": "attachment", "server": "s1", "volume": "vol-1" })).await;
    let made = world.apply("t1", &attachment, None).await.expect("made");
    assert_eq!(made["output"].as_object().expect("outputs")["device"], "/dev/vdb".into());
    world.delete(&made).await;
    assert_eq!(world.server.objects("attachment").await.len(), 1);
}

#[tokio::test]
async fn a_body_may_be_text() {
    let world = World::new().await;
    let bucket = |text: &str| {
        json!({
            "id": "b",
            "create": { "method": "PUT", "path": "/buckets/{id}", "body": text },
            "read": { "path": "/buckets/{id}" },
            "update": { "path": "/buckets/{id}" },
            "delete": { "path": "/buckets/{id}" },
        })
    };
    let made = world.apply("t1", &bucket("{\"size\": 1, \"name\": \"b\"}"), None).await.expect("made");
    assert_eq!(world.server.objects("bucket").await[0]["size"], 1);
    assert_eq!(world.server.requests("PUT", "/").await[0]["headers"]["content-type"], "application/json");
    // Another spelling says the same: it is recorded and not sent.
    let same =
        world.attempt("t2", &bucket("{\"name\": \"b\", \"size\": 1}"), Some(&made)).await.expect("same");
    assert_eq!(world.server.requests("PUT", "/").await.len(), 1);
    world.apply("t3", &bucket("{\"size\": 2, \"name\": \"b\"}"), Some(&same)).await.expect("changed");
    assert_eq!(world.server.objects("bucket").await[0]["size"], 2);
}

use serde_json::json;

use crate::support::{World, server};

#[tokio::test]
async fn no_more_requests_than_allowed_are_begun() {
    const RATE: u32 = 20;
    let mut world = World::new().await;
    let made = world.apply("t1", &server("web"), None).await.expect("made");
    world.again(json!({ "requests_per_second": RATE })).await;
    let before = world.server.requests("GET", "/servers/").await.len();
    let began = world.server.now().await;
    let reads = (0..40).map(|_| {
        let (resource, call, made) = (world.resource(), world.call("r"), made.clone());
        tokio::spawn(async move { resource.read(&call, &made).await })
    });
    for read in reads.collect::<Vec<_>>() {
        read.await.expect("ended").expect("read");
    }
    let requests = &world.server.requests("GET", "/servers/").await[before..];
    assert_eq!(requests.len(), 40);
    let last = requests.iter().map(|r| r["at"].as_f64().expect("a time")).fold(0.0, f64::max);
    let allowed = f64::from(RATE) * (last - began) + 1.0;
    assert!(40.0 <= allowed, "40 requests within {} s", last - began);
}

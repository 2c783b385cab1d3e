use std::time::Duration;

use mprov_provider_aws::provider_at;
use mprov_sdk::{Object, Services};

use crate::proxy::Fault;
use crate::world::{PACE, World, ZONE, without_unknown};

fn disk() -> Object {
    Object::new().with("availability_zone", ZONE).with("size", 10)
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_is_waited_out_and_told() {
    let world = World::new().await;
    world.proxy.inject("CreateVolume", 3, Fault::Refused(503, "RequestLimitExceeded"));
    world.proxy.inject("DescribeVolumes", 2, Fault::Refused(400, "Throttling"));
    let made = world.make("aws_volume", "data", disk()).await;
    let told = world.events.text();
    assert!(told.contains("EC2 says RequestLimitExceeded: trying again (3)"), "{told}");
    assert!(told.contains("EC2 says Throttling"), "{told}");
    assert_eq!(world.alive("aws_volume", "data").await.len(), 1);
    world.delete("aws_volume", &made).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_without_end_is_a_fault_that_says_so() {
    let world = World::new().await;
    world.proxy.inject("CreateVpc", PACE.tries, Fault::Refused(503, "RequestLimitExceeded"));
    let config = Object::new().with("cidr", "10.8.0.0/16");
    let fault = world.apply("aws_vpc", "vpc", &config, None).await.expect_err("throttled");
    assert!(fault.detail.contains("too many requests"), "{fault}");
    assert!(world.alive("aws_vpc", "vpc").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_clear_answers_is_a_fault_and_makes_nothing_twice() {
    let world = World::new().await;
    world.proxy.inject("CreateVpc", 20, Fault::Refused(500, "InternalError"));
    let config = Object::new().with("cidr", "10.8.0.0/16");
    let fault = world.apply("aws_vpc", "vpc", &config, None).await.expect_err("no answer");
    assert!(fault.detail.contains("no clear answer"), "{fault}");
    assert!(world.alive("aws_vpc", "vpc").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_answers_are_waited_for() {
    let world = World::new().await;
    world.proxy.inject("CreateVolume", 1, Fault::Late(Duration::from_millis(700)));
    let made = world.make("aws_volume", "data", disk()).await;
    world.delete("aws_volume", &made).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_a_wait_and_what_was_made_is_told() {
    let world = World::new().await;
    let planned = without_unknown(&world.plan("aws_volume", &disk(), None).await.expect("a plan").after);
    world.proxy.throttle_after("CreateVolume", "DescribeVolumes");
    let call = world.call("data");
    let (cancel, resource) = (call.cancel.clone(), world.resource("aws_volume"));
    let creating = tokio::spawn(async move { resource.create(&call, &planned).await });
    while !world.events.text().contains("trying again") {
        assert!(!creating.is_finished());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    cancel.cancel();
    let fault = creating.await.expect("no panic").expect_err("it was interrupted");
    assert!(fault.resumable, "{fault}");
    let partial = fault.partial.expect("the volume is known");
    assert!(fault.detail.contains("interrupted"), "{}", fault.detail);
    world.proxy.calm();
    let done = world.apply("aws_volume", "finish", &disk(), Some(&partial)).await.expect("finished");
    assert_eq!(world.alive("aws_volume", "data").await, [done.str("id").expect("id").to_owned()].into());
    world.delete("aws_volume", &done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_credentials_and_regions_are_told_before_anything_is_done() {
    let provider = provider_at(PACE);
    let config = Object::new()
        .with("region", "us-east-1")
        .with("profile", "nobody")
        .with("credentials_file", "/nonexistent/credentials");
    let Err(fault) = provider.configure(&config, Services::default()).await else {
        panic!("there are no credentials")
    };
    assert_eq!(fault.summary, "no AWS credentials were found");
    assert!(fault.detail.contains("AWS_PROFILE"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_where_nobody_listens_is_a_fault() {
    let world = World::with(mprov_provider_aws::Pace { tries: 2, ..PACE }).await;
    let session = crate::world::session(&world.provider, 1).await;
    let source = session.data_source("aws_availability_zones").expect("a known type");
    let fault = source.read(&world.call("data"), &Object::new()).await.expect_err("nobody listens");
    assert!(fault.detail.contains("no clear answer"), "{fault}");
}

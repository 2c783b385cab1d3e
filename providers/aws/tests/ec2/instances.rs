use std::time::Duration;

use mprov_sdk::{Object, Value, Verdict};

use crate::lifecycle::Lifecycle;
use crate::moto;
use crate::proxy::Fault;
use crate::world::{World, ZONE, changed, without_unknown};
use crate::xml;

const KIND: &str = "aws_instance";
const SCRIPT: &str = "#cloud-config\npackages: [docker.io]\n# Grüße\n";

async fn config(world: &World) -> Object {
    Object::new()
        .with("name", world.name("vm"))
        .with("image", moto::image())
        .with("instance_type", "t3.small")
        .with("availability_zone", ZONE)
        .with("user_data", SCRIPT)
        .with("root_volume", root(20))
}

fn root(size: i64) -> Value {
    let nothing = ["iops", "throughput", "encrypted", "kms_key_id"].map(|name| (name, Value::Null));
    Value::object([("size", size.into()), ("type", "gp3".into())].into_iter().chain(nothing))
}

#[tokio::test(flavor = "multi_thread")]
async fn instances() {
    let world = &World::new().await;
    let config = config(world).await;
    let changed = config
        .clone()
        .with("instance_type", "t3.large")
        .with("user_data", "#!/bin/sh\ntrue\n")
        .with("root_volume", root(30))
        .with("tags", Value::map([("site", Value::from("a"))]));
    let action = "RunInstances";
    Lifecycle { world, kind: KIND, action, config, changed: Some(changed) }.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_session_tokens_only_and_holds_what_was_asked_for() {
    let world = World::new().await;
    let (vpc, subnet) = world.network().await;
    let key = Object::new().with("name", world.name("key")).with("public_key", crate::networks::KEY);
    let key = world.make("aws_key_pair", "key", key).await;
    let group = Object::new().with("name", world.name("web")).with("vpc_id", vpc["id"].clone());
    let group = world.make("aws_security_group", "group", group).await;
    let wanted = config(&world)
        .await
        .with("availability_zone", Value::Null)
        .with("subnet_id", subnet["id"].clone())
        .with("key_name", key["name"].clone())
        .with("security_group_ids", Value::list([group["id"].clone()]));
    let made = world.make(KIND, "vm", wanted).await;
    assert_eq!(made["status"], "running".into());
    assert_eq!(made["availability_zone"], ZONE.into());
    let raw = world.raw("DescribeInstances", &[("InstanceId.1", made.str("id").expect("an id"))]).await;
    assert_eq!(xml::text(&raw, "httpTokens"), Some("required"));
    assert_eq!(xml::text(&raw, "keyName"), key["name"].as_str());
    let root = world.raw("DescribeVolumes", &[("VolumeId.1", made.str("root_volume_id").expect("id"))]).await;
    assert!(root.contains("mprov:address") && !root.contains("mprov:token"), "{root}");
    for (kind, made) in [
        (KIND, &made),
        ("aws_security_group", &group),
        ("aws_key_pair", &key),
        ("aws_subnet", &subnet),
        ("aws_vpc", &vpc),
    ] {
        world.delete(kind, made).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_type_stops_changes_and_starts_it() {
    let world = World::new().await;
    let wanted = config(&world).await;
    let made = world.make(KIND, "vm", wanted.clone()).await;
    let larger = wanted.with("instance_type", "t3.large");
    let planned = world.plan(KIND, &larger, Some(&made)).await.expect("a plan");
    assert_eq!(planned.verdict, Verdict::Update);
    assert!(planned.impact.downtime.is_some_and(|time| time >= Duration::from_secs(60)));
    let before = world.proxy.state().done.len();
    let done = world.apply(KIND, "larger", &larger, Some(&made)).await.expect("it is changed");
    assert_eq!((&done["instance_type"], &done["status"]), (&"t3.large".into(), &"running".into()));
    let calls = world.proxy.state().done[before..].to_vec();
    let changes: Vec<&String> = calls.iter().filter(|action| !action.starts_with("Describe")).collect();
    assert_eq!(changes, ["StopInstances", "ModifyInstanceAttribute", "StartInstances"]);
    world.delete(KIND, &done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_fails_leaves_it_running() {
    let world = World::new().await;
    let wanted = config(&world).await;
    let made = world.make(KIND, "vm", wanted.clone()).await;
    world.proxy.inject("ModifyInstanceAttribute", 1, Fault::Refused(400, "Unsupported"));
    let larger = wanted.with("instance_type", "t3.large");
    let fault = world.apply(KIND, "larger", &larger, Some(&made)).await.expect_err("refused");
    assert!(fault.detail.contains("Unsupported"), "{fault}");
    let seen = world.resource(KIND).read(&world.call("read"), &made).await.expect("read").expect("there");
    assert_eq!(seen["status"], "running".into());
    world.delete(KIND, &made).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_stopped_is_started_by_the_next_apply() {
    let world = World::new().await;
    let wanted = config(&world).await;
    let made = world.make(KIND, "vm", wanted.clone()).await;
    world.raw("StopInstances", &[("InstanceId.1", made.str("id").expect("an id"))]).await;
    let planned = world.plan(KIND, &wanted, Some(&made)).await.expect("a plan");
    assert_eq!(planned.verdict, Verdict::Update);
    assert!(changed(&planned).contains(&"status"), "{:?}", planned.changes);
    let done = world.apply(KIND, "start", &wanted, Some(&made)).await.expect("it is started");
    assert_eq!(done["status"], "running".into());
    world.delete(KIND, &done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_and_protection_change_while_it_runs() {
    let world = World::new().await;
    let wanted = config(&world).await;
    let made = world.make(KIND, "vm", wanted.clone().with("termination_protection", true)).await;
    let fault = world.resource(KIND).delete(&world.call("delete"), &made).await.expect_err("protected");
    assert!(fault.detail.contains("termination_protection"), "{fault}");
    let group = world.make("aws_security_group", "g", Object::new().with("name", world.name("g"))).await;
    let wanted = wanted.with("security_group_ids", Value::list([group["id"].clone()]));
    let done = world.apply(KIND, "open", &wanted, Some(&made)).await.expect("changed in place");
    assert_eq!(world.proxy.count("StopInstances"), 0);
    assert_eq!(done["security_group_ids"], Value::set([group["id"].clone()]));
    world.delete(KIND, &done).await;
    world.delete("aws_security_group", &group).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_volume_does_not_shrink() {
    let world = World::new().await;
    let wanted = config(&world).await;
    let made = world.make(KIND, "vm", wanted.clone()).await;
    let smaller = wanted.with("root_volume", root(10));
    let fault = world.plan(KIND, &smaller, Some(&made)).await.expect_err("it would lose data");
    assert!(fault.summary.contains("cannot become smaller"), "{fault}");
    world.delete(KIND, &made).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lack_of_capacity_is_told_with_what_to_do_and_leaves_nothing() {
    let world = World::new().await;
    world.proxy.inject("RunInstances", 1, Fault::Refused(500, "InsufficientInstanceCapacity"));
    let wanted = config(&world).await;
    let fault = world.apply(KIND, "vm", &wanted, None).await.expect_err("there is no room");
    assert!(fault.detail.contains("InsufficientInstanceCapacity"), "{fault}");
    assert!(fault.detail.contains("availability_zone"), "{fault}");
    assert!(fault.partial.is_none());
    assert!(world.alive(KIND, "vm").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_user_data_stays_a_secret() {
    let world = World::new().await;
    let secret = Value::from("password: hunter2").sensitive();
    let wanted = config(&world).await.with("user_data", secret);
    let made = world.make(KIND, "vm", wanted.clone()).await;
    let seen = world.resource(KIND).read(&world.call("read"), &made).await.expect("read").expect("there");
    let imported = world.resource(KIND).import(&world.call("import"), made.str("id").expect("id")).await;
    for object in [&made, &seen, &imported.expect("imported")] {
        assert_eq!(object.str("user_data").expect("text"), "password: hunter2");
        assert!(!format!("{object:?}").contains("hunter2"), "{object:?}");
    }
    let planned = without_unknown(&world.plan(KIND, &wanted, None).await.expect("a plan").after);
    world.proxy.inject("RunInstances", 1, Fault::Refused(400, "InvalidUserData.Malformed"));
    let fault = world.resource(KIND).create(&world.call("bad"), &planned).await.expect_err("refused");
    let told = format!("{fault:?} {}", world.events.text());
    assert!(!told.contains("hunter2") && !told.contains("cGFzc3dvcmQ"), "{told}");
    world.delete(KIND, &made).await;
}

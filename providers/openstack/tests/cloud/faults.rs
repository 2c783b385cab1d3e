use mprov_sdk::{Object, Verdict};
use serde_json::Value as Json;

use crate::admin::{Admin, PASSWORD, POOR, PROJECT, sign_in, stock};
use crate::rig::rig;
use crate::world::{World, account, id, without_unknown};

#[tokio::test]
async fn quotas_are_told_in_the_clouds_own_words() {
    let world = World::with(account(POOR), stock().await).await;
    let ground = world.ground().await;
    let network = Object::new().with("name", world.name("net"));
    let fault = world.apply("openstack_network", "net", &network, None).await.expect_err("one is enough");
    assert!(fault.detail.contains("409") && fault.detail.contains("quota raised"), "{fault}");
    let volume = Object::new().with("size", 1);
    let fault = world.apply("openstack_volume", "data", &volume, None).await.expect_err("no volumes");
    assert!(fault.detail.contains("413") && fault.detail.contains("quota raised"), "{fault}");
    let instance = world.instance(&ground, "vm");
    let fault = world.apply("openstack_instance", "vm", &instance, None).await.expect_err("no instances");
    assert!(fault.detail.contains("403") && fault.detail.contains("Quota exceeded for instances"), "{fault}");
    assert!(fault.partial.is_none(), "nothing was made");
    let found = world.resource("openstack_instance").find(&world.call("vm"), &instance).await.expect("find");
    assert!(found.is_none());
    world.remove_ground(&ground).await;
}

#[tokio::test]
async fn an_instance_without_room_is_broken_and_says_why() {
    let (world, kind) = (World::new().await, "openstack_instance");
    let admin = Admin::new().await;
    let project = sign_in(PROJECT, PASSWORD, PROJECT).await.1;
    let quota = serde_json::json!({"quota_set": {"cores": -1, "ram": -1}});
    admin.ask("PUT", 8774, &format!("/v2.1/os-quota-sets/{project}"), quota).await;
    let ground = world.ground().await;
    let given = world.instance(&ground, "vm").with("instance_type", "rig.huge");
    let fault = world.apply(kind, "vm", &given, None).await.expect_err("no machine is that large");
    assert!(fault.detail.contains("No valid host") && fault.detail.contains("smaller type"), "{fault}");
    assert!(!fault.resumable, "the next apply replaces it");
    let partial = fault.partial.expect("it exists, as an error");
    assert_eq!(partial.str("status").expect("a status"), "ERROR");
    let wanted = without_unknown(&world.plan(kind, "vm", &given, None).await.expect("a plan").after);
    let found = world.resource(kind).find(&world.call("vm"), &wanted).await.expect_err("half made");
    assert_eq!(found.partial.as_ref().map(id), Some(id(&partial)));
    world.delete(kind, &partial).await;

    let small = world.make(kind, "small", &world.instance(&ground, "small")).await;
    let huge = world.instance(&ground, "small").with("instance_type", "rig.huge");
    let fault = world.apply(kind, "small", &huge, Some(&small)).await.expect_err("it cannot grow to that");
    assert!(fault.detail.contains("as before") || fault.detail.contains("No valid host"), "{fault}");
    let planned =
        world.plan(kind, "small", &world.instance(&ground, "small"), Some(&small)).await.expect("a plan");
    assert_eq!(planned.verdict, Verdict::Nothing, "{:?}", planned.changes);
    world.delete(kind, &small).await;
    world.remove_ground(&ground).await;
}

/// Nova's agent on the machine dies and comes back; whoever waited is interrupted. The instance
/// is recorded as unfinished, and the next apply finishes that one.
#[tokio::test]
async fn an_instance_whose_making_was_interrupted_is_finished_later() {
    let (world, kind) = (World::alone().await, "openstack_instance");
    let ground = world.ground().await;
    let given = world.instance(&ground, "vm");
    let wanted = without_unknown(&world.plan(kind, "vm", &given, None).await.expect("a plan").after);

    rig().run("kill -9 $(cat /run/rig/nova-compute.pid)");
    let call = world.call("vm");
    let (resource, asked, cancel) = (world.resource(kind), wanted.clone(), call.cancel.clone());
    let creating = tokio::spawn(async move { resource.create(&call, &asked).await });
    let by_hand = Admin::with_token(sign_in(PROJECT, PASSWORD, PROJECT).await.0);
    let server = loop {
        let found = by_hand.ask("GET", 8774, "/v2.1/servers/detail", Json::Null).await;
        let servers = found["servers"].as_array().expect("a list").clone();
        let own = servers.into_iter().find(|s| s["name"] == *world.name("vm"));
        if let Some(server) =
            own.filter(|s| s["OS-EXT-STS:task_state"] == "scheduling" || s["status"] == "BUILD")
        {
            break server;
        }
    };
    while !world.events.text().contains("waiting for instance") {
        tokio::task::yield_now().await;
    }
    cancel.cancel();
    let fault = creating.await.expect("no panic").expect_err("it was interrupted");
    assert!(fault.resumable, "{fault}");
    let partial = fault.partial.expect("it exists");
    assert_eq!(id(&partial), server["id"].as_str().expect("an id"));

    rig().run_detached(". /rig/services; start_compute");
    let done =
        world.resource(kind).update(&world.call("vm"), &partial, &wanted.with("id", id(&partial))).await;
    let done = done.expect("it is finished");
    assert_eq!(done.str("status").expect("a status"), "ACTIVE");
    let planned = world.plan(kind, "vm", &given, Some(&done)).await.expect("a plan");
    assert_eq!(planned.verdict, Verdict::Nothing, "{:?}", planned.changes);
    world.delete(kind, &done).await;
    world.remove_ground(&ground).await;
}

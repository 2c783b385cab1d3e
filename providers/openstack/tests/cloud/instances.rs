use mprov_sdk::{Object, Value, Verdict};
use serde_json::Value as Json;

use crate::admin::{Admin, PASSWORD, PROJECT, sign_in};
use crate::rig::rig;
use crate::world::{World, changed, id};

const KIND: &str = "openstack_instance";
const UNTOLD: [&str; 1] = ["user_data"];

#[tokio::test]
async fn an_instance_lives_and_changes_in_place() {
    let world = World::new().await;
    let ground = world.ground().await;
    let group =
        world.make("openstack_security_group", "sg", &Object::new().with("name", world.name("sg"))).await;
    let tags = Value::map([("site", Value::from("uni"))]);
    let given = world.instance(&ground, "vm").with("tags", tags).with("user_data", "#!/bin/sh\ntrue\n");
    let made = world.make(KIND, "vm", &given).await;
    assert_eq!(made.str("status").expect("a status"), "ACTIVE");
    assert!(made.get("public_ip").is_null());
    let untold = [&UNTOLD[..], &["network_id"]].concat();
    world.is_found_and_imported(KIND, "vm", &given, &made, id(&made), &untold).await;
    world.is_not_found_by_another_token(KIND, &given).await;

    let given = given
        .with("name", world.name("renamed"))
        .with("tags", Value::Null)
        .with("security_group_ids", Value::set([group.get("id").clone()]));
    let made = world.change(KIND, "vm", &given, &made).await;
    let found =
        world.resource(KIND).find(&world.call("vm"), &world.config(KIND, &given)).await.expect("find");
    assert!(found.is_some(), "its mark has outlived the change of its tags");

    let larger = given.clone().with("instance_type", "rig.large");
    let planned = world.plan(KIND, "vm", &larger, Some(&made)).await.expect("a plan");
    assert!(planned.impact.downtime.is_some(), "users notice it");
    let made = world.change(KIND, "vm", &larger, &made).await;
    assert_eq!(rig().inspect_instance(id(&made), "{{.HostConfig.Memory}}"), (1024_u64 << 20).to_string());

    let stopped = larger.clone().with("running", false);
    let made = world.change(KIND, "vm", &stopped, &made).await;
    assert_eq!(made.str("status").expect("a status"), "SHUTOFF");
    assert_eq!(rig().inspect_instance(id(&made), "{{.State.Running}}"), "false");
    // Smaller while it does not run, and it does not run afterwards.
    let smaller = stopped.with("instance_type", "rig.small");
    let made = world.change(KIND, "vm", &smaller, &made).await;
    assert_eq!(made.get("running"), &Value::from(false));
    let made = world.change(KIND, "vm", &given, &made).await;
    assert_eq!(rig().inspect_instance(id(&made), "{{.State.Running}}"), "true");

    let other = given.clone().with("user_data", "#!/bin/sh\nfalse\n");
    let planned = world.plan(KIND, "vm", &other, Some(&made)).await.expect("a plan");
    assert_eq!((planned.verdict, changed(&planned)), (Verdict::Replace, vec!["user_data".to_owned()]));
    world.delete(KIND, &made).await;
    world.delete("openstack_security_group", &group).await;
    world.remove_ground(&ground).await;
}

#[tokio::test]
async fn an_instance_boots_from_a_volume_and_sits_on_a_port() {
    let world = World::new().await;
    let ground = world.ground().await;
    let port = Object::new().with("network_id", ground.network.get("id").clone());
    let port = world.make("openstack_port", "port", &port).await;
    let root = Value::object([("size", Value::from(1)), ("type", "fast".into())]);
    let given = Object::new()
        .with("name", world.name("vm"))
        .with("image", world.stock.image.as_str())
        .with("instance_type", "rig.small")
        .with("port_id", port.get("id").clone())
        .with("root_volume", root)
        .with("running", false);
    let made = world.make(KIND, "vm", &given).await;
    assert_eq!(made.get("private_ip"), port.get("ip_address"));
    assert_eq!(made.str("status").expect("a status"), "SHUTOFF");
    let member = sign_in(PROJECT, PASSWORD, PROJECT).await;
    let by_hand = Admin::with_token(member.0);
    let server = by_hand.ask("GET", 8774, &format!("/v2.1/servers/{}", id(&made)), Json::Null).await;
    let root = server["server"]["os-extended-volumes:volumes_attached"][0]["id"]
        .as_str()
        .expect("a root volume")
        .to_owned();
    let volume = format!("/v3/{}/volumes/{root}", member.1);
    assert_eq!(by_hand.ask("GET", 8776, &volume, Json::Null).await["volume"]["volume_type"], "fast");
    world.delete(KIND, &made).await;
    let gone = by_hand.status("GET", &crate::admin::url(8776, &volume)).await;
    assert_eq!(gone, 404, "its root volume goes with it");

    let own = Object::new().with("size", 1).with("image_id", world.stock.image.as_str());
    let own = world.make("openstack_volume", "root", &own).await;
    let given = given
        .with("image", Value::Null)
        .with("root_volume", Value::object([("volume_id", own.get("id").clone())]));
    let made = world.make(KIND, "vm2", &given).await;
    world.delete(KIND, &made).await;
    let left = world.resource("openstack_volume").read(&world.call("root"), &own).await.expect("read");
    assert!(left.is_some(), "a volume of its own outlives it");
    world.delete("openstack_volume", &own).await;
    world.delete("openstack_port", &port).await;
    world.remove_ground(&ground).await;
}

#[tokio::test]
async fn an_instance_that_was_removed_by_hand_is_made_again() {
    let world = World::new().await;
    let ground = world.ground().await;
    let given = world.instance(&ground, "vm");
    let made = world.make(KIND, "vm", &given).await;
    let by_hand = Admin::with_token(sign_in(PROJECT, PASSWORD, PROJECT).await.0);
    by_hand.ask("DELETE", 8774, &format!("/v2.1/servers/{}", id(&made)), Json::Null).await;
    let left = world.resource(KIND).remains(&world.call("vm"), &made).await.expect("remains");
    assert!(left.is_none(), "what is being removed is waited for");
    let planned = world.plan(KIND, "vm", &given, Some(&made)).await.expect("a plan");
    assert_eq!(planned.verdict, Verdict::Create);
    world.remove_ground(&ground).await;
}

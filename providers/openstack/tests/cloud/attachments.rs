use mprov_sdk::{Object, Verdict};

use crate::admin::{Admin, PASSWORD, PROJECT, sign_in};
use crate::world::{World, id};

#[tokio::test]
async fn a_volume_is_attached_and_grows_there_and_comes_off() {
    let (world, kind) = (World::new().await, "openstack_volume_attachment");
    let ground = world.ground().await;
    let instance = world.make("openstack_instance", "vm", &world.instance(&ground, "vm")).await;
    let disk = Object::new().with("size", 1);
    let volume = world.make("openstack_volume", "data", &disk).await;
    let given = Object::new()
        .with("instance_id", instance.get("id").clone())
        .with("volume_id", volume.get("id").clone());
    let made = world.make(kind, "att", &given).await;
    assert_eq!(made.str("device").expect("a device"), "/dev/vdb");
    assert_eq!(made.str("serial").expect("a serial"), &id(&volume)[..20]);
    let both = format!("{}/{}", id(&instance), id(&volume));
    world.is_found_and_imported(kind, "att", &given, &made, &both, &[]).await;

    let grown = disk.with("size", 2);
    let volume = world.change("openstack_volume", "data", &grown, &volume).await;
    assert_eq!(volume.str("status").expect("a status"), "in-use");
    let fault =
        world.resource("openstack_volume").delete(&world.call("x"), &volume).await.expect_err("in use");
    assert!(fault.detail.contains(id(&instance)), "{fault}");
    let second = world.apply(kind, "again", &given, None).await;
    assert!(second.is_err(), "it is attached already");

    // By hand.
    let by_hand = Admin::with_token(sign_in(PROJECT, PASSWORD, PROJECT).await.0);
    let path = format!("/v2.1/servers/{}/os-volume_attachments/{}", id(&instance), id(&volume));
    by_hand.ask("DELETE", 8774, &path, serde_json::Value::Null).await;
    while world.resource(kind).read(&world.call("read"), &made).await.expect("read").is_some() {}
    let planned = world.plan(kind, "att", &given, Some(&made)).await.expect("a plan");
    assert_eq!(planned.verdict, Verdict::Create);
    let made = world.make(kind, "att2", &given).await;
    world.delete(kind, &made).await;
    world.delete("openstack_volume", &volume).await;
    world.delete("openstack_instance", &instance).await;
    world.remove_ground(&ground).await;
}

#[tokio::test]
async fn an_address_leads_where_it_is_told_to() {
    let (world, kind) = (World::new().await, "openstack_address");
    let ground = world.ground().await;
    let outside = world.stock.external_network.as_str();
    let router = Object::new()
        .with("name", world.name("gate"))
        .with("external_network_id", outside)
        .with("subnet_ids", mprov_sdk::Value::set([ground.subnet.get("id").clone()]));
    let router = world.make("openstack_router", "router", &router).await;
    let instance = world.make("openstack_instance", "vm", &world.instance(&ground, "vm")).await;
    let port = Object::new().with("network_id", ground.network.get("id").clone());
    let port = world.make("openstack_port", "port", &port).await;

    let given = Object::new().with("network_id", outside);
    let address = world.make(kind, "ip", &given).await;
    world.is_found_and_imported(kind, "ip", &given, &address, id(&address), &[]).await;
    world.is_not_found_by_another_token(kind, &given).await;

    let kind = "openstack_address_association";
    let given = Object::new().with("address_id", address.get("id").clone());
    let to_instance = given.clone().with("instance_id", instance.get("id").clone());
    let made = world.make(kind, "assoc", &to_instance).await;
    world.is_found_and_imported(kind, "assoc", &to_instance, &made, id(&address), &["instance_id"]).await;
    let seen = world
        .resource("openstack_instance")
        .read(&world.call("vm"), &instance)
        .await
        .expect("read")
        .expect("it");
    assert_eq!(seen.get("public_ip"), address.get("address"));

    let to_port = given.with("port_id", port.get("id").clone());
    let elsewhere = world.apply(kind, "other", &to_port, None).await.expect_err("it leads to the instance");
    assert!(elsewhere.summary.contains("elsewhere"), "{elsewhere}");
    let made = world.change(kind, "assoc", &to_port, &made).await;
    let made = world.change(kind, "assoc", &to_instance, &made).await;
    world.delete(kind, &made).await;
    world.delete("openstack_address", &address).await;
    world.delete("openstack_port", &port).await;
    world.delete("openstack_instance", &instance).await;
    world.delete("openstack_router", &router).await;
    world.remove_ground(&ground).await;
}

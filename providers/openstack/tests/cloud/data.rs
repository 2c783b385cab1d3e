use mprov_sdk::{Object, Value};

use crate::admin::{Admin, image};
use crate::world::{World, id};

#[tokio::test]
async fn images_are_found_by_what_they_are_the_newest_first() {
    let (world, kind) = (World::new().await, "openstack_image");
    let properties = Value::map([("os_distro", Value::from("debian"))]);
    let known = Object::new().with("name", "debian-12").with("properties", properties);
    assert_eq!(id(&world.data(kind, known).await.expect("an image")), world.stock.image);

    let admin = Admin::new().await;
    let mut ids = Vec::new();
    for number in 1..=2 {
        ids.push(image(&admin, &world.name(&format!("v{number}"))).await);
    }
    let family = Object::new().with("name_prefix", world.prefix.as_str());
    let fault = world.data(kind, family.clone().with("newest", false)).await.expect_err("there are two");
    assert!(ids.iter().all(|id| fault.detail.contains(id.as_str())), "{fault}");
    let found = world.data(kind, family.with("visibility", "public")).await.expect("an image");
    assert!(ids.contains(&id(&found).to_owned()));
    let other = Value::map([("os_distro", Value::from("plan9"))]);
    assert!(world.data(kind, Object::new().with("properties", other)).await.is_err());
}

#[tokio::test]
async fn instance_types_are_found_by_name_and_by_need() {
    let (world, kind) = (World::new().await, "openstack_instance_type");
    let small = world.data(kind, Object::new().with("name", "rig.small")).await.expect("a type");
    assert_eq!((small.i64("cpus").expect("cpus"), small.i64("memory").expect("memory")), (1, 512));
    let enough = world.data(kind, Object::new().with("min_cpus", 2)).await.expect("a type");
    assert_eq!(enough.str("name").expect("a name"), "rig.large");
    assert!(world.data(kind, Object::new().with("min_cpus", 100_000)).await.is_err());
    let fault = world.data(kind, Object::new().with("name", "m1.none")).await.expect_err("no such type");
    assert!(fault.detail.contains("rig.large"), "{fault}");
}

#[tokio::test]
async fn networks_and_zones_are_found() {
    let world = World::new().await;
    let outside =
        world.data("openstack_network", Object::new().with("external", true)).await.expect("a network");
    assert_eq!(id(&outside), world.stock.external_network);
    assert_eq!(outside.elements("subnet_ids").expect("subnets").len(), 1);
    let by_id = Object::new().with("name", id(&outside));
    assert_eq!(id(&world.data("openstack_network", by_id).await.expect("by its id")), id(&outside));
    assert!(world.data("openstack_network", Object::new().with("name", "none")).await.is_err());

    for service in ["compute", "volume"] {
        let zones = world.data("openstack_availability_zones", Object::new().with("service", service)).await;
        assert_eq!(zones.expect("zones").strings("names").expect("names"), ["nova"], "{service}");
    }
}

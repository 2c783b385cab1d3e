use mprov_sdk::{Object, Value, Verdict};

use crate::admin::{Admin, PASSWORD, PROJECT, sign_in};
use crate::world::{World, changed, id};

#[tokio::test]
async fn a_volume_lives_and_grows() {
    let (world, kind) = (World::new().await, "openstack_volume");
    let tags = Value::map([("site", Value::from("uni"))]);
    let given = Object::new().with("name", world.name("data")).with("size", 1).with("tags", tags);
    let volume = world.make(kind, "data", &given).await;
    assert_eq!(volume.str("status").expect("a status"), "available");
    world.is_found_and_imported(kind, "data", &given, &volume, id(&volume), &[]).await;
    world.is_not_found_by_another_token(kind, &given).await;

    let given = given.with("name", Value::Null).with("size", 3).with("tags", Value::Null);
    let volume = world.change(kind, "data", &given, &volume).await;
    let resource = world.resource(kind);
    let found = resource.find(&world.call("data"), &given).await.expect("find");
    assert!(found.is_some(), "its mark has outlived the change of its tags");
    let volume = world.change(kind, "data", &given.clone().with("type", "fast"), &volume).await;

    let smaller = given.with("size", 2).with("type", "fast");
    let fault = world.plan(kind, "data", &smaller, Some(&volume)).await.expect_err("the plan refuses it");
    assert!(fault.summary.contains("smaller") && fault.detail.contains("3 GiB"), "{fault}");
    let fault = resource.update(&world.call("data"), &volume, &volume.clone().with("size", 2)).await;
    assert!(fault.expect_err("and so does an update").summary.contains("smaller"));
    world.delete(kind, &volume).await;
}

#[tokio::test]
async fn snapshots_keep_what_was_and_volumes_begin_as_copies() {
    let (world, kind) = (World::new().await, "openstack_snapshot");
    let volume = world.make("openstack_volume", "data", &Object::new().with("size", 1)).await;
    let tags = Value::map([("site", Value::from(world.prefix.as_str()))]);
    let given = Object::new()
        .with("name", world.name("before"))
        .with("volume_id", volume.get("id").clone())
        .with("tags", tags.clone());
    let first = world.make(kind, "first", &given).await;
    assert!(first.str("created_at").expect("a time").ends_with('Z'));
    world.is_found_and_imported(kind, "first", &given, &first, id(&first), &[]).await;
    world.is_not_found_by_another_token(kind, &given).await;
    let first = world.change(kind, "first", &given.clone().with("name", world.name("old")), &first).await;
    // Cinder tells times by the second: the newer one has to be of a later one.
    let second = loop {
        let made = world.make(kind, "second", &given).await;
        if made.get("created_at") != first.get("created_at") {
            break made;
        }
        world.delete(kind, &made).await;
    };
    let newest = world.data(kind, Object::new().with("tags", tags)).await.expect("a snapshot");
    assert_eq!(id(&newest), id(&second));
    let by_name = Object::new().with("name", world.name("old")).with("volume_id", volume.get("id").clone());
    assert_eq!(id(&world.data(kind, by_name).await.expect("a snapshot")), id(&first));
    assert!(world.data(kind, Object::new().with("name", world.name("none"))).await.is_err());

    let copy = Object::new().with("snapshot_id", first.get("id").clone());
    let copy = world.make("openstack_volume", "copy", &copy).await;
    assert_eq!(copy.i64("size").expect("a size"), 1);
    let larger = Object::new().with("snapshot_id", first.get("id").clone()).with("size", 2);
    let larger = world.make("openstack_volume", "larger", &larger).await;
    let image = Object::new().with("image_id", world.stock.image.as_str()).with("size", 1);
    let bootable = world.make("openstack_volume", "bootable", &image).await;

    for volume in [&copy, &larger, &bootable] {
        world.delete("openstack_volume", volume).await;
    }
    for snapshot in [&first, &second] {
        world.delete(kind, snapshot).await;
    }
    world.delete("openstack_volume", &volume).await;
}

#[tokio::test]
async fn another_source_means_another_volume_and_what_is_gone_is_made_again() {
    let (world, kind) = (World::new().await, "openstack_volume");
    let given = Object::new().with("size", 1);
    let volume = world.make(kind, "data", &given).await;
    let other = given.clone().with("snapshot_id", "00000000-0000-0000-0000-000000000001");
    let planned = world.plan(kind, "data", &other, Some(&volume)).await.expect("a plan");
    assert_eq!((planned.verdict, changed(&planned)), (Verdict::Replace, vec!["snapshot_id".to_owned()]));
    assert_eq!(planned.impact.data_lost.as_deref(), Some("everything on the volume"));

    let (token, project) = sign_in(PROJECT, PASSWORD, PROJECT).await;
    let path = format!("/v3/{project}/volumes/{}", id(&volume));
    Admin::with_token(token).ask("DELETE", 8776, &path, serde_json::Value::Null).await;
    let left = world.resource(kind).remains(&world.call("remains"), &volume).await.expect("remains");
    assert!(left.is_none(), "{left:?}");
    let planned = world.plan(kind, "data", &given, Some(&volume)).await.expect("a plan");
    assert_eq!(planned.verdict, Verdict::Create);
}

use mprov_sdk::{Object, Value, Verdict};

use crate::lifecycle::Lifecycle;
use crate::proxy::Fault;
use crate::world::{OTHER_ZONE, World, ZONE, changed};

fn disk(size: i64) -> Object {
    Object::new().with("availability_zone", ZONE).with("size", size)
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes() {
    let world = &World::new().await;
    let config = disk(10).with("name", world.name("data"));
    let changed = disk(20).with("name", world.name("data")).with("type", "gp3").with("iops", 4000);
    let action = "CreateVolume";
    Lifecycle { world, kind: "aws_volume", action, config, changed: Some(changed) }.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_grows_in_place_and_never_shrinks() {
    let world = World::new().await;
    let kind = "aws_volume";
    let made = world.make(kind, "data", disk(10)).await;
    let larger = world.apply(kind, "grow", &disk(20), Some(&made)).await.expect("it grows");
    assert_eq!((&larger["size"], &larger["id"]), (&20.into(), &made["id"]));

    // Refused in planning; and by the update, should a plan have been made without a look.
    let fault = world.plan(kind, &disk(15), Some(&larger)).await.expect_err("it would lose data");
    assert!(fault.summary.contains("cannot become smaller"), "{fault}");
    assert!(fault.detail.contains("20 GiB"), "{fault}");
    let wanted = larger.clone().with("size", 15);
    let fault = world.resource(kind).update(&world.call("shrink"), &larger, &wanted).await;
    assert!(fault.expect_err("refused").summary.contains("cannot become smaller"));
    assert_eq!(world.proxy.count("ModifyVolume"), 1, "EC2 was asked for the growth only");

    // In another zone it is another volume, of any size.
    let moved = disk(5).with("availability_zone", OTHER_ZONE);
    let planned = world.plan(kind, &moved, Some(&larger)).await.expect("a plan");
    assert_eq!(planned.verdict, Verdict::Replace);
    assert!(planned.impact.data_lost.is_some());

    // A second change too soon.
    let fault = world.apply(kind, "again", &disk(30), Some(&larger)).await.expect_err("too soon");
    assert!(fault.detail.contains("VolumeModificationRateExceeded"), "{fault}");
    assert!(fault.detail.contains("few changes"), "{fault}");
    world.delete(kind, &larger).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_reply_is_lost_is_not_taken_for_one_too_many() {
    let world = World::new().await;
    let made = world.make("aws_volume", "data", disk(10)).await;
    world.proxy.inject("ModifyVolume", 1, Fault::Lost);
    let larger = world.apply("aws_volume", "grow", &disk(20), Some(&made)).await.expect("it grows");
    assert_eq!(larger["size"], 20.into());
    world.delete("aws_volume", &larger).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots() {
    let world = &World::new().await;
    let volume = world.volume("source").await;
    let of = |tag: &str| {
        let tags = Value::map([("site", Value::from(tag))]);
        Object::new().with("volume_id", volume["id"].clone()).with("tags", tags)
    };
    let (kind, action) = ("aws_snapshot", "CreateSnapshot");
    Lifecycle { world, kind, action, config: of("a"), changed: Some(of("b")) }.holds().await;

    let snapshot = world.make(kind, "backup", of("c")).await;
    assert_eq!((&snapshot["size"], &snapshot["status"]), (&10.into(), &"completed".into()));
    let restored = Object::new().with("availability_zone", ZONE).with("snapshot_id", snapshot["id"].clone());
    let small = restored.clone().with("size", 5);
    let fault =
        world.apply("aws_volume", "small", &small, None).await.expect_err("smaller than its snapshot");
    assert!(fault.detail.contains("must not be less"), "{fault}");
    let restored = world.make("aws_volume", "restored", restored).await;
    assert_eq!((&restored["size"], &restored["snapshot_id"]), (&10.into(), &snapshot["id"]));
    for (kind, made) in [("aws_volume", &restored), (kind, &snapshot), ("aws_volume", &volume)] {
        world.delete(kind, made).await;
    }
}

fn attached(volume: &Object, instance: &Object) -> Object {
    Object::new().with("volume_id", volume["id"].clone()).with("instance_id", instance["id"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn volume_attachments() {
    let world = &World::new().await;
    let (instance, volume) = (world.instance("vm").await, world.volume("data").await);
    let config = attached(&volume, &instance);
    let (kind, action) = ("aws_volume_attachment", "AttachVolume");
    Lifecycle { world, kind, action, config: config.clone(), changed: None }.holds().await;

    let made = world.make(kind, "first", config).await;
    let serial = volume.str("id").expect("an id").replace('-', "");
    assert_eq!(made["serial"], serial.as_str().into());
    assert!(made.str("device").expect("a name").starts_with("/dev/sd"));

    let other = world.instance("other").await;
    let double = attached(&volume, &other);
    let fault = world.apply(kind, "double", &double, None).await.expect_err("it is attached elsewhere");
    assert!(fault.detail.contains("VolumeInUse"), "{fault}");
    let far = disk(10).with("availability_zone", OTHER_ZONE);
    let far = world.make("aws_volume", "far", far).await;
    let fault = world.apply(kind, "far", &attached(&far, &instance), None).await.expect_err("another zone");
    assert!(fault.detail.contains("InvalidVolume.ZoneMismatch"), "{fault}");

    // A change of the instance is another attachment.
    let planned = world.plan(kind, &double, Some(&made)).await.expect("a plan");
    assert_eq!(planned.verdict, Verdict::Replace);
    assert_eq!(changed(&planned), ["instance_id"]);
    world.delete(kind, &made).await;
    for instance in [&instance, &other] {
        world.delete("aws_instance", instance).await;
    }
    for volume in [&volume, &far] {
        world.delete("aws_volume", volume).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_attached_at_the_same_time_get_different_devices() {
    let world = &World::new().await;
    let instance = world.instance("vm").await;
    let mut volumes = Vec::new();
    for n in 0..4 {
        volumes.push(world.volume(&format!("data{n}")).await);
    }
    let attach = async |n: usize| {
        let config = attached(&volumes[n], &instance);
        world.make("aws_volume_attachment", &format!("attach{n}"), config).await
    };
    let made: [Object; 4] = tokio::join!(attach(0), attach(1), attach(2), attach(3)).into();
    let mut devices: Vec<&str> = made.iter().map(|m| m.str("device").expect("a name")).collect();
    devices.sort_unstable();
    devices.dedup();
    assert_eq!(devices.len(), volumes.len(), "{devices:?}");
    for attachment in &made {
        world.delete("aws_volume_attachment", attachment).await;
    }
    world.delete("aws_instance", &instance).await;
    for volume in &volumes {
        world.delete("aws_volume", volume).await;
    }
}

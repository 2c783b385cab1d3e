use mprov_sdk::{Object, Value};

use crate::world::{World, ZONE};

async fn read(world: &World, kind: &str, config: Object) -> Result<Object, mprov_sdk::Fault> {
    let source = world.session.data_source(kind).expect("a known type");
    let found = source.read(&world.call("data"), &config).await?;
    let schema = world.provider.schema().data_source(kind).expect("a known type");
    for name in schema.attributes.keys() {
        assert!(found.contains(name), "{kind}: {name} is missing");
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_image_of_an_owner() {
    let world = World::new().await;
    let config = |name: &str| {
        let nothing = Object::new().with("architecture", Value::Null);
        nothing.with("owners", Value::list(["amazon".into()])).with("name", name)
    };
    let any = read(&world, "aws_image", config("amzn*")).await.expect("an image");
    assert!(any.str("id").expect("an id").starts_with("ami-"));
    assert!(any.str("full_name").expect("a name").starts_with("amzn"));
    let all = world.raw(
        "DescribeImages",
        &[("Owner.1", "amazon"), ("Filter.1.Name", "name"), ("Filter.1.Value.1", "amzn*")],
    );
    let all = all.await;
    let newest = crate::xml::texts(&all, "creationDate").into_iter().max();
    assert_eq!(any["created_at"].as_str(), newest);
    let arm = read(&world, "aws_image", config("amzn*").with("architecture", "sparc")).await;
    assert!(arm.expect_err("there is none").summary.contains("for sparc"));
    let none = read(&world, "aws_image", config("no-such-*")).await.expect_err("there is none");
    assert!(none.summary.contains("no-such-*"), "{none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_and_the_default_network() {
    let world = World::new().await;
    let zones = read(&world, "aws_availability_zones", Object::new()).await.expect("zones");
    assert!(zones["names"].as_elements().expect("a list").contains(&ZONE.into()));
    let network = Object::new().with("vpc_id", Value::Null);
    let network = read(&world, "aws_network", network).await.expect("the default VPC");
    let subnet = network["subnets"].as_object().expect("a map").get(ZONE).clone();
    assert!(network["subnet_ids"].as_elements().expect("a list").contains(&subnet));
    let id = Object::new().with("vpc_id", network["vpc_id"].clone());
    assert_eq!(read(&world, "aws_network", id).await.expect("the same")["cidr"], network["cidr"]);
    let none = read(&world, "aws_network", Object::new().with("vpc_id", "vpc-00000000")).await;
    assert!(none.expect_err("there is none").summary.contains("vpc-00000000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_snapshot_with_tags() {
    let world = World::new().await;
    let volume = world.volume("data").await;
    let tags = Value::map([("backup", Value::from(world.name("site")))]);
    let mut made = Vec::new();
    for n in 0..3 {
        let config = Object::new().with("volume_id", volume["id"].clone()).with("tags", tags.clone());
        made.push(world.make("aws_snapshot", &format!("s{n}"), config).await);
    }
    let config = Object::new().with("tags", tags).with("volume_id", Value::Null);
    let newest = read(&world, "aws_snapshot", config.clone()).await.expect("a snapshot");
    let created = made.iter().map(|s| s.str("created_at").expect("a time")).max();
    assert_eq!(newest["created_at"].as_str(), created);
    assert_eq!((&newest["volume_id"], &newest["size"]), (&volume["id"], &10.into()));
    let other = config.with("tags", Value::map([("backup", Value::from("none"))]));
    let none = read(&world, "aws_snapshot", other).await.expect_err("there is none");
    assert!(none.summary.contains("backup = none"), "{none}");
    for snapshot in &made {
        world.delete("aws_snapshot", snapshot).await;
    }
    world.delete("aws_volume", &volume).await;
}

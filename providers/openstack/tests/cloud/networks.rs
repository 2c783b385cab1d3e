use mprov_sdk::{Object, Value, Verdict};

use crate::admin::cidr;
use crate::world::{World, changed, id};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJaG0Wpn3CzH0rb2DLKLQ2iNNPx1tBSl1hRmV3k5zD5p ann@desk";
const OTHER_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKMh3xG3cW1wDqXyNcPaD5pn0nhvgmnk5JtIfmX1Qd1w ann@desk";

#[tokio::test]
async fn a_key_pair_lives() {
    let (world, kind) = (World::new().await, "openstack_key_pair");
    let given = Object::new().with("name", world.name("key")).with("public_key", KEY);
    let made = world.make(kind, "key", &given).await;
    assert!(made.str("fingerprint").expect("a fingerprint").contains(':'));
    world.is_found_and_imported(kind, "key", &given, &made, id(&made), &[]).await;

    let other = given.clone().with("public_key", OTHER_KEY);
    let planned = world.plan(kind, "key", &other, Some(&made)).await.expect("a plan");
    assert_eq!((planned.verdict, changed(&planned)), (Verdict::Replace, vec!["public_key".to_owned()]));
    let wanted = crate::world::without_unknown(&planned.after);
    let found = world.resource(kind).find(&world.call("other"), &wanted).await.expect("find");
    assert!(found.is_none(), "one of the same name with another key is somebody else's");
    let taken =
        world.resource(kind).create(&world.call("other"), &wanted).await.expect_err("the name is taken");
    assert!(taken.summary.contains("exists already") && taken.partial.is_none(), "{taken}");
    world.delete(kind, &made).await;
}

#[tokio::test]
async fn networks_and_subnets_live() {
    let world = World::new().await;
    let (kind, given) = ("openstack_network", Object::new().with("name", world.name("net")));
    let network = world.make(kind, "net", &given).await;
    world.is_found_and_imported(kind, "net", &given, &network, id(&network), &[]).await;
    world.is_not_found_by_another_token(kind, &given).await;
    let network = world
        .change(kind, "net", &given.clone().with("name", world.name("net2")).with("mtu", 1400), &network)
        .await;

    let kind = "openstack_subnet";
    let given = Object::new().with("network_id", network.get("id").clone()).with("cidr", cidr());
    let subnet = world.make(kind, "sub", &given).await;
    assert!(subnet.str("gateway_ip").expect("a gateway").ends_with(".1"));
    world.is_found_and_imported(kind, "sub", &given, &subnet, id(&subnet), &[]).await;
    world.is_not_found_by_another_token(kind, &given).await;
    let servers = Value::list(["192.0.2.2".into(), "192.0.2.1".into()]);
    let given = given.with("name", "inside").with("dhcp", false).with("dns_servers", servers);
    let subnet = world.change(kind, "sub", &given, &subnet).await;
    let fewer = given.with("dns_servers", Value::Null).with("name", Value::Null);
    let subnet = world.change(kind, "sub", &fewer, &subnet).await;

    world.delete(kind, &subnet).await;
    world.delete("openstack_network", &network).await;
}

#[tokio::test]
async fn ports_keep_their_address_and_a_network_in_use_is_not_removed() {
    let (world, kind) = (World::new().await, "openstack_port");
    let ground = world.ground().await;
    let group =
        world.make("openstack_security_group", "sg", &Object::new().with("name", world.name("sg"))).await;
    let prefix = ground.subnet.str("cidr").expect("a range").trim_end_matches("0/24").to_owned();
    let given = Object::new()
        .with("network_id", ground.network.get("id").clone())
        .with("ip_address", format!("{prefix}77"));
    let port = world.make(kind, "port", &given).await;
    world.is_found_and_imported(kind, "port", &given, &port, id(&port), &[]).await;
    world.is_not_found_by_another_token(kind, &given).await;
    let given = given.with("name", "first").with("security_group_ids", Value::set([group.get("id").clone()]));
    let port = world.change(kind, "port", &given, &port).await;
    let port = world.change(kind, "port", &given.with("security_group_ids", Value::set([])), &port).await;

    let refused = world.resource("openstack_network").delete(&world.call("x"), &ground.network).await;
    let fault = refused.expect_err("it is in use");
    assert!(
        fault.detail.contains("ports still in use") && fault.detail.contains("remove that first"),
        "{fault}"
    );
    world.delete(kind, &port).await;
    world.delete("openstack_security_group", &group).await;
    world.remove_ground(&ground).await;
}

#[tokio::test]
async fn routers_join_what_they_are_told_to() {
    let (world, kind) = (World::new().await, "openstack_router");
    let (one, two) = (world.ground().await, world.ground_named("two").await);
    let given = Object::new()
        .with("name", world.name("router"))
        .with("subnet_ids", Value::set([one.subnet.get("id").clone()]));
    let router = world.make(kind, "router", &given).await;
    assert!(router.get("external_address").is_null());
    world.is_found_and_imported(kind, "router", &given, &router, id(&router), &[]).await;
    world.is_not_found_by_another_token(kind, &given).await;

    let given = given
        .with("external_network_id", world.stock.external_network.as_str())
        .with("subnet_ids", Value::set([two.subnet.get("id").clone()]));
    let router = world.change(kind, "router", &given, &router).await;
    let outside = router.str("external_address").expect("an address").to_owned();
    assert!(outside.starts_with("203.0.113."), "{outside}");
    // Another name leaves the address alone.
    let router = world.change(kind, "router", &given.clone().with("name", world.name("gate")), &router).await;
    assert_eq!(router.str("external_address").expect("an address"), outside);
    let closed = given.with("external_network_id", Value::Null).with("subnet_ids", Value::Null);
    let router = world.change(kind, "router", &closed, &router).await;

    world.delete(kind, &router).await;
    world.remove_ground(&two).await;
    world.remove_ground(&one).await;
}

/// A router of which only a part could be made is recorded, and finished by the next apply.
#[tokio::test]
async fn a_router_without_its_interface_is_unfinished() {
    let (world, kind) = (World::new().await, "openstack_router");
    let nowhere = Value::set(["00000000-0000-0000-0000-000000000001".into()]);
    let given = Object::new().with("name", world.name("router")).with("subnet_ids", nowhere);
    let fault = world.apply(kind, "router", &given, None).await.expect_err("there is no such subnet");
    assert!(fault.resumable, "{fault}");
    let partial = fault.partial.expect("the router exists");
    let router = world
        .change(kind, "router", &given.with("subnet_ids", Value::Null).with("name", "r"), &partial)
        .await;
    world.delete(kind, &router).await;
}

#[tokio::test]
async fn security_groups_and_their_rules_live() {
    let (world, kind) = (World::new().await, "openstack_security_group");
    let tags = Value::map([("site", Value::from("uni")), ("empty", "".into())]);
    let given =
        Object::new().with("name", world.name("web")).with("description", "for the site").with("tags", tags);
    let group = world.make(kind, "sg", &given).await;
    world.is_found_and_imported(kind, "sg", &given, &group, id(&group), &[]).await;
    world.is_not_found_by_another_token(kind, &given).await;
    let given = given.with("description", Value::Null).with("tags", Value::map([("site", Value::from("x"))]));
    let group = world.change(kind, "sg", &given, &group).await;

    let kind = "openstack_security_group_rule";
    let given = Object::new()
        .with("security_group_id", group.get("id").clone())
        .with("direction", "ingress")
        .with("protocol", "tcp")
        .with("from_port", 443)
        .with("to_port", 443)
        .with("description", "browsers");
    let rule = world.make(kind, "rule", &given).await;
    world.is_found_and_imported(kind, "rule", &given, &rule, id(&rule), &[]).await;
    world.is_not_found_by_another_token(kind, &given).await;
    let twice = world.apply(kind, "again", &given, None).await.expect_err("Neutron refuses a second one");
    assert!(twice.detail.contains("409") && twice.partial.is_none(), "{twice}");
    let six = Object::new().with("security_group_id", group.get("id").clone()).with("direction", "egress");
    let six = world.make(kind, "six", &six.with("cidr", "2001:db8::/32")).await;
    assert_eq!(six.str("protocol").expect("a protocol"), "any");

    world.delete(kind, &six).await;
    world.delete(kind, &rule).await;
    world.delete("openstack_security_group", &group).await;
}

#[tokio::test]
async fn what_was_removed_by_hand_is_seen_to_be_gone() {
    let (world, kind) = (World::new().await, "openstack_network");
    let given = Object::new().with("name", world.name("net"));
    let network = world.make(kind, "net", &given).await;
    let (token, _) =
        crate::admin::sign_in(crate::admin::PROJECT, crate::admin::PASSWORD, crate::admin::PROJECT).await;
    let by_hand = crate::admin::Admin::with_token(token);
    by_hand.ask("DELETE", 9696, &format!("/v2.0/networks/{}", id(&network)), serde_json::Value::Null).await;
    let planned = world.plan(kind, "net", &given, Some(&network)).await.expect("a plan");
    assert_eq!(planned.verdict, Verdict::Create);
}

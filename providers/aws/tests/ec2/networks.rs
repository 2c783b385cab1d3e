use mprov_sdk::{Object, Value, Verdict};

use crate::lifecycle::Lifecycle;
use crate::moto;
use crate::proxy::Fault;
use crate::world::{OTHER_ZONE, World};

fn tags(value: &str) -> Value {
    Value::map([("site", Value::from(value))])
}

#[tokio::test(flavor = "multi_thread")]
async fn vpcs() {
    let world = &World::new().await;
    let config = Object::new().with("cidr", "10.1.0.0/16").with("enable_dns_hostnames", true);
    let changed = config
        .clone()
        .with("enable_dns_hostnames", false)
        .with("name", world.name("vpc"))
        .with("tags", tags("a"));
    let action = "CreateVpc";
    Lifecycle { world, kind: "aws_vpc", action, config, changed: Some(changed) }.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subnets() {
    let world = &World::new().await;
    let vpc = world.make("aws_vpc", "vpc", Object::new().with("cidr", "10.2.0.0/16")).await;
    let config = Object::new()
        .with("vpc_id", vpc["id"].clone())
        .with("cidr", "10.2.1.0/24")
        .with("availability_zone", OTHER_ZONE)
        .with("tags", tags("a"));
    let changed = config.clone().with("map_public_ip_on_launch", true).with("tags", tags("b"));
    let action = "CreateSubnet";
    Lifecycle { world, kind: "aws_subnet", action, config, changed: Some(changed) }.holds().await;
    world.delete("aws_vpc", &vpc).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn internet_gateways() {
    let world = &World::new().await;
    let vpc = |token, cidr| world.make("aws_vpc", token, Object::new().with("cidr", cidr));
    let (one, other) = (vpc("one", "10.3.0.0/16").await, vpc("other", "10.4.0.0/16").await);
    let config = Object::new().with("vpc_id", one["id"].clone()).with("name", world.name("igw"));
    let changed = config.clone().with("vpc_id", other["id"].clone());
    let action = "CreateInternetGateway";
    Lifecycle { world, kind: "aws_internet_gateway", action, config, changed: Some(changed) }.holds().await;
    world.delete("aws_vpc", &one).await;
    world.delete("aws_vpc", &other).await;
}

fn route(cidr: &str, gateway: &Object) -> Value {
    Value::object([
        ("cidr", cidr.into()),
        ("gateway_id", gateway["id"].clone()),
        ("nat_gateway_id", Value::Null),
        ("network_interface_id", Value::Null),
        ("vpc_peering_connection_id", Value::Null),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn route_tables() {
    let world = &World::new().await;
    let (vpc, subnet) = world.network().await;
    let gateway = Object::new().with("vpc_id", vpc["id"].clone());
    let gateway = world.make("aws_internet_gateway", "igw", gateway).await;
    let table = |routes: Vec<Value>| {
        let routes = if routes.is_empty() { Value::Null } else { Value::set(routes) };
        Object::new().with("vpc_id", vpc["id"].clone()).with("route", routes).with("tags", tags("a"))
    };
    let config = table(vec![route("0.0.0.0/0", &gateway)]);
    let changed = table(vec![route("192.0.2.0/24", &gateway), route("198.51.100.0/24", &gateway)]);
    let (kind, action) = ("aws_route_table", "CreateRouteTable");
    Lifecycle { world, kind, action, config: config.clone(), changed: Some(changed) }.holds().await;
    let bare = &World::new().await;
    Lifecycle { world: bare, kind, action, config: table(vec![]), changed: Some(config.clone()) }
        .holds()
        .await;

    let one = world.make(kind, "one", config).await;
    let other = world.make(kind, "other", table(vec![])).await;
    let config =
        Object::new().with("subnet_id", subnet["id"].clone()).with("route_table_id", one["id"].clone());
    let changed = config.clone().with("route_table_id", other["id"].clone());
    let (kind, action) = ("aws_route_table_association", "AssociateRouteTable");
    Lifecycle { world, kind, action, config: config.clone(), changed: Some(changed.clone()) }.holds().await;

    // A reply that was lost on the way to another table: EC2 has given the association a new id.
    let made = world.make(kind, "again", config).await;
    world.proxy.inject("ReplaceRouteTableAssociation", 1, Fault::Lost);
    let moved = world.apply(kind, "moved", &changed, Some(&made)).await.expect("it is moved");
    assert_ne!(moved["association_id"], made["association_id"]);
    world.resource(kind).delete(&world.call("delete"), &made).await.expect("it is not there any more");
    let seen = world.resource(kind).read(&world.call("read"), &moved).await.expect("read");
    assert_eq!(seen.expect("it is still there")["route_table_id"], other["id"]);
    world.delete(kind, &moved).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn security_groups() {
    let world = &World::new().await;
    let (vpc, subnet) = world.network().await;
    let config = Object::new().with("name", world.name("web")).with("vpc_id", vpc["id"].clone());
    let changed = config.clone().with("default_egress", false).with("tags", tags("a"));
    let (kind, action) = ("aws_security_group", "CreateSecurityGroup");
    Lifecycle { world, kind, action, config: config.clone(), changed: Some(changed.clone()) }.holds().await;
    let other = &World::new().await;
    let closed = changed.with("name", other.name("web"));
    let open = config.clone().with("name", other.name("web"));
    Lifecycle { world: other, kind, action, config: closed, changed: Some(open) }.holds().await;

    // In use: waited for, then told; and gone as soon as nothing uses it.
    let group = world.make(kind, "used", config).await;
    let instance = Object::new()
        .with("image", moto::image())
        .with("instance_type", "t3.small")
        .with("subnet_id", subnet["id"].clone())
        .with("security_group_ids", Value::list([group["id"].clone()]));
    let instance = world.make("aws_instance", "user", instance).await;
    for (kind, used) in [(kind, &group), ("aws_subnet", &subnet)] {
        let fault = world.resource(kind).delete(&world.call("delete"), used).await.expect_err("it is in use");
        assert!(fault.detail.contains("DependencyViolation"), "{fault}");
        assert!(world.events.text().contains("waiting until nothing uses"), "{}", world.events.text());
    }
    world.delete("aws_instance", &instance).await;
    world.delete(kind, &group).await;
    world.delete("aws_subnet", &subnet).await;
    world.delete("aws_vpc", &vpc).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn security_group_rules() {
    let world = &World::new().await;
    let vpc = world.make("aws_vpc", "vpc", Object::new().with("cidr", "10.5.0.0/16")).await;
    let group = Object::new()
        .with("name", world.name("web"))
        .with("vpc_id", vpc["id"].clone())
        .with("default_egress", false);
    let group = world.make("aws_security_group", "group", group).await;
    let config = Object::new()
        .with("security_group_id", group["id"].clone())
        .with("direction", "ingress")
        .with("from_port", 443)
        .with("to_port", 443)
        .with("cidr", "0.0.0.0/0");
    let changed = config
        .clone()
        .with("description", "the site")
        .with("cidr", "192.0.2.0/24")
        .with("to_port", 444)
        .with("protocol", "udp");
    let (kind, action) = ("aws_security_group_rule", "AuthorizeSecurityGroupIngress");
    Lifecycle { world, kind, action, config: config.clone(), changed: Some(changed) }.holds().await;

    let egress = Object::new()
        .with("security_group_id", group["id"].clone())
        .with("direction", "egress")
        .with("protocol", "any")
        .with("cidr", "0.0.0.0/0");
    let action = "AuthorizeSecurityGroupEgress";
    let other = &World::new().await;
    Lifecycle { world: other, kind, action, config: egress.clone(), changed: None }.holds().await;
    // A rule of one's own is not taken for the one that a new group has.
    let rule = world.make(kind, "egress", egress).await;
    let seen = world.resource("aws_security_group").read(&world.call("read"), &group).await.expect("read");
    assert_eq!(seen.expect("it is there")["default_egress"], false.into());
    world.delete(kind, &rule).await;

    for (n, other) in [
        config.clone().with("cidr", "::/0"),
        config.clone().with("cidr", Value::Null).with("source_security_group_id", group["id"].clone()),
        config.clone().with("protocol", "icmp").with("from_port", -1).with("to_port", -1),
    ]
    .into_iter()
    .enumerate()
    {
        let rule = world.make(kind, &format!("other{n}"), other).await;
        world.delete(kind, &rule).await;
    }
    let first = world.make(kind, "first", config.clone()).await;
    let ipv6 = world.plan(kind, &config.clone().with("cidr", "::/0"), Some(&first)).await.expect("a plan");
    assert_eq!(ipv6.verdict, Verdict::Replace, "EC2 does not change the family of a rule");
    let fault = world.apply(kind, "second", &config, None).await.expect_err("the same rule twice");
    assert!(fault.detail.contains("InvalidPermission.Duplicate"), "{fault}");
    world.delete(kind, &first).await;
    world.delete("aws_security_group", &group).await;
}

pub const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAJQ4fIqIRyqLrBOUKFTbnSSXpkfO4lLnUzqwhuwfAbk test@example";

#[tokio::test(flavor = "multi_thread")]
async fn key_pairs() {
    let world = &World::new().await;
    let config = Object::new().with("name", world.name("key")).with("public_key", KEY);
    let changed = config.clone().with("tags", tags("a"));
    let action = "ImportKeyPair";
    let key =
        Lifecycle { world, kind: "aws_key_pair", action, config: config.clone(), changed: Some(changed) };
    key.holds().await;
    let made = world.make("aws_key_pair", "named", config.clone()).await;
    assert!(!made.str("fingerprint").expect("text").is_empty());
    let call = world.call("import");
    let imported = world.resource("aws_key_pair").import(&call, made.str("name").expect("a name")).await;
    assert_eq!(imported.expect("by its name")["id"], made["id"]);
    let fault = world.apply("aws_key_pair", "twin", &config, None).await.expect_err("the name is taken");
    assert!(fault.detail.contains("InvalidKeyPair.Duplicate"), "{fault}");
    world.delete("aws_key_pair", &made).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses() {
    let world = &World::new().await;
    let config = Object::new().with("name", world.name("site"));
    let changed = config.clone().with("name", world.name("other")).with("tags", tags("a"));
    let (kind, action) = ("aws_address", "AllocateAddress");
    Lifecycle { world, kind, action, config: config.clone(), changed: Some(changed) }.holds().await;

    let address = world.make(kind, "address", config).await;
    let (one, other) = (world.instance("one").await, world.instance("other").await);
    let config =
        Object::new().with("address_id", address["id"].clone()).with("instance_id", one["id"].clone());
    let changed = config.clone().with("instance_id", other["id"].clone());
    let (kind, action) = ("aws_address_association", "AssociateAddress");
    let association =
        Lifecycle { world, kind, action, config: config.clone(), changed: Some(changed.clone()) };
    association.holds().await;

    // While it is associated, EC2 does not release it.
    let made = world.make(kind, "used", config).await;
    let fault = world.resource("aws_address").delete(&world.call("delete"), &address).await;
    let fault = fault.expect_err("it is in use");
    assert!(fault.detail.contains("InvalidIPAddress.InUse"), "{fault}");
    // An association that another one has taken the place of is not what a delete is meant for.
    let moved = world.apply(kind, "moved", &changed, Some(&made)).await.expect("moved");
    world.resource(kind).delete(&world.call("delete"), &made).await.expect("nothing to do");
    let seen = world.resource(kind).read(&world.call("read"), &moved).await.expect("read");
    assert_eq!(seen.expect("it is still there")["instance_id"], other["id"]);
    world.delete(kind, &moved).await;
    world.delete("aws_address", &address).await;
    world.delete("aws_instance", &one).await;
    world.delete("aws_instance", &other).await;
}

//! The answer to a create is lost: exactly one thing is made, and the create knows it.

use mprov_sdk::{Object, Value};

use crate::admin::{PASSWORD, PROJECT, cidr, sign_in, stock};
use crate::proxy::{Proxy, Trouble};
use crate::rig::rig;
use crate::world::{World, account, id};

struct Line {
    world: World,
    proxy: Proxy,
    /// What stands before every path.
    base: String,
}

/// A world that reaches one service through a proxy.
async fn line(service: &str, port: u16, base: &str) -> Line {
    let stock = stock().await;
    let proxy = Proxy::new(format!("{}:{port}", rig().address)).await;
    let endpoint = format!("http://127.0.0.1:{}{base}", proxy.port);
    let endpoints = Value::map([(service.to_owned(), Value::from(endpoint))]);
    let world = World::with(account(PROJECT).with("endpoints", endpoints), stock).await;
    Line { world, proxy, base: base.to_owned() }
}

impl Line {
    /// Makes it while the answer is lost; how many there are afterwards is the caller's to see.
    async fn make(&self, kind: &str, token: &str, given: &Object, path: &str) -> Object {
        self.proxy.arm(format!("POST {}{path} ", self.base), Trouble::LostAnswer, 1);
        let made = self.world.make(kind, token, given).await;
        assert!(self.proxy.is_spent(), "{kind}: nothing was lost");
        let told = self.world.events.text();
        assert!(told.contains("was lost"), "it is told: {told}");
        made
    }
}

#[tokio::test]
async fn in_neutron() {
    let line = line("network", 9696, "/v2.0").await;
    let world = &line.world;
    let named = Object::new().with("name", world.name("lost"));
    let network = line.make("openstack_network", "net", &named, "/networks").await;
    let only = world.data("openstack_network", named.clone()).await.expect("exactly one of that name");
    assert_eq!(id(&only), id(&network));
    let subnet = Object::new().with("network_id", network.get("id").clone()).with("cidr", cidr());
    let subnet = line.make("openstack_subnet", "sub", &subnet, "/subnets").await;
    let port = Object::new().with("network_id", network.get("id").clone());
    let port = line.make("openstack_port", "port", &port, "/ports").await;
    let router = named.clone().with("subnet_ids", Value::set([subnet.get("id").clone()]));
    let router = line.make("openstack_router", "router", &router, "/routers").await;
    let tags = Value::map([("a", Value::from("b"))]);
    let group = named.with("description", "for ssh").with("tags", tags);
    let group = line.make("openstack_security_group", "group", &group, "/security-groups").await;
    let rule = Object::new().with("security_group_id", group.get("id").clone()).with("direction", "ingress");
    let rule = line.make("openstack_security_group_rule", "rule", &rule, "/security-group-rules").await;
    let address = Object::new().with("network_id", world.stock.external_network.as_str());
    let address = line.make("openstack_address", "address", &address, "/floatingips").await;
    for (kind, made) in [
        ("openstack_address", &address),
        ("openstack_security_group_rule", &rule),
        ("openstack_security_group", &group),
        ("openstack_router", &router),
        ("openstack_port", &port),
        ("openstack_subnet", &subnet),
        // It can be removed only because there is no second port, subnet or router on it.
        ("openstack_network", &network),
    ] {
        world.delete(kind, made).await;
    }
}

#[tokio::test]
async fn in_cinder() {
    stock().await;
    let (_, project) = sign_in(PROJECT, PASSWORD, PROJECT).await;
    let line = line("volume", 8776, &format!("/v3/{project}")).await;
    let world = &line.world;
    let volume = Object::new().with("name", world.name("lost")).with("size", 1);
    let volume = line.make("openstack_volume", "data", &volume, "/volumes").await;
    let snapshot = Object::new().with("name", world.name("lost")).with("volume_id", volume.get("id").clone());
    let snapshot = line.make("openstack_snapshot", "snap", &snapshot, "/snapshots").await;
    world.delete("openstack_snapshot", &snapshot).await;
    // Cinder refuses to remove a volume that has another snapshot.
    world.delete("openstack_volume", &volume).await;
}

#[tokio::test]
async fn in_nova() {
    let line = line("compute", 8774, "/v2.1").await;
    let world = &line.world;
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJaG0Wpn3CzH0rb2DLKLQ2iNNPx1tBSl1hRmV3k5zD5p lost";
    let key = Object::new().with("name", world.name("lost")).with("public_key", key);
    let key = line.make("openstack_key_pair", "key", &key, "/os-keypairs").await;
    let ground = world.ground().await;
    let instance = line.make("openstack_instance", "vm", &world.instance(&ground, "lost"), "/servers").await;
    let volume = world.make("openstack_volume", "data", &Object::new().with("size", 1)).await;
    let attachment = Object::new()
        .with("instance_id", instance.get("id").clone())
        .with("volume_id", volume.get("id").clone());
    let path = format!("/servers/{}/os-volume_attachments", id(&instance));
    let attachment = line.make("openstack_volume_attachment", "att", &attachment, &path).await;
    world.delete("openstack_volume_attachment", &attachment).await;
    world.delete("openstack_volume", &volume).await;
    world.delete("openstack_instance", &instance).await;
    world.delete("openstack_key_pair", &key).await;
    // A second instance would still have a port on it.
    world.remove_ground(&ground).await;
}

#[tokio::test]
async fn a_service_that_is_busy_is_asked_again_when_it_says() {
    const BUSY: &str =
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    const DOWN: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let line = line("network", 9696, "/v2.0").await;
    let world = &line.world;
    let given = Object::new().with("name", world.name("busy"));
    line.proxy.arm("POST /v2.0/networks ", Trouble::Answer(BUSY), 2);
    let network = world.make("openstack_network", "net", &given).await;
    assert!(line.proxy.is_spent());
    assert!(world.events.text().contains("trying again in"), "{}", world.events.text());

    line.proxy.arm("GET /v2.0/networks/", Trouble::Answer(DOWN), 2);
    let read = world.resource("openstack_network").read(&world.call("net"), &network).await;
    assert!(read.expect("a read may be tried again").is_some());
    // Whether it was carried out is not known: one that is not there is not asked for again.
    line.proxy.arm("POST /v2.0/networks ", Trouble::Answer(DOWN), 1);
    let fault = world.apply("openstack_network", "other", &given, None).await.expect_err("it is down");
    assert!(fault.detail.contains("503") && fault.detail.contains("nothing shows"), "{fault}");

    let begin = std::time::Instant::now();
    line.proxy.arm("GET /v2.0/networks/", Trouble::Answer(BUSY), usize::MAX);
    let fault = world.resource("openstack_network").read(&world.call("net"), &network).await;
    assert!(fault.expect_err("it does not end").detail.contains("429"));
    assert!(begin.elapsed() < std::time::Duration::from_secs(60), "the tries are bounded");
    line.proxy.arm("", Trouble::LostAnswer, 0);
    world.delete("openstack_network", &network).await;
}

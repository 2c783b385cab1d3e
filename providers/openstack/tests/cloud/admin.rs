//! What the cloud's operators do, by plain requests: nothing of it goes through the provider.

use std::sync::OnceLock;

use serde_json::{Value as Json, json};

use crate::rig::rig;

/// Whose project the tests work in: an ordinary member of it.
pub const PROJECT: &str = "site";
/// Has a quota of one network and of nothing else.
pub const POOR: &str = "poor";
pub const PASSWORD: &str = "correct horse";

/// What the operators have put into the cloud.
pub struct Stock {
    pub image: String,
    pub external_network: String,
}

pub struct Admin {
    http: reqwest::Client,
    token: String,
}

pub fn url(port: u16, path: &str) -> String {
    format!("http://{}:{port}{path}", rig().address)
}

fn http() -> reqwest::Client {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::new()
}

/// A token, and the project that it is for.
pub async fn sign_in(user: &str, password: &str, project: &str) -> (String, String) {
    let domain = json!({"id": "default"});
    let body = json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": {"name": user, "domain": domain, "password": password}}},
        "scope": {"project": {"name": project, "domain": domain}},
    }});
    let answer =
        http().post(url(5000, "/v3/auth/tokens")).json(&body).send().await.expect("Keystone answers");
    let token = answer.headers().get("x-subject-token").expect("a token").to_str().expect("text").to_owned();
    let document: Json = answer.json().await.expect("JSON");
    (token, document["token"]["project"]["id"].as_str().expect("a project").to_owned())
}

impl Admin {
    pub async fn new() -> Self {
        Self { http: http(), token: sign_in("admin", "rig", "admin").await.0 }
    }

    pub fn with_token(token: String) -> Self {
        Self { http: http(), token }
    }

    pub async fn status(&self, method: &str, url: &str) -> u16 {
        self.send(method, url, None).await.status().as_u16()
    }

    async fn send(&self, method: &str, url: &str, body: Option<&Json>) -> reqwest::Response {
        let mut request =
            self.http.request(method.parse().expect("a method"), url).header("X-Auth-Token", &self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.expect("the service answers")
    }

    pub async fn ask(&self, method: &str, port: u16, path: &str, body: Json) -> Json {
        let body = (!body.is_null()).then_some(&body);
        let answer = self.send(method, &url(port, path), body).await;
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    async fn upload(&self, image: &str, bytes: &'static [u8]) {
        let url = url(9292, &format!("/v2/images/{image}/file"));
        let request = self.http.put(url).header("X-Auth-Token", &self.token);
        let request = request.header("Content-Type", "application/octet-stream").body(bytes);
        assert!(request.send().await.expect("Glance answers").status().is_success());
    }

    pub async fn user_id(&self, name: &str) -> String {
        let found = self.ask("GET", 5000, &format!("/v3/users?name={name}"), Json::Null).await;
        found["users"][0]["id"].as_str().expect("the user").to_owned()
    }

    /// A project with a user of its name who is a member of it; the project's id.
    pub async fn member(&self, name: &str) -> String {
        let project = json!({"project": {"name": name, "domain_id": "default"}});
        let project = self.ask("POST", 5000, "/v3/projects", project).await["project"]["id"].clone();
        let user = json!({"user": {"name": name, "domain_id": "default", "password": PASSWORD}});
        let user = self.ask("POST", 5000, "/v3/users", user).await["user"]["id"].clone();
        let roles = self.ask("GET", 5000, "/v3/roles?name=member", Json::Null).await;
        let [project, user, role] =
            [&project, &user, &roles["roles"][0]["id"]].map(|id| id.as_str().expect("an id"));
        self.ask("PUT", 5000, &format!("/v3/projects/{project}/users/{user}/roles/{role}"), Json::Null).await;
        project.to_owned()
    }
}

/// Fills the cloud, once.
pub async fn stock() -> &'static Stock {
    static STOCK: tokio::sync::OnceCell<Stock> = tokio::sync::OnceCell::const_new();
    STOCK.get_or_init(fill).await
}

async fn fill() -> Stock {
    let admin = Admin::new().await;
    admin.member(PROJECT).await;
    let poor = admin.member(POOR).await;
    let own = sign_in("admin", "rig", "admin").await.1;
    admin
        .ask("PUT", 8774, &format!("/v2.1/os-quota-sets/{poor}"), json!({"quota_set": {"instances": 0}}))
        .await;
    admin
        .ask("PUT", 8776, &format!("/v3/{own}/os-quota-sets/{poor}"), json!({"quota_set": {"volumes": 0}}))
        .await;
    admin.ask("PUT", 9696, &format!("/v2.0/quotas/{poor}"), json!({"quota": {"network": 1}})).await;
    for (name, cpus, memory) in
        [("rig.small", 1, 512), ("rig.large", 2, 1024), ("rig.huge", 512, 700_000_000)]
    {
        let flavour = json!({"flavor": {"name": name, "vcpus": cpus, "ram": memory, "disk": 1}});
        admin.ask("POST", 8774, "/v2.1/flavors", flavour).await;
    }
    admin.ask("POST", 8776, &format!("/v3/{own}/types"), json!({"volume_type": {"name": "fast"}})).await;
    let image = image(&admin, "debian-12").await;
    let network = json!({"network": {"name": "internet", "router:external": true}});
    let network = admin.ask("POST", 9696, "/v2.0/networks", network).await["network"]["id"].clone();
    let subnet = json!({"subnet": {"network_id": network, "cidr": "203.0.113.0/24", "ip_version": 4, "enable_dhcp": false}});
    admin.ask("POST", 9696, "/v2.0/subnets", subnet).await;
    Stock { image, external_network: network.as_str().expect("an id").to_owned() }
}

/// A public image; its id.
pub async fn image(admin: &Admin, name: &str) -> String {
    let body = json!({"name": name, "disk_format": "raw", "container_format": "bare", "visibility": "public",
                      "os_distro": "debian"});
    let image = admin.ask("POST", 9292, "/v2/images", body).await["id"].as_str().expect("an id").to_owned();
    admin.upload(&image, b"a boot loader, in a manner of speaking").await;
    image
}

/// Networks of different tests must not overlap: the instances are all on one machine.
pub fn cidr() -> String {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two runs at the same time on one machine most likely begin at different places.
    static FIRST: OnceLock<u16> = OnceLock::new();
    let first = *FIRST.get_or_init(|| (std::process::id() % 200) as u16 * 256);
    let number = first + NEXT.fetch_add(1, Ordering::Relaxed);
    format!("10.{}.{}.0/24", 30 + number / 256, number % 256)
}

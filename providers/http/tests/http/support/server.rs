use serde_json::{Value as Json, json};

use super::Service;

/// The service without TLS, and what its tests order from it.
pub struct Server {
    service: Service,
    client: reqwest::Client,
}

impl Server {
    pub fn start() -> Self {
        // Any provider configuration installs the TLS library, which the client here needs too.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { service: Service::start(None), client }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.service.port)
    }

    async fn control(&self, method: reqwest::Method, path: &str, body: Json) -> Json {
        let request = self.client.request(method, format!("{}/{path}", self.url())).body(body.to_string());
        let text = request.send().await.expect("the service answers").text().await.expect("a reply");
        serde_json::from_str(&text).expect("JSON")
    }

    pub async fn set(&self, settings: Json) {
        self.control(reqwest::Method::POST, "_settings", settings).await;
    }

    /// The next `times` requests with that method and beginning of the path are answered so.
    pub async fn fault(&self, method: &str, path: &str, times: u32, how: Json) {
        let mut fault = json!({ "method": method, "path": path, "times": times });
        for (name, value) in how.as_object().expect("an object") {
            fault[name] = value.clone();
        }
        self.control(reqwest::Method::POST, "_fault", fault).await;
    }

    pub async fn revoke_tokens(&self) {
        self.control(reqwest::Method::POST, "_revoke", json!({})).await;
    }

    pub async fn add(&self, object: Json) {
        self.control(reqwest::Method::POST, "_object", object).await;
    }

    pub async fn edit(&self, id: &str, change: Json) {
        self.control(reqwest::Method::PATCH, &format!("_object/{id}"), change).await;
    }

    pub async fn remove(&self, id: &str) {
        self.control(reqwest::Method::DELETE, &format!("_object/{id}"), json!({})).await;
    }

    async fn look(&self) -> Json {
        self.control(reqwest::Method::GET, "_look", json!({})).await
    }

    /// The service's clock, in seconds.
    pub async fn now(&self) -> f64 {
        self.look().await["now"].as_f64().expect("a time")
    }

    /// How many tokens it has given out.
    pub async fn issued(&self) -> u64 {
        self.look().await["issued"].as_u64().expect("a number")
    }

    /// What there is of a kind.
    pub async fn objects(&self, kind: &str) -> Vec<Json> {
        let all = self.look().await["objects"].as_object().expect("objects").clone();
        all.into_iter().map(|(_, o)| o).filter(|o| o["kind"] == kind).collect()
    }

    /// The requests with that method and beginning of the path.
    pub async fn requests(&self, method: &str, path: &str) -> Vec<Json> {
        let log = self.look().await["log"].as_array().expect("a log").clone();
        let is_wanted =
            |r: &Json| r["method"] == method && r["path"].as_str().is_some_and(|p| p.starts_with(path));
        log.into_iter().filter(is_wanted).collect()
    }
}

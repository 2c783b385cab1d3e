use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use mprov_sdk::Value;

use crate::support::client::get;
use crate::support::{
    CERTIFICATE, Caddy, ROUTE, SERVER, Upstream, call, changes, desired, route, server, with_server,
};

#[tokio::test(flavor = "multi_thread")]
async fn tls_by_the_proxy_itself_and_by_a_given_certificate() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;

    let given = rcgen::generate_simple_self_signed(["given.example.org".to_owned()]).expect("certificate");
    let key_pem = given.signing_key.serialize_pem();
    let certificate = desired(
        CERTIFICATE,
        [
            ("name", "given".into()),
            ("cert_pem", given.cert.pem().into()),
            ("key_pem", Value::from(key_pem.clone()).sensitive()),
        ],
    );
    let certificate = site.create(CERTIFICATE, &certificate).await;
    assert_eq!(site.read(CERTIFICATE, &certificate).await.as_ref(), Some(&certificate));
    let secret_line = key_pem.lines().nth(1).expect("a line of the key");
    assert!(!caddy.saved().contains(secret_line), "the key is in the saved configuration");
    for entry in std::fs::read_dir(caddy.path("config/certs")).expect("folder") {
        let mode = entry.expect("entry").metadata().expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }

    let mut on_given = route("given.example.org", &blue.text());
    on_given.set("tls", "certificate").set("certificate", "given");
    site.create(ROUTE, &on_given).await;
    let mut internal = route("internal.example.org", &blue.text());
    internal.set("tls", "internal");
    let made = site.create(ROUTE, &internal).await;
    assert_eq!(site.read(ROUTE, &made).await.as_ref(), Some(&made));
    assert_eq!(site.read(CERTIFICATE, &certificate).await.as_ref(), Some(&certificate));
    let listeners = site.read(SERVER, &server(&caddy)).await.expect("it is there");
    assert_eq!(changes(SERVER, &server(&caddy), &listeners), Vec::<String>::new());

    let plain = get(caddy.http_port, "internal.example.org", "/a?b=c", "").await;
    assert_eq!(plain.status, 308);
    let location = format!("Location: https://internal.example.org:{}/a?b=c", caddy.https_port);
    assert!(plain.head.contains(&location), "{}", plain.head);

    let root = wait_for_file(&caddy.path("data/pki/authorities/local/root.crt")).await;
    for (host, trusted) in
        [("given.example.org", given.cert.pem().into_bytes()), ("internal.example.org", root)]
    {
        let client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&trusted).expect("a certificate")])
            .resolve(host, ([127, 0, 0, 1], caddy.https_port).into())
            .no_proxy()
            .build()
            .expect("client");
        let answer = wait_for_answer(&client, &format!("https://{host}:{}/", caddy.https_port)).await;
        assert_eq!(answer.status(), 200, "{host}");
        assert_eq!(answer.headers()["Strict-Transport-Security"], "max-age=1000");
        let body = answer.text().await.expect("a body");
        assert!(body.contains("X-Forwarded-Proto: https"), "{body}");
    }

    let fault = site.of(CERTIFICATE).delete(&call("d"), &certificate).await.expect_err("in use");
    assert!(fault.summary.contains("in use"), "{fault}");
    site.delete(ROUTE, &on_given).await;
    site.delete(CERTIFICATE, &certificate).await;
    assert_eq!(std::fs::read_dir(caddy.path("config/certs")).expect("folder").count(), 0);
}

/// The proxy signs its own certificates after it has taken the configuration; until then it
/// refuses to speak TLS for the name.
async fn wait_for_answer(client: &reqwest::Client, url: &str) -> reqwest::Response {
    for _ in 0..200 {
        if let Ok(answer) = client.get(url).send().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{url} did not answer in 10 s");
}

/// The proxy makes its authority after it has taken the configuration.
async fn wait_for_file(path: &Path) -> Vec<u8> {
    for _ in 0..200 {
        if let Ok(bytes) = std::fs::read(path) {
            return bytes;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} did not appear in 10 s", path.display());
}

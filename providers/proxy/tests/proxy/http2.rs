use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{Caddy, ROUTE, Upstream, route, with_server};

const HOST: &str = "a.example.org";

/// A client that posts over HTTP/2, on one connection, about forty times a second. Each line of
/// its output is a request: status, version, error.
fn client(caddy: &Caddy, requests: u32, output: &Path) -> Child {
    let port = caddy.https_port;
    let child = Command::new("curl")
        .args([
            "--http2",
            "--insecure",
            "--silent",
            "--data",
            "a=b",
            "--rate",
            "40/s",
            "--output",
            "/dev/null",
        ])
        .args(["--write-out", "%{stderr}%{http_code} HTTP/%{http_version} %{errormsg}\n"])
        .args(["--resolve", &format!("{HOST}:{port}:127.0.0.1")])
        .arg(format!("https://{HOST}:{port}/page?[1-{requests}]"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(output).expect("a file"))
        .spawn();
    child.unwrap_or_else(|e| panic!("this test needs curl with HTTP/2 ({e}): apt-get install curl"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_over_fails_no_request_over_http2_either() {
    let caddy = Caddy::start();
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let site = with_server(&caddy).await;
    let mut planned = route(HOST, &blue.text());
    planned.set("tls", "internal");
    let made = site.create(ROUTE, &planned).await;
    let folder = TempDir::new().expect("a folder");
    // The proxy signs its certificate after it has taken the configuration.
    for _ in 0..100 {
        if client(&caddy, 1, &folder.path().join("first")).wait().expect("it ends").success() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let outputs = [0, 1, 2, 3].map(|n| folder.path().join(n.to_string()));
    let clients = outputs.each_ref().map(|output| client(&caddy, 10_000, output));
    let said = || outputs.each_ref().map(|o| std::fs::read_to_string(o).expect("output")).join("\n");
    let wait_for_more = async |status: &str| {
        let count = || said().lines().filter(|l| l.starts_with(status)).count();
        let before = count();
        for _ in 0..1000 {
            if count() > before + 40 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no {status} in 10 s: {}", said());
    };
    wait_for_more("200").await;
    planned.set("frozen", true);
    let frozen = site.update(ROUTE, &made, &planned).await;
    wait_for_more("503").await;
    planned.set("frozen", false).set("upstream", green.text());
    site.update(ROUTE, &frozen, &planned).await;
    wait_for_more("200").await;
    let said = said();
    for mut client in clients {
        client.kill().expect("it runs");
        client.wait().expect("it ends");
    }
    // The last line of each may not have been whole yet.
    let wrong: Vec<_> = said.lines().filter(|l| !matches!(l.trim(), "200 HTTP/2" | "503 HTTP/2")).collect();
    assert!(wrong.iter().all(|l| "200 HTTP/2".starts_with(l.trim())), "{wrong:?}");
}

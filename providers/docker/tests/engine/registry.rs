//! Pulls, from a registry of the test's own: the engine takes 127.0.0.0/8 without TLS.

use std::collections::HashMap;
use std::sync::Arc;

use mprov_sdk::Object;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::world::World;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const BLOB: &str = "application/octet-stream";

/// Content by path: its type and bytes.
type Contents = HashMap<String, (&'static str, Vec<u8>)>;

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// One image with one uncompressed layer.
fn contents(repo: &str, layer: Vec<u8>) -> (Contents, String) {
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["sleep", "1"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]}, "history": [{"created_by": "test"}],
    });
    let config = config.to_string().into_bytes();
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": config.len(), "digest": digest(&config)},
        "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar", "size": layer.len(), "digest": digest(&layer)}],
    });
    let manifest = manifest.to_string().into_bytes();
    let manifest_digest = digest(&manifest);
    let mut contents = Contents::new();
    contents.insert("/v2/".into(), (BLOB, Vec::new()));
    contents.insert(format!("/v2/{repo}/manifests/1"), (MANIFEST, manifest.clone()));
    contents.insert(format!("/v2/{repo}/manifests/{manifest_digest}"), (MANIFEST, manifest));
    contents.insert(format!("/v2/{repo}/blobs/{}", digest(&config)), (BLOB, config));
    contents.insert(format!("/v2/{repo}/blobs/{}", digest(&layer)), (BLOB, layer));
    (contents, manifest_digest)
}

async fn answer(stream: TcpStream, contents: Arc<Contents>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first).await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line.trim().is_empty() {
            break;
        }
    }
    let mut words = first.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let reply = match contents.get(path) {
        Some((kind, bytes)) => {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nDocker-Content-Digest: {}\r\n\
                 Docker-Distribution-Api-Version: registry/2.0\r\nConnection: close\r\n\r\n",
                bytes.len(),
                digest(bytes)
            );
            let body = if method == "HEAD" { &[][..] } else { bytes };
            [head.as_bytes(), body].concat()
        }
        None => {
            let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
            let head = "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nConnection: close\r\n";
            format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
        }
    };
    stream.write_all(&reply).await?;
    stream.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_pulled_tagged_and_taken_away_again() {
    let world = World::new().await;
    let repo = format!("{}/web", world.prefix);
    let layer = std::fs::read(world.rootfs()).expect("layer");
    let (contents, manifest_digest) = contents(&repo, layer);
    let contents = Arc::new(contents);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let registry = listener.local_addr().expect("address");
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let contents = contents.clone();
            tokio::spawn(async move { answer(stream, contents).await });
        }
    });

    let reference = format!("{registry}/{repo}:1");
    let config = Object::new().with("name", world.name("pulled:1")).with("pull", reference.as_str());
    let made = world.apply("docker_image", "1", config.clone(), None).await.expect("pull");
    assert_eq!(made.str("digest").expect("digest"), manifest_digest);
    assert_eq!(made.strings("tags").expect("tags").len(), 2);
    world.delete("docker_image", &made).await;
    assert!(world.docker.inspect_image(&reference).await.is_err(), "its tag of the registry goes too");

    let missing = config.with("pull", format!("{registry}/{repo}:2"));
    let fault = world.apply("docker_image", "2", missing, None).await.expect_err("no such tag");
    assert!(fault.detail.contains("the reference is right"), "{fault}");
    serving.abort();
}

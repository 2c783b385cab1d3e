use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use mprov_sdk::{Call, Fault};
use reqwest::Client;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MEGABYTE: u64 = 1 << 20;

/// Where an archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Local(PathBuf),
    Remote(String),
}

impl Place {
    /// `http(s)://…`, `file://…`, or a path relative to `base`.
    pub fn of(text: &str, base: &Path) -> Self {
        if text.starts_with("http://") || text.starts_with("https://") {
            return Self::Remote(text.to_owned());
        }
        Self::Local(base.join(text.strip_prefix("file://").unwrap_or(text)))
    }
}

/// Puts the archive into a new file, and gives a fault unless its SHA-256 is that one.
pub async fn fetch(call: &Call, place: &Place, sha256: &str, to: &Path) -> Result<(), Fault> {
    let found = tokio::select! {
        found = async {
            match place {
                Place::Local(path) => copy(path, to).await,
                Place::Remote(url) => download(call, url, to).await,
            }
        } => found?,
        () = call.cancel.cancelled() => {
            return Err(Fault::new("stopped fetching the source").detail("The next apply fetches it anew."));
        }
    };
    if found.eq_ignore_ascii_case(sha256) {
        return Ok(());
    }
    Err(Fault::new(format!("{} is not the archive that was asked for", show(place))).detail(format!(
        "Its SHA-256 is {found}, the configuration says {}. It was changed on the way or by its maker: compare with \
         what Moodle publishes beside the download before you change the configuration.",
        sha256.to_lowercase()
    )))
}

async fn copy(path: &Path, to: &Path) -> Result<String, Fault> {
    let fault =
        |e: std::io::Error| Fault::new(format!("{} cannot be read", path.display())).detail(format!("{e}."));
    let mut from = File::open(path).await.map_err(fault)?;
    let mut file = Hashed::create(to).await.map_err(fault)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = from.read(&mut buffer).await.map_err(fault)?;
        if read == 0 {
            return file.finish().await.map_err(fault);
        }
        file.write(&buffer[..read]).await.map_err(fault)?;
    }
}

async fn download(call: &Call, url: &str, to: &Path) -> Result<String, Fault> {
    let summary = || format!("{} cannot be fetched", without_credentials(url));
    let lost = |e: reqwest::Error| {
        let e = e.without_url();
        Fault::new(summary())
            .detail(format!("{}. Try again, or fetch it by hand and give its path.", root_cause(&e)))
    };
    let full = |e: std::io::Error| Fault::new(summary()).detail(format!("Writing {}: {e}.", to.display()));
    let mut response = client().map_err(lost)?.get(url).send().await.map_err(lost)?;
    if !response.status().is_success() {
        return Err(Fault::new(summary()).detail(format!("The server answered {}.", response.status())));
    }
    let total = response.content_length();
    let mut file = Hashed::create(to).await.map_err(full)?;
    let mut done = 0;
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        file.write(&chunk).await.map_err(full)?;
        let before = done / MEGABYTE;
        done += chunk.len() as u64;
        if done / MEGABYTE != before {
            let megabytes = done / MEGABYTE;
            match total {
                Some(total) => call.events.progress_of("Fetching (MB)", megabytes, total / MEGABYTE),
                None => call.events.progress(&format!("Fetching ({megabytes} MB)")),
            }
        }
    }
    file.finish().await.map_err(full)
}

fn client() -> Result<Client, reqwest::Error> {
    static TLS: Once = Once::new();
    // An error says that another part of the program has installed it.
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    Client::builder()
        .connect_timeout(Duration::from_secs(30))
        .read_timeout(Duration::from_secs(60))
        .user_agent(concat!("mprov/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// A file that is being written, and the hash of what was.
struct Hashed {
    file: File,
    hash: Sha256,
}

impl Hashed {
    async fn create(path: &Path) -> std::io::Result<Self> {
        Ok(Self { file: File::create(path).await?, hash: Sha256::new() })
    }

    async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.file.write_all(bytes).await
    }

    async fn finish(mut self) -> std::io::Result<String> {
        self.file.flush().await?;
        Ok(self.hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
    }
}

fn show(place: &Place) -> String {
    match place {
        Place::Local(path) => path.display().to_string(),
        Place::Remote(url) => without_credentials(url),
    }
}

/// The address without `user:password@` and without its query, where tokens are.
pub fn without_credentials(url: &str) -> String {
    let url = url.split_once('?').map_or(url, |(address, _)| address);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use mprov_sdk::{CancellationToken, Silent};
    use tokio::net::TcpListener;

    use super::*;

    const SHA_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn call() -> Call {
        Call {
            address: "moodle_source.x".into(),
            token: "t".into(),
            base_dir: PathBuf::new(),
            events: Silent::shared(),
            cancel: CancellationToken::new(),
            read_only: None,
        }
    }

    /// Answers one request with that head and "abc".
    async fn server(head: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/moodle.tgz", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).await.expect("a request") > 0);
            stream
                .write_all(format!("{head}\r\ncontent-length: 3\r\n\r\nabc").as_bytes())
                .await
                .expect("answered");
        });
        url
    }

    #[tokio::test]
    async fn what_has_another_hash_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        std::fs::write(&from, "abc").expect("write");
        for place in
            [Place::of("from", dir.path()), Place::of(&format!("file://{}", from.display()), Path::new("/"))]
        {
            fetch(&call(), &place, &SHA_OF_ABC.to_uppercase(), &to).await.expect("fetched");
            assert_eq!(std::fs::read(&to).expect("there"), b"abc");
            let fault = fetch(&call(), &place, &"0".repeat(64), &to).await.expect_err("refused");
            assert!(fault.detail.contains(SHA_OF_ABC), "{fault}");
        }
    }

    #[tokio::test]
    async fn a_server_is_asked_and_its_refusal_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let to = dir.path().join("to");
        let place = Place::Remote(server("HTTP/1.1 200 OK").await);
        fetch(&call(), &place, SHA_OF_ABC, &to).await.expect("fetched");
        let place = Place::Remote(server("HTTP/1.1 404 Not Found").await);
        let fault = fetch(&call(), &place, SHA_OF_ABC, &to).await.expect_err("not there");
        assert!(fault.detail.contains("404"), "{fault}");
    }

    #[test]
    fn credentials_are_not_shown() {
        let shown = without_credentials("https://u:p@host.example/a@b?token=x");
        assert_eq!(shown, "https://host.example/a@b");
    }
}

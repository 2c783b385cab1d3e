use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::world::AUTHORIZATION;
use crate::xml;

/// The EC2 API that these tests talk to, as PyPI has it.
const PACKAGE: &str = "moto[ec2,server]==5.2.5";

/// Serves until the pipe of its standard input closes: that is, until these tests end, however
/// they end.
const SERVE: &str = "
import os, sys, threading
def wait():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=wait, daemon=True).start()
from moto.server import main
main(['-H', '127.0.0.1', '-p', sys.argv[1]])
";

const LIMIT: Duration = Duration::from_secs(90);

struct Moto {
    port: u16,
    image: String,
    /// Holds the pipe open.
    _process: Child,
}

/// The port of the server, which all tests of this program share.
pub fn port() -> u16 {
    moto().port
}

/// A machine image that it has. Asked for once: moto's list of images does not bear questions at
/// the same time.
pub fn image() -> &'static str {
    &moto().image
}

fn moto() -> &'static Moto {
    static MOTO: OnceLock<Moto> = OnceLock::new();
    MOTO.get_or_init(start)
}

fn start() -> Moto {
    let python = installed();
    // Another program may take the free port before the server does.
    for _ in 0..5 {
        let port = free_port();
        let mut process = Command::new(&python)
            .args(["-c", SERVE, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("python starts");
        if let Some(image) = first_image(port, &mut process) {
            return Moto { port, image, _process: process };
        }
    }
    panic!("moto does not start: try `{} -m moto.server`", python.display());
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Waits for the server; none if it does not come up.
fn first_image(port: u16, process: &mut Child) -> Option<String> {
    let begin = Instant::now();
    while begin.elapsed() < LIMIT {
        if let Some(image) = warmed(port) {
            return Some(image);
        }
        if process.try_wait().expect("it can be asked").is_some() {
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    process.kill().expect("it can be stopped");
    process.wait().expect("it ends");
    None
}

/// Moto makes a region when it is asked for the first time, and answers with errors to whoever asks
/// meanwhile: so it is asked once, by one, for what takes longest.
fn warmed(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let body = "Action=DescribeImages&Version=2016-11-15";
    let head = format!(
        "POST / HTTP/1.1\r\nHost: ec2.us-east-1.amazonaws.com\r\nAuthorization: {AUTHORIZATION}\r\n\
         Connection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut answer = String::new();
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    stream.read_to_string(&mut answer).ok()?;
    xml::text(&answer, "imageId").map(str::to_owned)
}

fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache");
    std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("mprov")
}

/// The interpreter of a virtual environment that has the package, made where there is none yet.
fn installed() -> PathBuf {
    let cache = cache();
    fs::create_dir_all(&cache).expect("the cache's folder");
    let lock = File::create(cache.join("moto.lock")).expect("a lock file");
    lock.lock().expect("a lock");
    let folder = cache.join("moto-5.2.5");
    let python = folder.join("bin/python");
    let complete = folder.join("complete");
    if !complete.exists() {
        let _ = fs::remove_dir_all(&folder);
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        run(pip(&python).args(["install", "--quiet", "--disable-pip-version-check", PACKAGE]));
        File::create(&complete).expect("a mark");
    }
    python
}

fn pip(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip"]);
    command
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().expect("these tests need python3 with venv and pip");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}:\n{out}\n{err}");
}

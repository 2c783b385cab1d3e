//! The examples of docs/reference/http.md, as they stand there, against a real service: the one
//! that the provider's own tests use. Needs python3.

mod support;

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value as Json, json};
use support::Folder;

const CANARY: &str = "canary-key-5f2c9d";

/// The configurations on the page.
fn examples() -> Vec<String> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/http.md"));
    let page = page.expect("the page");
    page.split("```hcl\n").skip(1).map(|rest| rest.split("```").next().expect("a block").to_owned()).collect()
}

/// The process of the service; it ends with the test.
struct Service {
    process: Child,
    port: u16,
}

impl Service {
    fn start() -> Self {
        let mut process = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/providers/http/tests/http/server.py"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test needs python3");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output is piped");
        BufReader::new(output).read_line(&mut line).expect("a line");
        Self { process, port: line.trim().parse().expect("the service tells its port") }
    }

    fn ask(&self, method: &str, path: &str, body: &Json) -> Json {
        let body = body.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        write!(stream, "{method} /{path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            .expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        serde_json::from_str(reply.split_once("\r\n\r\n").expect("a body").1).expect("JSON")
    }

    fn servers(&self) -> Vec<Json> {
        let objects = self.ask("GET", "_look", &json!({}))["objects"].clone();
        objects.as_object().expect("objects").values().cloned().collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_example_of_the_page_works() {
    let service = Service::start();
    service.ask("POST", "_settings", &json!({ "auth": "header", "secret": CANARY }));
    let folder = Folder::with(&examples()[0]);
    let inventory = format!("inventory = \"http://127.0.0.1:{}\"\n", service.port);
    folder.write("site.auto.mprovvars.hcl", &format!("{inventory}inventory_key = \"{CANARY}\"\n"));

    let plan = folder.ok(&["plan"]);
    assert!(plan.stdout.contains("# http_resource.server will be created"), "{}", plan.stdout);
    // The first reply is lost: there is one server all the same.
    let lost = json!({ "method": "POST", "path": "/servers", "kind": "lose", "times": 1 });
    service.ask("POST", "_fault", &lost);
    folder.ok(&["apply", "-auto-approve"]);
    folder.has_no_changes();
    let servers = service.servers();
    assert_eq!(servers.len(), 1, "{servers:?}");
    assert_eq!(folder.ok(&["output", "-raw", "status"]).stdout.trim(), "ACTIVE");
    assert_eq!(folder.ok(&["output", "-raw", "flavor"]).stdout.trim(), "small");
    let state = std::fs::read_to_string(folder.path().join("mprov.state.json")).expect("a state");
    assert!(!state.contains(CANARY), "{state}");

    let id = servers[0]["id"].as_str().expect("an id");
    service.ask("PATCH", &format!("_object/{id}"), &json!({ "name": "by-hand" }));
    let plan = folder.ok(&["plan"]);
    assert!(plan.stdout.contains("by-hand"), "{}", plan.stdout);
    assert!(plan.stdout.contains("# http_resource.server will be updated"), "{}", plan.stdout);
    folder.ok(&["apply", "-auto-approve"]);
    assert_eq!(service.servers()[0]["name"], "moodle-1");
    folder.has_no_changes();

    // Another flavor is no matter of the update.
    let larger = examples()[0].replace("\"small\"", "\"large\"");
    folder.write("main.mprov.hcl", &larger);
    let plan = folder.ok(&["plan"]);
    assert!(plan.stdout.contains("must be replaced"), "{}", plan.stdout);
    folder.ok(&["apply", "-auto-approve"]);
    let servers = service.servers();
    assert_eq!((servers.len(), &servers[0]["flavor"]), (1, &json!("large")));

    folder.ok(&["destroy", "-auto-approve"]);
    assert!(service.servers().is_empty());
}

/// What is killed while its request is under way is found again, and no second one is made.
#[test]
fn a_killed_apply_forgets_nothing_and_makes_nothing_twice() {
    let service = Service::start();
    service.ask("POST", "_settings", &json!({ "build": 3600 }));
    let folder = Folder::with(&examples()[0]);
    let inventory = format!("inventory = \"http://127.0.0.1:{}\"\n", service.port);
    folder.write("site.auto.mprovvars.hcl", &format!("{inventory}inventory_key = \"{CANARY}\"\n"));
    let mut apply = folder.start(&["apply", "-auto-approve"]);
    while service.servers().is_empty() {
        assert!(apply.try_wait().expect("asked").is_none(), "the apply ended by itself");
    }
    apply.kill().expect("killed");
    apply.wait().expect("ended");
    service.ask("POST", "_settings", &json!({ "build": 0 }));
    folder.ok(&["apply", "-auto-approve"]);
    assert_eq!(service.servers().len(), 1);
    folder.has_no_changes();
    folder.ok(&["destroy", "-auto-approve"]);
    assert!(service.servers().is_empty());
}

#[test]
fn the_example_for_openstack_is_valid() {
    let folder = Folder::with(&examples()[1]);
    folder.ok(&["validate"]);
}

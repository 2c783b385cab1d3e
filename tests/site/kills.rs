//! `kill -9` at random moments of an apply and of a destroy on real Docker.

use std::fs;
use std::time::{Duration, Instant};

use crate::browser::Browser;
use crate::images::built;
use crate::inventory::assert_same;
use crate::site::{Site, random};

/// Pairs of kills: one in an apply, one in a destroy.
const ROUNDS: u32 = 10;

/// The quick start's site without its images, which are there already, and without cron.
const CONFIGURATION: &str = r#"
module "proxy" {
  source    = "mprov:proxy/caddy"
  name      = "NAME-proxy"
  image     = "PROXY"
  data_dir  = "DATA/proxy"
  http_port = PORT
}

provider "proxy" {
  admin     = module.proxy.admin
  state_dir = module.proxy.state_dir
}

module "moodle" {
  source        = "mprov:moodle/small"
  name          = "NAME"
  wwwroot       = "http://localhost:PORT"
  image         = "APP"
  database      = { engine = "mariadb", image = "MARIADB" }
  data_dir      = "DATA/site"
  proxy_network = module.proxy.network
  full_name     = "Reduced"
  admin         = { email = "admin@example.invalid" }
  cron          = false
}

resource "proxy_server" "site" {
  public_http_port = module.proxy.http_port
}

resource "proxy_route" "site" {
  hostname    = "localhost"
  upstream    = module.moodle.upstream
  tls         = "off"
  health_path = "/mprov-health"
  depends_on  = [proxy_server.site, module.moodle]
}
"#;

/// Numbers that look random and are the same for the same seed (xorshift).
struct Dice(u64);

impl Dice {
    /// Between nothing and all of it.
    fn part_of(&mut self, whole: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        whole.mul_f64((self.0 >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

#[test]
fn a_kill_at_any_moment_loses_and_doubles_nothing() {
    let seed =
        std::env::var("MPROV_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(random).max(1);
    eprintln!("MPROV_TEST_SEED={seed} makes the kills of this run again");
    let mut dice = Dice(seed);
    let site = reduced();
    let nothing = site.inventory();
    let whole_apply = timed(|| site.apply());
    let everything = site.inventory();
    let whole_destroy = timed(|| site.run(&["destroy", "-auto-approve"], 0));
    assert_same(&site.inventory(), &nothing, "nothing is left");

    for round in 0..ROUNDS {
        kill(&site, "apply", dice.part_of(whole_apply));
        converges(&site, &everything);
        kill(&site, "destroy", dice.part_of(whole_destroy));
        // What a killed destroy has left can be made whole as well as removed.
        if round % 3 == 0 {
            converges(&site, &everything);
        }
        destroyed(&site, &nothing);
    }
}

fn reduced() -> Site {
    let site = Site::empty();
    let values = [
        ("NAME", site.name.clone()),
        ("PORT", site.port.to_string()),
        ("DATA", site.data().display().to_string()),
        ("PROXY", built("proxy")),
        ("MARIADB", built("mariadb")),
        ("APP", built("app")),
    ];
    let text = CONFIGURATION.to_owned();
    let text = values.iter().fold(text, |text, (word, value)| text.replace(word, value));
    site.folder.write("main.mprov.hcl", &text);
    site
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

fn kill(site: &Site, command: &str, after: Duration) {
    let mut child = site.folder.start(&[command, "-auto-approve"]);
    std::thread::sleep(after);
    child.kill().expect("it is our child");
    child.wait().expect("it ends");
    let journal = fs::metadata(site.folder.path().join("mprov.state.journal")).map_or(0, |m| m.len());
    eprintln!("{command} killed after {after:.1?}; {journal} bytes of journal");
    if let Ok(text) = fs::read(site.folder.path().join("mprov.state.json")) {
        let state: serde_json::Value = serde_json::from_slice(&text).expect("the state is whole");
        assert!(state["lineage"].is_string() && state["serial"].is_u64(), "{state}");
    }
}

#[track_caller]
fn converges(site: &Site, everything: &[String]) {
    site.apply();
    site.run(&["plan", "-detailed-exitcode"], 0);
    assert_same(&site.inventory(), everything, "each thing is there once");
    let page = Browser::new(&site.root(), site.folder.whole()).get("/login/index.php");
    assert_eq!(page.status, 200, "{}", page.body);
}

#[track_caller]
fn destroyed(site: &Site, nothing: &[String]) {
    site.run(&["destroy", "-auto-approve"], 0);
    assert_same(&site.inventory(), nothing, "nothing is forgotten");
    assert!(!site.data().exists(), "the data folder is gone");
}

//! Secrets of a real site are nowhere in clear, over HTTPS with a certificate of its own.

use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::browser::Browser;
use crate::docker::{docker, lines, shell, try_docker};
use crate::inventory::assert_same;
use crate::site::{Site, free_port};
use crate::witness::{Seen, Witness, files};

const DATABASE: &str = "postgres";
const TLS: &str = r#"
resource "core_private_key" "site" {}

resource "core_self_signed_cert" "site" {
  private_key_pem = core_private_key.site.private_key_pem
  dns_names       = ["localhost"]
  validity_hours  = 24
  subject {
    common_name = "localhost"
  }
}

resource "proxy_certificate" "site" {
  name     = "site"
  cert_pem = core_self_signed_cert.site.cert_pem
  key_pem  = core_private_key.site.private_key_pem

  depends_on = [proxy_server.site]
}

output "certificate" {
  value = core_self_signed_cert.site.cert_pem
}

output "tls_key" {
  value     = core_private_key.site.private_key_pem
  sensitive = true
}
"#;

#[test]
fn no_secret_of_a_site_rests_in_clear() {
    let site = Site::quickstart(DATABASE);
    let https = free_port();
    serve_over_https(&site, https);
    let before = site.inventory();

    let witness = Witness::start(site.folder.path());
    let plan = site.folder.path().join("saved.plan");
    site.run(&["plan", "-out", &plan.to_string_lossy()], 0);
    let applied = site.run(&["apply", "-json", &plan.to_string_lossy()], 0);
    let mut seen = witness.seen();
    assert!(!applied.stdout.is_empty());
    works_over_https(&site, https);
    // What a change of it says and leaves is looked at too.
    site.answer("php = { memory_limit = \"300M\" }", DATABASE);
    site.plan(&["-json"]);
    site.apply();
    for command in [&["show"][..], &["show", "-json"], &["output"], &["output", "-json"], &["state", "list"]]
    {
        site.run(command, 0);
    }
    site.run(&["state", "show", "module.moodle[\"g1\"].moodle_site.site"], 0);
    site.has_no_changes();

    let secrets = secrets(&site);
    what_others_can_see(&site, &mut seen);
    nowhere(&secrets, &seen);
    not_in_the_document_root(&site, https, &secrets);

    site.run(&["destroy", "-auto-approve"], 0);
    seen.clear();
    files(&site.folder.path(), &mut seen);
    seen.insert("said".into(), [site.said.borrow().clone().into_bytes()].into());
    nowhere(&secrets, &seen);
    assert_same(&site.inventory(), &before, "after the destroy there is what there was");
    assert!(!site.data().exists(), "the data folder is gone");
}

fn serve_over_https(site: &Site, https: u16) {
    site.folder.write("tls.mprov.hcl", TLS);
    let main = "main.mprov.hcl";
    site.edit(
        main,
        "  http_port = var.port\n",
        &format!("  http_port  = var.port\n  https_port = {https}\n"),
    );
    site.edit(main, "\"http://localhost:${var.port}\"", &format!("\"https://localhost:{https}\""));
    let certificate = "\"certificate\"\n  certificate = proxy_certificate.site.id";
    site.edit(main, "= \"off\"", &format!("= {certificate}"));
    let port = "public_http_port = module.proxy.http_port\n";
    site.edit(main, port, &format!("{port}  public_https_port = {https}\n"));
}

fn works_over_https(site: &Site, https: u16) {
    let certificate = site.folder.whole().join("site.crt");
    fs::write(&certificate, site.output("certificate")).expect("a file");
    let root = format!("https://localhost:{https}");
    let browser = Browser::new(&root, site.folder.whole()).trusting(&certificate);
    assert!(browser.log_in(&site.output("admin_user"), &site.output("admin_password")));
    browser.make_course("Botany");
    let upload = site.folder.whole().join("leaf.txt");
    fs::write(&upload, "leaf").expect("a file");
    assert_eq!(browser.get(&browser.upload_file(&upload)).body, "leaf");
    let plain = Browser::new(&site.root(), site.folder.whole()).get("/login/index.php");
    assert!((300..400).contains(&plain.status), "{plain:?}");
    assert_eq!(plain.location, format!("{root}/login/index.php"), "HTTP leads to HTTPS");
}

struct Secret {
    what: &'static str,
    text: String,
}

/// The site's secrets, each as it is and as base64; of the key any one of its lines tells.
fn secrets(site: &Site) -> Vec<Secret> {
    let database = shell(&site.named("db"), "cat /run/secrets/db_password");
    let key = site.output("tls_key");
    let key_lines = key.lines().filter(|line| line.len() > 20 && !line.starts_with("-----"));
    let mut found = vec![
        Secret { what: "the database's password", text: database },
        Secret { what: "the admin's password", text: site.output("admin_password") },
    ];
    found.extend(key_lines.map(|line| Secret { what: "the TLS key", text: line.to_owned() }));
    assert!(found.len() > 3 && found.iter().all(|secret| secret.text.len() >= 20), "they are secrets");
    let encoded = |secret: &Secret| Secret { what: secret.what, text: BASE64_STANDARD.encode(&secret.text) };
    let encoded: Vec<Secret> = found.iter().map(encoded).collect();
    found.extend(encoded);
    found
}

fn what_others_can_see(site: &Site, seen: &mut Seen) {
    let mut add = |place: String, text: Vec<u8>| {
        seen.entry(place).or_default().insert(text);
    };
    add("what commands said".into(), site.said.borrow().clone().into_bytes());
    for (kind, names) in [
        ("container", lines(&["ps", "-a", "--format", "{{.Names}}"])),
        ("network", lines(&["network", "ls", "--format", "{{.Name}}"])),
        ("volume", lines(&["volume", "ls", "-q"])),
        ("image", lines(&["images", "--format", "{{.Repository}}:{{.Tag}}"])),
    ] {
        let names: Vec<String> = names.into_iter().filter(|name| name.contains(&site.name)).collect();
        assert!(!names.is_empty() || kind == "volume", "there is a {kind}");
        for name in names {
            add(format!("inspect of {name}"), docker(&[kind, "inspect", &name]).into());
            match kind {
                "container" => {
                    let log = try_docker(&["logs", &name]);
                    add(format!("log of {name}"), [log.stdout, log.stderr].concat());
                    add(format!("processes of {name}"), docker(&["top", &name, "-eo", "pid,args"]).into());
                }
                "image" => add(format!("layers of {name}"), docker(&["history", "--no-trunc", &name]).into()),
                _ => {}
            }
        }
    }
    let saved = site.data().join("proxy/config/caddy.json");
    add("the proxy's configuration".into(), fs::read(saved).expect("it is saved"));
    // The state with the versions before, and the saved plan.
    files(&site.folder.path(), seen);
    files(&site.data().join("site/g1/data"), seen);
    assert!(seen.keys().any(|place| place.contains("/site/g1/data/")), "Moodle's files were seen");
    assert!(
        seen.keys().any(|place| place.ends_with("mprov.state.journal")),
        "the journal was seen: {:?}",
        seen.keys()
    );
    assert!(
        seen["/proc/*/cmdline"].iter().any(|c| c.windows(11).any(|w| w == b"install.php")),
        "the installer ran"
    );
}

#[track_caller]
fn nowhere(secrets: &[Secret], seen: &Seen) {
    let mut found = Vec::new();
    for (place, texts) in seen {
        for Secret { what, text } in secrets {
            if texts.iter().any(|t| t.windows(text.len()).any(|w| w == text.as_bytes())) {
                found.push(format!("{what} is in {place}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Neither below it, nor in other places of the container where only `/run/secrets` may have one.
fn not_in_the_document_root(site: &Site, https: u16, secrets: &[Secret]) {
    let patterns = site.folder.whole().join("patterns");
    let texts: Vec<&str> = secrets.iter().map(|secret| &*secret.text).collect();
    fs::write(&patterns, texts.join("\n")).expect("a file");
    for container in ["web", "cron"].map(|name| site.named(name)) {
        docker(&["cp", &patterns.to_string_lossy(), &format!("{container}:/patterns")]);
        let search = "grep -rlFs -f /patterns /var/www /etc /tmp /var/log /var/tmp /var/localcache /home /root /usr/share/mprov";
        let found = shell(&container, &format!("{search} || test $? -ne 0"));
        assert_eq!(found, "", "in {container}");
        let kept = shell(&container, "grep -rlFs -f /patterns /run");
        assert_eq!(kept, "/run/secrets/db_password", "the search finds what is there");
        shell(&container, "rm /patterns");
    }
    let browser = Browser::new(&format!("https://localhost:{https}"), site.folder.whole())
        .trusting(&site.folder.whole().join("site.crt"));
    let mut pages = Seen::new();
    for path in
        ["/", "/config.php", "/login/index.php", "/mprov-health", "/site.json", "/run/secrets/db_password"]
    {
        let text = browser.get(path).body.into_bytes();
        pages.entry(format!("the page {path}")).or_default().insert(text);
    }
    nowhere(secrets, &pages);
}

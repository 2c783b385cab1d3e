//! A site comes up, changes, drifts, is repaired and goes away.

use std::fs;
use std::time::Instant;

use serde_json::Value as Json;

use crate::browser::Browser;
use crate::docker::{docker, shell};
use crate::inventory::assert_same;
use crate::site::{Site, actions, container_ids, drift, started};
use crate::support::Ended;

const DATABASE: &str = "mariadb";
const CONTAINERS: [&str; 4] = ["cron", "db", "proxy", "web"];

#[test]
fn a_site_comes_up_changes_and_goes_away() {
    let site = Site::quickstart(DATABASE);
    let before = site.inventory();

    comes_up_while_a_second_apply_is_refused(&site);
    let visitor = people_can_work_in_it(&site);
    a_setting_of_php_changes_it_and_nothing_else(&site);
    a_file_changed_by_hand_is_repaired(&site);
    a_setting_of_moodle_changed_by_hand_is_repaired(&site);
    a_removed_container_is_made_again(&site);
    assert!(visitor.logged_in(), "sessions outlive a new container");

    site.run(&["destroy", "-auto-approve"], 0);
    assert_same(&site.inventory(), &before, "after the destroy there is what there was");
    assert!(
        !site.data().exists(),
        "the data folder is gone: {:?}",
        fs::read_dir(site.data()).map(Vec::from_iter)
    );
    assert_eq!(site.folder.state()["resources"], serde_json::json!({}));
}

fn comes_up_while_a_second_apply_is_refused(site: &Site) {
    let begin = Instant::now();
    let mut first = site.folder.start(&["apply", "-auto-approve"]);
    let holder = site.folder.path().join(".mprov/lock.holder");
    let held = || fs::read_to_string(&holder).is_ok_and(|t| t.contains(&first.id().to_string()));
    while !held() {
        assert!(begin.elapsed().as_secs() < 30, "the first apply takes the lock");
        std::thread::yield_now();
    }
    let second = site.run(&["apply", "-auto-approve"], 3);
    for word in [&first.id().to_string(), "tester", "\"mprov apply\""] {
        assert!(second.stderr.contains(word), "{word} is missing: {}", second.stderr);
    }
    let ended = first.wait().expect("it ends");
    assert_eq!(
        ended.code(),
        Some(0),
        "the first apply:\n{}",
        site.folder.run(&["apply", "-auto-approve"]).text()
    );
    eprintln!("{} came up in {:.0?}", site.name, begin.elapsed());
    site.has_no_changes();
}

struct Visitor<'a> {
    site: &'a Site,
    browser: Browser,
    course: String,
    file: String,
}

impl Visitor<'_> {
    /// The course and the file are there, for the visitor who made them.
    fn logged_in(&self) -> bool {
        self.browser.get(&self.course).body.contains("Botany")
            && self.browser.get(&self.file).body == *self.site.name
    }
}

fn people_can_work_in_it(site: &Site) -> Visitor<'_> {
    let anonymous = Browser::new(&site.root(), site.folder.whole());
    let page = anonymous.get("/login/index.php");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("logintoken"), "{}", page.body);

    let (user, password) = (site.output("admin_user"), site.output("admin_password"));
    assert!(!anonymous.log_in(&user, "not-the-password"), "a wrong password is refused");
    let browser = Browser::new(&site.root(), site.folder.whole());
    assert!(browser.log_in(&user, &password), "the admin that was printed can log in");

    let course = browser.make_course("Botany");
    let upload = site.folder.whole().join("leaf.txt");
    fs::write(&upload, &site.name).expect("a file");
    let file = browser.upload_file(&upload);
    assert_eq!(browser.get(&file).body, site.name, "the file is read back");
    assert_ne!(anonymous.get(&file).body, site.name, "and by nobody else");
    Visitor { site, browser, course, file }
}

fn a_setting_of_php_changes_it_and_nothing_else(site: &Site) {
    let (ids, web) = (container_ids(site), site.named("web"));
    assert_eq!(ids.len(), CONTAINERS.len());
    let database = started(&site.named("db"));
    let plan = site.plan(&["-var", "php={memory_limit=\"300M\"}"]);
    let update = |name: &str| format!("[\"update\"] module.moodle[\"g1\"].docker_container.{name}");
    assert_eq!(actions(&plan), [update("cron[0]"), update("web")]);
    assert_eq!(drift(&plan), [""; 0]);

    let file = site.folder.whole().join("plan");
    site.run(&["apply", &file.to_string_lossy()], 0);
    site.answer("php = { memory_limit = \"300M\" }", DATABASE);
    assert_eq!(container_ids(site), ids, "no container was replaced");
    assert_eq!(started(&site.named("db")), database, "the database was left alone");
    let limit = "echo ini_get('memory_limit');";
    assert_eq!(docker(&["exec", &web, "php", "-r", limit]), "300M");
    // The web server reads its settings when it starts.
    shell(&web, &format!("printf '%s' \"<?php {limit}\" > /var/www/html/probe.php"));
    let browser = Browser::new(&site.root(), site.folder.whole());
    assert_eq!(browser.get("/probe.php").body, "300M", "pages have the new value too");
    shell(&web, "rm /var/www/html/probe.php");
    assert_eq!(browser.get("/login/index.php").status, 200);
    site.has_no_changes();
}

fn a_file_changed_by_hand_is_repaired(site: &Site) {
    let (ids, web) = (container_ids(site), site.named("web"));
    let read = || shell(&web, "cat /etc/moodle/php.ini");
    let wanted = read();
    shell(&web, "echo 'memory_limit = 64M' >> /etc/moodle/php.ini");
    let plan = site.plan(&[]);
    assert_eq!(drift(&plan), ["\"changed\" module.moodle[\"g1\"].docker_container.web"]);
    assert_eq!(actions(&plan), ["[\"update\"] module.moodle[\"g1\"].docker_container.web"]);
    site.apply();
    assert_eq!(read(), wanted);
    assert_eq!(container_ids(site), ids, "no container was replaced");
    site.has_no_changes();
}

fn a_setting_of_moodle_changed_by_hand_is_repaired(site: &Site) {
    let web = site.named("web");
    let cfg = |more: &[&str]| {
        let command = ["exec", "-u", "www-data", &web, "php", "/var/www/html/admin/cli/cfg.php"];
        docker(&[&command[..], &["--name=supportemail"], more].concat())
    };
    let settings =
        "php = { memory_limit = \"300M\" }\nsettings = { supportemail = \"help@example.invalid\" }";
    site.answer(settings, DATABASE);
    let created = ["[\"create\"] module.moodle[\"g1\"].moodle_settings.core[0]"];
    assert_eq!(actions(&site.plan(&[])), created);
    site.apply();
    assert_eq!(cfg(&[]), "help@example.invalid");

    cfg(&["--set=somebody@example.invalid"]);
    let plan = site.plan(&[]);
    assert_eq!(drift(&plan), ["\"changed\" module.moodle[\"g1\"].moodle_settings.core[0]"]);
    assert_eq!(actions(&plan), ["[\"update\"] module.moodle[\"g1\"].moodle_settings.core[0]"]);
    site.apply();
    assert_eq!(cfg(&[]), "help@example.invalid");
    site.has_no_changes();
}

fn a_removed_container_is_made_again(site: &Site) {
    let web = site.named("web");
    let others = |site: &Site| -> Vec<String> {
        container_ids(site).into_iter().filter(|line| !line.starts_with(&web)).collect()
    };
    let before = others(site);
    docker(&["rm", "-f", &web]);
    let plan = site.plan(&[]);
    assert_eq!(drift(&plan), ["\"gone\" module.moodle[\"g1\"].docker_container.web"]);
    assert!(
        actions(&plan).contains(&"[\"create\"] module.moodle[\"g1\"].docker_container.web".to_owned()),
        "{plan}"
    );
    let deleting = |plan: &Json| actions(plan).iter().any(|line| line.contains("delete"));
    assert!(!deleting(&plan), "nothing is destroyed for it: {:?}", actions(&plan));
    let ended: Ended = site.apply();
    assert_eq!(others(site), before, "the other containers stayed: {}", ended.text());
    site.has_no_changes();
    let browser = Browser::new(&site.root(), site.folder.whole());
    assert_eq!(browser.get("/login/index.php").status, 200);
}

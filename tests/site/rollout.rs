//! Upgrades of a real site, with people in it: rehearsed, cut over, gone back from.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::browser::Browser;
use crate::docker::{docker, shell, try_docker};
use crate::images::stand_in;
use crate::inventory::assert_same;
use crate::load::{Load, Outcome, Report, Session, content};
use crate::site::Site;

const WRITERS: usize = 3;
const READERS: usize = 9;

#[test]
fn a_site_is_upgraded_with_people_in_it_and_goes_back() {
    let site = site("4.5.5");
    let nothing = site.inventory();
    site.apply();
    let password = site.output("admin_password");

    a_change_of_code_is_refused_without_a_rehearsal(&site);
    a_rehearsal_is_isolated(&site);
    nobody_is_turned_away_by_a_cut_over(&site, &password);
    a_rollback_is_refused_once_users_have_written(&site, &password);
    a_rollback_needs_nothing_of_what_it_leaves(&site);

    site.run(&["destroy", "-auto-approve"], 0);
    assert_same(&site.inventory(), &nothing, "nothing is left");
}

#[test]
fn what_fails_before_the_switch_leaves_users_where_they_were() {
    let site = site("4.5.5");
    let nothing = site.inventory();
    without_rehearsals(&site);
    site.apply();
    // An image that was built for it stays, as any build that nobody uses.
    let everything = without_images(site.inventory());
    code(&site, &["--broken"], "5.0.6");
    let before = Instant::now();
    let ended = site.run(&["apply", "-auto-approve"], 5);
    eprintln!("a failed upgrade was over after {:.0?}", before.elapsed());
    assert!(ended.stderr.contains("moodle_site.site"), "{}", ended.stderr);
    assert_eq!(release(&site), "4.5.5");
    assert_same(&without_images(site.inventory()), &everything, "what was made for it is gone");
    let cron = docker(&["inspect", "-f", "{{.State.Running}}", &site.named("cron")]);
    assert_eq!(cron, "true", "tasks run again");

    // Killed in the middle of the upgrade: whatever comes next lets users in again.
    code(&site, &[], "5.0.6");
    let mut child = site.folder.start(&["apply", "-auto-approve"]);
    let begin = Instant::now();
    while !is_upgrading(&site.named("2-web")) {
        assert!(begin.elapsed() < Duration::from_secs(120), "the upgrade begins");
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().expect("it is our child");
    child.wait().expect("it ends");
    assert_eq!(status(&site), 503, "users are kept out while it is interrupted");
    site.folder.run(&["plan"]);
    assert_eq!((status(&site), release(&site).as_str()), (200, "4.5.5"));

    site.apply();
    assert_eq!(release(&site), "5.0.6");
    site.run(&["plan", "-detailed-exitcode"], 0);
    a_switch_without_an_upgrade_shows_no_page(&site);
    site.run(&["destroy", "-auto-approve"], 0);
    assert_same(&site.inventory(), &nothing, "nothing is left");
}

#[test]
fn where_volumes_are_copied_the_database_is_stopped_for_it() {
    let site = site("4.5.5");
    let nothing = site.inventory();
    without_rehearsals(&site);
    let data_dir = "data_dir      = host_filesystem.site.absolute_path";
    site.edit("main.mprov.hcl", data_dir, &format!("{data_dir}\n  volume_driver = \"copy\""));
    site.apply();
    let runs = |name: &str| docker(&["inspect", "-f", "{{.State.Running}}", &site.named(name)]);
    let before = without_images(site.inventory());

    code(&site, &[], "5.0.6");
    let refused = site.run(&["rehearse", "-auto-approve"], 5);
    assert!(refused.stderr.contains("is being written to by mariadbd"), "{}", refused.stderr);
    assert_same(&without_images(site.inventory()), &before, "what was made for it is gone");
    assert_eq!(status(&site), 200, "users notice nothing");

    site.apply();
    assert_eq!((release(&site).as_str(), runs("db").as_str()), ("5.0.6", "false"));
    site.run(&["plan", "-detailed-exitcode"], 0);
    site.run(&["rollback", "-auto-approve", "-discard-writes"], 0);
    assert_eq!((release(&site).as_str(), runs("db").as_str()), ("4.5.5", "true"));
    assert_eq!(runs("2-db"), "false", "what was left rests, with its data");
    site.run(&["destroy", "-auto-approve"], 0);
    assert_same(&site.inventory(), &nothing, "nothing is left");
}

/// Users may be switched to what was not rehearsed.
fn without_rehearsals(site: &Site) {
    let on = "on = [release, image, plugins]";
    site.edit("main.mprov.hcl", on, &format!("{on}\n    rehearse = \"optional\""));
}

fn without_images(inventory: Vec<String>) -> Vec<String> {
    inventory.into_iter().filter(|line| !line.starts_with("image ")).collect()
}

/// A site of the quick start on that release of the stand-in.
fn site(release: &str) -> Site {
    let site = Site::quickstart("mariadb");
    // Shorter than an upgrade takes, so that users see the page, and see it at once.
    site.edit("main.mprov.hcl", "pause = \"30s\"", "pause = \"5s\"");
    code(&site, &[], release);
    site
}

/// Puts the code of a release in place, which makes another image.
fn code(site: &Site, options: &[&str], release: &str) {
    let folder = site.folder.whole().join("moodle");
    fs::remove_dir_all(&folder).expect("the code is there");
    stand_in(options, release, &folder);
}

fn release(site: &Site) -> String {
    let page = Browser::new(&site.root(), site.folder.whole()).get("/login/index.php");
    assert_eq!(page.status, 200, "{}", page.body);
    let live = generations(site).into_iter().find(|g| g["role"] == "live").expect("one is live");
    let slot = if live["id"] == "g1" { String::new() } else { format!("{}-", slot_of(site, &live)) };
    let health = shell(&site.named(&format!("{slot}web")), "php /usr/share/mprov/health.php || true");
    let health: Json = serde_json::from_str(&health).expect("JSON");
    let release = health["db_release"].as_str().expect("a release").to_owned();
    release.split(' ').next().expect("a number").to_owned()
}

fn status(site: &Site) -> u16 {
    Browser::new(&site.root(), site.folder.whole()).get("/login/index.php").status
}

fn generations(site: &Site) -> Vec<Json> {
    let listed = site.run(&["generations", "-json"], 0);
    let listed: Json = serde_json::from_str(&listed.stdout).expect("JSON");
    listed["generations"].as_array().expect("a list").clone()
}

fn slot_of(site: &Site, generation: &Json) -> u64 {
    let state = site.folder.state();
    let all = state["rollouts"]["module.moodle"]["generations"].as_array().expect("a list").clone();
    let found = all.iter().find(|g| g["id"] == generation["id"]).expect("it is recorded");
    found["slot"].as_u64().expect("a number")
}

fn is_upgrading(web: &str) -> bool {
    let top = try_docker(&["top", web]);
    String::from_utf8_lossy(&top.stdout).contains("upgrade.php")
}

fn a_change_of_code_is_refused_without_a_rehearsal(site: &Site) {
    code(site, &["--plugin", "own", "2025041400"], "5.0.6");
    let planned = site.run(&["plan"], 6).stdout;
    assert!(planned.contains("release: 4.5.5 (Build: 20241007) -> 5.0.6 (Build: 20250414)"), "{planned}");
    assert!(planned.contains("plugins[\"local_own\"]: (none) -> "), "{planned}");
    code(site, &["--plugin", "own", "2025041407"], "5.0.6");
    let refused = site.run(&["plan"], 1);
    assert!(refused.stderr.contains("local_own"), "it does not go with 5.0.6: {}", refused.stderr);

    code(site, &[], "5.0.6");
    let refused = site.run(&["apply", "-auto-approve"], 6);
    assert!(refused.stderr.contains("never rehearsed"), "{}", refused.stderr);
    assert_eq!(release(site), "4.5.5");
}

fn a_rehearsal_is_isolated(site: &Site) {
    site.run(&["rehearse", "-auto-approve"], 0);
    assert_eq!(release(site), "4.5.5", "users notice nothing");
    let staging = site.named("2-web");
    let production = docker(&[
        "inspect",
        "-f",
        "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}",
        &site.named("db"),
    ]);
    let address = production.split(' ').next().expect("an address");
    for host in [address, &site.named("db")] {
        let connect = format!("@fsockopen('{host}', 3306, $n, $m, 3) ? print 'open' : print 'shut';");
        assert_eq!(docker(&["exec", &staging, "php", "-r", &connect]), "shut", "{host}");
    }
    let own = "@fsockopen('db', 3306, $n, $m, 3) ? print 'open' : print 'shut';";
    assert_eq!(docker(&["exec", &staging, "php", "-r", own]), "open", "its own database is there");
    let secret = |container: &str| shell(container, "sha256sum < /run/secrets/db_password");
    assert_ne!(secret(&staging), secret(&site.named("web")), "it has a password of its own");
    let config = shell(&staging, "cat /etc/moodle/config.php");
    for guard in ["noemailever   = true", "cron_enabled  = 0", "sessioncookie = 'staging'"] {
        assert!(config.contains(guard), "{guard} is missing: {config}");
    }
    let crons = docker(&["ps", "-a", "--format", "{{.Names}}"]);
    assert!(!crons.contains(&site.named("2-cron")), "{crons}");
}

fn nobody_is_turned_away_by_a_cut_over(site: &Site, password: &str) {
    let sessions = (0..WRITERS).map(|_| session(site, password)).collect();
    let load = Load::start(site.port, READERS, sessions);
    load.wait_for(|o| matches!(o, Outcome::Written(_)), 20);

    let applied = site.run(&["apply", "-auto-approve"], 0);
    let (predicted, measured) = read_only(&applied.stdout, &applied.stderr);
    load.wait_for(|o| matches!(o, Outcome::Written(_)), 20);
    let report = load.stop();

    report.assert_nobody_was_turned_away();
    eprintln!(
        "{} requests, {:.0} a second, {} written; read-only for {measured} s, predicted {predicted} s, seen {:.1?}",
        report.exchanges.len(),
        report.rate(),
        report.written().len(),
        report.frozen()
    );
    assert!(report.rate() > 50.0, "{} requests a second are no load", report.rate());
    assert!(measured > 5.0, "nobody has waited: that is for a switch of {measured} s to show");
    let pages = report.exchanges.iter().filter(|e| e.outcome == Outcome::Frozen).count();
    assert!(pages > 10 * (WRITERS + READERS), "users waited for the page, {pages} times in {measured} s");
    assert_eq!(release(site), "5.0.6");
    everything_acknowledged_is_there(site, password, &report);
    site.run(&["plan", "-detailed-exitcode"], 0);
}

/// New code of the same release: users wait, and get what they asked for.
fn a_switch_without_an_upgrade_shows_no_page(site: &Site) {
    site.edit("main.mprov.hcl", "pause = \"5s\"", "pause = \"60s\"");
    site.apply();
    let password = site.output("admin_password");
    fs::write(site.folder.whole().join("moodle/mended.txt"), "a mend without a new version").expect("a file");
    let sessions = (0..WRITERS).map(|_| session(site, &password)).collect();
    let load = Load::start(site.port, READERS, sessions);
    load.wait_for(|o| matches!(o, Outcome::Written(_)), 20);
    let applied = site.run(&["apply", "-auto-approve"], 0);
    load.wait_for(|o| matches!(o, Outcome::Written(_)), 20);
    let report = load.stop();
    report.assert_nobody_was_turned_away();
    let pages = report.exchanges.iter().filter(|e| e.outcome == Outcome::Frozen).count();
    assert_eq!(pages, 0, "users wait instead: {}", applied.stderr);
    eprintln!("{} requests around a switch without an upgrade", report.exchanges.len());
    assert_eq!(Browser::new(&site.root(), site.folder.whole()).get("/mended.txt").status, 200);
    everything_acknowledged_is_there(site, &password, &report);
}

/// Row and file of each, in the generation that users are on now.
fn everything_acknowledged_is_there(site: &Site, password: &str, report: &Report) {
    let browser = Browser::new(&site.root(), site.folder.whole());
    assert!(browser.log_in(&site.output("admin_user"), password), "the account came along");
    let list = browser.get("/user/files.php").body;
    let written = report.written();
    let missing: Vec<&&str> = written.iter().filter(|name| !list.contains(&format!(">{name}<"))).collect();
    assert!(missing.is_empty(), "{} of {} rows are gone: {missing:?}", missing.len(), written.len());
    // Before, around and after the switch.
    let step = (written.len() / 40).max(1);
    for name in written.iter().step_by(step).chain(written.last()) {
        let link = list.split('"').find(|part| part.ends_with(&format!("/{name}"))).expect("it is listed");
        assert_eq!(browser.get(link).body, content(name), "{name}");
    }
}

fn a_rollback_is_refused_once_users_have_written(site: &Site, password: &str) {
    let browser = Browser::new(&site.root(), site.folder.whole());
    assert!(browser.log_in(&site.output("admin_user"), password));
    let note = site.folder.whole().join("afterwards.txt");
    fs::write(&note, "written on the new release").expect("a file");
    browser.upload_file(&note);
    let refused = site.run(&["rollback", "-auto-approve"], 6);
    assert!(refused.stderr.contains("files"), "what would be lost is counted: {}", refused.stderr);
    assert_eq!(release(site), "5.0.6");
}

fn a_rollback_needs_nothing_of_what_it_leaves(site: &Site) {
    let live = generations(site).into_iter().find(|g| g["role"] == "live").expect("one is live");
    let slot = slot_of(site, &live);
    for container in ["web", "db"] {
        docker(&["stop", "-t", "3", &site.named(&format!("{slot}-{container}"))]);
    }
    fs::rename(site.folder.path().join("main.mprov.hcl"), site.folder.path().join("main.away"))
        .expect("the configuration is not needed either");
    let begin = Instant::now();
    let mut child = site.folder.start(&["rollback", "-auto-approve", "-discard-writes"]);
    while status(site) != 200 {
        assert!(begin.elapsed() < Duration::from_secs(60), "users are let in again");
    }
    eprintln!("users were back {:.1?} after the rollback began", begin.elapsed());
    let ended = child.wait().expect("it ends");
    assert!(ended.success(), "{ended:?}");
    fs::rename(site.folder.path().join("main.away"), site.folder.path().join("main.mprov.hcl"))
        .expect("it is put back");
    assert_eq!(release(site), "4.5.5");
    let left = generations(site).into_iter().find(|g| g["id"] == live["id"]).expect("it is kept");
    assert_eq!(left["role"], "previous", "what was written to it is still there");
    let refused = site.run(&["apply", "-auto-approve"], 6);
    assert!(refused.stderr.contains("rolled back"), "{}", refused.stderr);
}

/// A visitor who is logged in.
fn session(site: &Site, password: &str) -> Session {
    let browser = Browser::new(&site.root(), site.folder.whole());
    assert!(browser.log_in(&site.output("admin_user"), password));
    Session { cookie: browser.cookies(), key: browser.session_key() }
}

/// What the plan predicted and what the apply measured, in seconds.
fn read_only(plan: &str, said: &str) -> (f64, f64) {
    let number = |text: &str, before: &str, after: &str| -> f64 {
        let from = text.split(before).nth(1).unwrap_or_else(|| panic!("no {before:?} in {text}"));
        from.split(after).next().and_then(|n| n.trim().parse().ok()).expect("a number")
    };
    (number(plan, "cannot write (about ", " s"), number(said, "Users could not write for ", " s"))
}

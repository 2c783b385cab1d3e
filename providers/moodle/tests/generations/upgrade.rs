use std::time::Duration;

use mprov_sdk::{Object, Value};

use crate::docker::{docker, shell};
use crate::generation::{Engine, Generation, PASSWORD, desired};
use crate::images::Code;
use crate::origin::{NEW, OLD, origin};

const KIND: &str = "moodle_site";

/// Writes down in the container that Moodle's upgrade was started, by whomever.
fn watch_upgrades(generation: &Generation) {
    let script = "cd /var/www/html/admin/cli && mv upgrade.php upgrade.real.php && \
         echo '<?php touch(\"/tmp/upgrade-ran\"); require __DIR__ . \"/upgrade.real.php\";' > upgrade.php";
    shell(&generation.web(), script);
}

fn upgrade_ran(generation: &Generation) -> bool {
    shell(&generation.web(), "test -e /tmp/upgrade-ran && echo yes || echo no") == "yes"
}

/// Whether the style sheets that pages ask for are there.
fn has_theme(generation: &Generation) -> bool {
    let code =
        "echo is_file(localcache() . '/theme/' . ($CFG->themerev ?? -1) . '/boost/css/all.css') ? 1 : 0;";
    generation.moodle(code) == "1"
}

pub async fn a_clone_is_upgraded(engine: Engine) {
    let origin = origin(engine).await;
    assert_eq!(origin.site.str("release"), Ok("4.5.5 (Build: 20241007)"));
    let clone = origin.clone_with(NEW).await;
    watch_upgrades(&clone);
    let planned = clone.upgraded_site();
    assert!(clone.resource(KIND).find(&clone.call(), &planned).await.is_ok_and(|found| found.is_none()));

    let made = clone.create(KIND, &planned).await.unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(made.str("release"), Ok("5.0.6 (Build: 20250414)"));
    assert_eq!(made.str("version"), Ok("2025041406.00"));
    assert!(upgrade_ran(&clone));
    assert_eq!(clone.setting("version"), "2025041406.00");
    let said = clone.events.text();
    assert!(said.contains("Upgrading System") && said.contains("Purging caches"), "{said}");
    assert!(!said.contains(PASSWORD) && !said.contains("db-canary"), "{said}");
    // As if it had never been otherwise.
    assert_eq!(clone.durability(), "full");
    assert_eq!(clone.moodle("echo $DB->count_records('files');"), "4");
    assert!(has_theme(&clone));

    // The outcome is found, also by an update, and nothing is upgraded twice.
    let found = clone.resource(KIND).find(&clone.call(), &planned).await.expect("found");
    assert_eq!(found.expect("it is there")["release"], made["release"]);
    shell(&clone.web(), "rm /tmp/upgrade-ran");
    let planned = planned.with("image", "sha256:other");
    let updated = clone.resource(KIND).update(&clone.call(), &made, &planned).await.expect("updated");
    assert_eq!(updated["version"], made["version"]);
    assert!(upgrade_ran(&clone), "Moodle was asked whether there is something to do");
}

pub async fn a_wrong_database_is_not_touched(engine: Engine) {
    let origin = origin(engine).await;
    let live = origin.clone_with(OLD).await;
    let clone = origin.clone_with(NEW).await;
    // The mistake: the clone's web server is in the live one's network, and configured for it.
    docker(&["rm", "-f", &clone.web()]);
    docker(&["network", "connect", &clone.name, &live.database()]);
    clone.start_web(NEW, &live.database());
    watch_upgrades(&clone);
    let planned = clone.upgraded_site();
    let fault = clone.create(KIND, &planned).await.expect_err("refused");
    assert!(fault.summary.contains("another site or generation: nothing was changed"), "{fault}");
    assert!(fault.detail.contains(&clone.name) && fault.detail.contains(&live.name), "{fault}");
    assert!(!upgrade_ran(&clone));
    assert_eq!(live.setting("version"), "2024100705.00");
    // Nor is it found, although a site answers there.
    let found = clone.resource(KIND).find(&clone.call(), &planned).await;
    assert!(found.is_ok_and(|found| found.is_none()));

    // A configuration that Moodle sees and one that the rest sees are both looked at.
    let site = std::fs::read_to_string(clone.folder.path().join("site.json")).expect("a file");
    docker(&["rm", "-f", &clone.web()]);
    clone.start_web(NEW, &live.database());
    clone.write("site.json", &site.replace(&live.database(), &clone.database()));
    watch_upgrades(&clone);
    let fault = clone.create(KIND, &planned).await.expect_err("refused");
    assert!(fault.summary.contains("another site or generation"), "{fault}");
    assert!(!upgrade_ran(&clone));

    // A database that was given no identity is nobody's.
    drop(clone);
    let nameless = Generation::new(engine, None).await;
    nameless.start_database("");
    nameless.start_web(NEW, &nameless.database());
    let fault = nameless.create(KIND, &nameless.upgraded_site()).await.expect_err("refused");
    assert!(fault.detail.contains("which has no identity"), "{fault}");
}

pub async fn a_clone_that_was_given_no_identity_has_that_of_its_original(engine: Engine) {
    let origin = origin(engine).await;
    let clone = Generation::new(engine, Some(&origin.data())).await;
    clone.start_database("");
    clone.start_web(NEW, &clone.database());
    let fault = clone.create(KIND, &clone.upgraded_site()).await.expect_err("refused");
    let old = format!("which is \"{}\"", origin.generation.name);
    assert!(fault.detail.contains(&old), "{fault}");
}

pub async fn what_is_not_asked_for_is_not_upgraded(engine: Engine) {
    let origin = origin(engine).await;
    let clone = origin.clone_with(NEW).await;
    let fault = clone.create(KIND, &clone.site([])).await.expect_err("refused");
    assert!(fault.summary.contains("waits for an upgrade"), "{fault}");
    assert!(fault.detail.contains("4.5.5") && fault.detail.contains("upgrade = true"), "{fault}");
    assert_eq!(clone.setting("version"), "2024100705.00");

    // A plugin more is an upgrade too, of which the versions of core say nothing.
    let with = clone.upgraded_site();
    clone.create(KIND, &with).await.unwrap_or_else(|f| panic!("{f}"));
    docker(&["rm", "-f", &clone.web()]);
    clone.start_web(Code::WithPlugin("5.0.6"), &clone.database());
    let fault = clone.create(KIND, &clone.site([])).await.expect_err("refused");
    assert!(fault.detail.contains("other versions of plugins"), "{fault}");
    clone.create(KIND, &with).await.unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(clone.moodle("echo get_config('local_extra', 'version');"), "2025010100");

    // Back to the old code there is no way.
    docker(&["rm", "-f", &clone.web()]);
    clone.start_web(OLD, &clone.database());
    let fault = clone.create(KIND, &with).await.expect_err("refused");
    assert!(fault.summary.contains("older than its database"), "{fault}");
    assert!(fault.detail.contains("written by 5.0.6") && fault.detail.contains("holds 4.5.5"), "{fault}");
}

pub async fn nothing_is_installed_in_the_place_of_a_clone(engine: Engine) {
    let empty = Generation::start(engine, NEW, None).await;
    let fault = empty.create(KIND, &empty.upgraded_site()).await.expect_err("refused");
    assert!(fault.summary.contains("holds no site"), "{fault}");
    let health =
        docker(&["exec", "-u", "www-data", &empty.web(), "sh", "-c", "php /usr/share/mprov/health.php; :"]);
    assert!(health.contains("\"state\":\"empty\""), "{health}");
}

pub async fn an_upgrade_without_maintenance_purges_what_moodle_leaves(engine: Engine) {
    let origin = origin(engine).await;
    let clone = origin.clone_with(Code::Release("5.0.5")).await;
    let planned = clone.upgraded_site();
    clone.create(KIND, &planned).await.unwrap_or_else(|f| panic!("{f}"));
    docker(&["rm", "-f", &clone.web()]);
    clone.start_web(NEW, &clone.database());
    let before = clone.setting("themerev");
    // No database is changed from one to the other, which is what Moodle goes by.
    clone.create(KIND, &planned).await.unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(clone.setting("release"), "5.0.6 (Build: 20250414)");
    assert_eq!(clone.setting("outagelessupgrade"), "0");
    assert_ne!(clone.setting("themerev"), before);
    assert!(has_theme(&clone) && clone.events.text().contains("Building the style sheets"));
}

pub async fn the_layout_of_5_1_makes_no_difference(engine: Engine) {
    let origin = origin(engine).await;
    let clone = origin.clone_with(Code::Release("5.1.0")).await;
    clone.create(KIND, &clone.upgraded_site()).await.unwrap_or_else(|f| panic!("{f}"));
    let given: [(&str, Value); 2] =
        [("container", clone.web().into()), ("release", "5.1 (Build: 20251006)".into())];
    let planned = desired("moodle_verification", given);
    clone.create("moodle_verification", &planned).await.unwrap_or_else(|f| panic!("{f}"));

    let asked = Object::new().with("container", clone.web());
    let needs = clone.data_source("moodle_requirements").read(&clone.call(), &asked).await;
    let needs = needs.unwrap_or_else(|f| panic!("{f}"));
    assert_eq!((needs.str("docroot"), needs.str("branch")), (Ok("public"), Ok("501")));
    assert_eq!((needs.str("upgrade_from"), needs.str("postgres")), (Ok("4.2.3"), Ok("15")));
    let path = asked.with("from", "4.1").with("to", "5.1").with("php", "8.1");
    let fault = clone.data_source("moodle_upgrade_path").read(&clone.call(), &path).await;
    let fault = fault.expect_err("impossible");
    assert!(
        fault.detail.contains("4.1 -> 4.5 -> 5.1") && fault.detail.contains("PHP 8.1 is too old"),
        "{fault}"
    );
}

pub async fn a_failed_upgrade_is_told(engine: Engine) {
    let origin = origin(engine).await;
    let clone = origin.clone_with(Code::Broken("5.0.6")).await;
    let fault = clone.create(KIND, &clone.upgraded_site()).await.expect_err("it fails");
    assert!(fault.summary.contains("could not be upgraded"), "{fault}");
    assert!(fault.detail.contains("Upgrade step failed, on purpose"), "{fault}");
    assert!(!fault.detail.contains("canary"), "{fault}");
    assert_eq!(clone.durability(), "full");
}

pub async fn an_upgrade_outlives_who_began_it(engine: Engine) {
    let origin = origin(engine).await;
    let clone = origin.clone_with(NEW).await;
    // Slow enough to be left in the middle.
    shell(&clone.web(), "sed -i 's/usleep(.*/usleep(2000000);/' /var/www/html/lib/moodlelib.php");
    let planned = clone.upgraded_site();
    let begun = {
        let create = clone.create(KIND, &planned);
        tokio::pin!(create);
        loop {
            tokio::select! {
                ended = &mut create => panic!("too fast: {ended:?}"),
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
            if clone.events.text().contains("Upgrading System") {
                break true;
            }
        }
    };
    assert!(begun && clone.durability() == "relaxed");
    // Dropped: nobody waits any more. It is neither done nor to be done again.
    assert!(clone.resource(KIND).find(&clone.call(), &planned).await.is_ok_and(|found| found.is_none()));
    let made = clone.create(KIND, &planned).await.unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(made.str("release"), Ok("5.0.6 (Build: 20250414)"));
    assert!(clone.events.text().contains("Waiting for an upgrade that is under way"));
    assert_eq!(clone.durability(), "full");
    assert_eq!(clone.moodle("echo $DB->count_records('upgrade_log');"), "1");
}

pub async fn a_killed_upgrade_is_not_gone_over_again(engine: Engine) {
    let origin = origin(engine).await;
    let clone = origin.clone_with(NEW).await;
    let planned = clone.upgraded_site();
    clone.create(KIND, &clone.site([])).await.expect_err("the database is there now");
    // Also when its time is over: then Moodle would forget it, and go on in the middle.
    for time in ["4000000000", "1000"] {
        clone.sql("DELETE FROM mdl_config WHERE name = 'upgraderunning'");
        clone.sql(&format!("INSERT INTO mdl_config (name, value) VALUES ('upgraderunning', '{time}')"));
        let fault = clone.create(KIND, &planned).await.expect_err("refused");
        assert!(fault.summary.contains("began and did not end"), "{fault}");
        assert!(fault.detail.contains("throw the copy away"), "{fault}");
        assert_eq!(clone.setting("version"), "2024100705.00");
    }
}

pub async fn a_start_restores(engine: Engine) {
    let origin = origin(engine).await;
    let clone = origin.clone_with(OLD).await;
    let planned =
        clone.site([("upgrade", true.into()), ("database_container", Value::from(clone.database()))]);
    clone.create(KIND, &planned).await.unwrap_or_else(|f| panic!("{f}"));
    for _ in 0..2 {
        shell(&clone.database(), "durability relax");
    }
    assert_eq!(clone.durability(), "relaxed");
    // Whoever relaxed it died: the outcome is not taken for finished, and a create restores.
    assert!(clone.resource(KIND).find(&clone.call(), &planned).await.is_ok_and(|found| found.is_none()));
    clone.create(KIND, &planned).await.unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(clone.durability(), "full");
    shell(&clone.database(), "durability relax");
    docker(&["restart", "-t", "60", &clone.database()]);
    clone.create(KIND, &clone.site([])).await.unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(clone.durability(), "full");
    let shown = match engine {
        Engine::Mariadb => shell(&clone.database(), "mariadb -NBe 'SELECT @@innodb_flush_log_at_trx_commit'"),
        Engine::Postgres => {
            docker(&["exec", "-u", "postgres", &clone.database(), "psql", "-tAc", "SHOW fsync"])
        }
    };
    assert!(["1", "on"].contains(&&*shown), "{shown}");
}

use mprov_sdk::{Object, Value};

use crate::docker::shell;
use crate::generation::{Engine, Generation, desired};
use crate::origin::{NEW, OLD, origin};

const KIND: &str = "moodle_verification";

fn verification(generation: &Generation, more: impl IntoIterator<Item = (&'static str, Value)>) -> Object {
    let container: [(&str, Value); 1] = [("container", generation.web().into())];
    desired(KIND, container.into_iter().chain(more))
}

fn numbers(values: impl IntoIterator<Item = (&'static str, i64)>) -> Value {
    Value::map(values.into_iter().map(|(name, value)| (name, Value::from(value))))
}

fn commands(lines: &[&[&str]]) -> Value {
    Value::list(lines.iter().map(|words| Value::list(words.iter().map(|w| Value::from(*w)))))
}

/// Where a content lies in the pool.
fn pool(content: &str) -> String {
    format!(
        "h=$(printf '{content}' | sha1sum | cut -c 1-40); f=/var/moodledata/filedir/$(echo $h | cut -c 1-2)/$(echo $h | cut -c 3-4)/$h"
    )
}

pub async fn a_site_is_fit_for_use(engine: Engine) {
    let origin = origin(engine).await;
    let site = origin.clone_with(NEW).await;
    site.create("moodle_site", &site.upgraded_site()).await.unwrap_or_else(|f| panic!("{f}"));
    let before = shell(&site.web(), "ls -A /var/moodledata");

    let expected = numbers([("users", 3), ("courses", 1), ("modules", 1), ("files", 3)]);
    let planned = verification(
        &site,
        [
            ("release", "5.0.6 (Build: 20250414)".into()),
            ("files", "full".into()),
            ("counts", expected.clone()),
            ("commands", commands(&[&["php", "-v"], &["test", "www-data", "=", "www-data"]])),
        ],
    );
    let made = site.create(KIND, &planned).await.unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(made["found"], expected);
    assert_eq!(made["checked_files"], 3.into());
    // A sample of fewer than there are; and none.
    for (files, least, most) in [("sample", 1, 2), ("none", 0, 0)] {
        let planned = verification(&site, [("files", files.into()), ("sample", 2.into())]);
        let made = site.create(KIND, &planned).await.unwrap_or_else(|f| panic!("{f}"));
        assert!((least..=most).contains(&made.i64("checked_files").expect("a number")), "{made:?}");
    }
    // Moodle takes it back by itself.
    let trash = format!(
        "{}; mkdir -p $(dirname $f | sed s/filedir/trashdir/); mv $f $(echo $f | sed s/filedir/trashdir/)",
        pool("first")
    );
    shell(&site.web(), &trash);
    let planned = verification(&site, [("files", "full".into())]);
    site.create(KIND, &planned).await.unwrap_or_else(|f| panic!("{f}"));

    let left = site.moodle("echo $DB->count_records('config_plugins', ['plugin' => 'mprov_probe']);");
    let after = shell(&site.web(), "ls -A /var/moodledata | grep -v trashdir");
    assert_eq!((left.as_str(), after), ("0", before));
}

pub async fn all_that_is_wrong_is_said_at_once(engine: Engine) {
    let origin = origin(engine).await;
    let site = origin.clone_with(OLD).await;
    site.create("moodle_site", &site.site([])).await.unwrap_or_else(|f| panic!("{f}"));
    shell(&site.web(), &format!("{}; rm $f", pool("first")));
    shell(&site.web(), &format!("{}; echo more >> $f", pool("second")));
    shell(&site.web(), &format!("{}; printf 'a graft' > $f", pool("a draft")));
    site.moodle("set_config('version', '2020010100', 'local_gone');");
    // Below what Moodle requires.
    shell(&site.web(), "echo 'max_input_vars = 1000' > /etc/php/8.2/cli/conf.d/99-z.ini");
    let planned = verification(
        &site,
        [
            ("release", "5.0.6 (Build: 20250414)".into()),
            ("files", "full".into()),
            ("counts", numbers([("users", 4), ("files", 3)])),
            (
                "commands",
                commands(&[&["true"], &["sh", "-c", "echo this is why; exit 7"], &["/nonexistent"]]),
            ),
        ],
    );
    let fault = site.create(KIND, &planned).await.expect_err("unfit");
    assert!(fault.summary.ends_with("is not fit for use, for 9 reasons"), "{fault}");
    for part in [
        "- The code is of 4.5.5 (Build: 20241007), and 5.0.6 (Build: 20250414) was declared",
        "max_input_vars must be at least 5000",
        "- The database has plugins that the code lacks: local_gone.",
        "- Files that the database names and the volume does not have: 1 of 3",
        "- Files of another size than the database says: 1 of 3",
        "- Files of another content than their name says: 1 of 3",
        "- There are 3 users, and at least 4 were expected",
        "ended with status 7. Its last lines:\nthis is why",
        "`/nonexistent` ended with status 12",
    ] {
        assert!(fault.detail.contains(part), "{part} is not in:\n{fault}");
    }

    // Nothing else can be looked at where there is no database.
    shell(&site.web(), "chmod 0555 /var/moodledata");
    let fault = site.create(KIND, &verification(&site, [])).await.expect_err("unfit");
    assert!(fault.detail.contains("The data folder is missing or not writable"), "{fault}");
    assert!(fault.detail.contains("Nothing can be written: no file can be written"), "{fault}");
    crate::docker::docker(&["stop", "-t", "60", &site.database()]);
    let fault = site.create(KIND, &verification(&site, [])).await.expect_err("unfit");
    assert!(fault.detail.contains("The database does not answer"), "{fault}");
}

pub async fn what_waits_for_an_upgrade_is_not_fit(engine: Engine) {
    let origin = origin(engine).await;
    let clone = origin.clone_with(NEW).await;
    clone.create("moodle_site", &clone.site([])).await.expect_err("the database is there now");
    let fault = clone.create(KIND, &verification(&clone, [])).await.expect_err("unfit");
    let expected = "The database is of 4.5.5 (Build: 20241007), the code of 5.0.6 (Build: 20250414): an upgrade is pending";
    assert!(fault.detail.contains(expected), "{fault}");
}

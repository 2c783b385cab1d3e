use std::fs;
use std::process::Command;

use mprov_sdk::{CancellationToken, Silent};

use super::*;
use crate::data::requirements::RequirementsData;
use crate::session::Sites;

fn call() -> Call {
    Call {
        address: "data.moodle_upgrade_path.test".into(),
        token: "t".into(),
        base_dir: "/".into(),
        events: Silent::shared(),
        cancel: CancellationToken::new(),
        read_only: None,
    }
}

async fn read(config: &Object) -> Result<Object, Fault> {
    assert!(validate(config).is_empty(), "{:?}", validate(config));
    UpgradePathData(Sites::nowhere()).read(&call(), config).await
}

fn config(from: Option<&str>, to: &str) -> Object {
    Object::new().with("from", from).with("to", to)
}

#[tokio::test]
async fn a_possible_upgrade_is_read() {
    let config = config(Some("4.5.5+ (Build: 20250613)"), "5.0.6+ (Build: 20260403)")
        .with("php", "8.2.36")
        .with("mariadb", "10.11.19-MariaDB-deb12")
        .with("today", "2026-08-31T10:00:00Z");
    let read = read(&config).await.expect("possible");
    assert_eq!(read.strings("hops"), Ok(vec!["5.0.6".to_owned()]));
    assert_eq!((read.str("security_end"), read.str("docroot")), (Ok("2026-10-05"), Ok("")));
    assert!(read.strings("warnings").expect("a list")[0].contains("in 35 days"));
}

#[tokio::test]
async fn an_impossible_one_fails_with_all_reasons() {
    let fault = read(&config(Some("4.1"), "5.1").with("php", "8.1")).await.expect_err("impossible");
    assert_eq!(fault.summary, "Moodle 4.1 cannot be upgraded to 5.1");
    assert!(
        fault.detail.starts_with("- 4.1 -> 5.1 needs 4.2.3 to 4.5 in between: 4.1 -> 4.5 -> 5.1.\n- PHP 8.1"),
        "{fault}"
    );
    let fault = read(&config(None, "5.2").with("php", "8.2")).await.expect_err("impossible");
    assert_eq!(fault.summary, "Moodle 5.2 cannot be installed");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let config = config(Some("four"), "5.0-latest")
        .with("php", "new")
        .with("today", "31.8.2026")
        .with("path", "moodle")
        .with("container", "web");
    assert_eq!(validate(&config).len(), 5, "{:?}", validate(&config));
}

#[tokio::test]
async fn the_list_in_the_code_wins() {
    let dir = tempfile::tempdir().expect("a folder");
    let tree = dir.path().join("moodle");
    let make = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/standin/make");
    assert!(Command::new(make).arg("5.0.6").arg(&tree).status().expect("make runs").success());
    let config =
        config(Some("4.5.5"), "5.0.6").with("php", "8.2.1").with("path", tree.to_string_lossy().into_owned());
    assert!(read(&config).await.is_ok());

    let list = tree.join("admin/environment.xml");
    let text = fs::read_to_string(&list).expect("a list");
    let stricter = text.replace("version=\"5.0\" requires=\"4.2.3\"", "version=\"5.0\" requires=\"4.5.6\"");
    assert_ne!(text, stricter);
    fs::write(&list, stricter.replace("<PHP version=\"8.2.0\"", "<PHP version=\"8.3.0\"")).expect("written");
    let fault = read(&config).await.expect_err("stricter");
    assert!(fault.detail.contains("4.5.5 -> 5.0.6 needs 4.5.6 or a later 4.5 in between"), "{fault}");
    assert!(fault.detail.contains("which needs 8.3"), "{fault}");

    let other = config.with("to", "5.1.0").with("php", Value::Null);
    let fault = read(&other).await.expect_err("another release");
    assert!(fault.summary.contains("the code is of 5.0.6"), "{fault}");
    let asked = Object::new().with("path", tree.to_string_lossy().into_owned());
    let needs = RequirementsData(Sites::nowhere()).read(&call(), &asked).await.expect("a row");
    assert_eq!((needs.str("upgrade_from"), needs.str("php")), (Ok("4.5.6"), Ok("8.3")));
    assert_eq!((needs.str("mariadb"), needs["php_refused"].is_null()), (Ok("10.11"), true));
}

use std::fs;
use std::process::Command;

use mprov_sdk::{Object, Verdict};

use crate::rig::Rig;

const KIND: &str = "host_directory";

fn config() -> Object {
    Object::new().with("path", "srv/data/files").with("mode", "0750")
}

#[tokio::test]
async fn it_is_made_with_its_parents_whatever_the_umask_and_destroyed_with_them() {
    let rig = Rig::new().await;
    let made = rig.create(KIND, &config().with("mode", "2777"), "t").await.unwrap();
    assert_eq!(rig.mode("srv/data/files"), 0o2777);
    assert_eq!(rig.mode("srv"), 0o755);
    assert!(made.is_wholly_known());
    assert_eq!(rig.verdict(KIND, &config().with("mode", "2777"), &made).await, Verdict::Nothing);
    rig.delete(KIND, &made).await.unwrap();
    rig.delete(KIND, &made).await.unwrap();
    assert!(rig.names().is_empty());
}

#[tokio::test]
async fn a_changed_mode_is_drift_and_repaired() {
    let rig = Rig::new().await;
    let made = rig.create(KIND, &config(), "t").await.unwrap();
    fs::set_permissions(rig.path("srv/data/files"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    assert_eq!(rig.update(KIND, &config(), &made).await.unwrap(), made);
    assert_eq!(rig.mode("srv/data/files"), 0o750);
}

#[tokio::test]
async fn one_that_is_not_empty_stays_unless_it_is_forced_and_links_are_not_followed() {
    let rig = Rig::new().await;
    fs::create_dir(rig.path("outside")).unwrap();
    rig.write("outside/precious", "keep");
    let made = rig.create(KIND, &config(), "t").await.unwrap();
    rig.write("srv/data/files/theirs", "x");
    std::os::unix::fs::symlink(rig.path("outside"), rig.path("srv/data/files/link")).unwrap();
    let fault = rig.delete(KIND, &made).await.unwrap_err();
    assert!(fault.detail.contains("link, theirs") && fault.detail.contains("force_destroy"), "{fault}");
    let forced = rig.update(KIND, &config().with("force_destroy", true), &made).await.unwrap();
    rig.delete(KIND, &forced).await.unwrap();
    assert_eq!(rig.names(), ["outside"]);
    assert_eq!(rig.text("outside/precious"), "keep");
}

#[tokio::test]
async fn half_of_one_does_not_pass_for_the_whole_and_the_rest_goes_with_the_next_delete() {
    let rig = Rig::new().await;
    let made = rig.create(KIND, &config().with("force_destroy", true), "t").await.unwrap();
    fs::create_dir(rig.path("srv/data/files/held")).unwrap();
    rig.write("srv/data/files/held/x", "x");
    let held = |flag: &str, path: &str| {
        let set = Command::new("chattr").arg(flag).arg(rig.path(path)).status();
        assert!(set.expect("chattr").success(), "chattr {flag} {path}");
    };
    held("+i", "srv/data/files/held");
    let stopped = rig.delete(KIND, &made).await;
    let found = rig.resource(KIND).read(&rig.call("t"), &made).await;
    held("-i", "srv/data/.files.mprov-gone/held");
    stopped.unwrap_err();
    assert_eq!(found.unwrap(), None);
    rig.delete(KIND, &made).await.unwrap();
    assert!(rig.names().is_empty());
}

#[tokio::test]
async fn a_parent_with_something_else_in_it_stays() {
    let rig = Rig::new().await;
    let made = rig.create(KIND, &config(), "t").await.unwrap();
    rig.write("srv/theirs", "x");
    rig.delete(KIND, &made).await.unwrap();
    assert_eq!(rig.names(), ["srv"]);
    assert!(!rig.path("srv/data").exists());
}

#[tokio::test]
async fn one_that_is_there_is_refused_or_adopted_and_an_adopted_one_stays() {
    let rig = Rig::new().await;
    fs::create_dir(rig.path("theirs")).unwrap();
    let config = Object::new().with("path", "theirs");
    let fault = rig.create(KIND, &config, "t").await.unwrap_err();
    assert!(fault.detail.contains("adopt"), "{fault}");
    let adopted = rig.create(KIND, &config.with("adopt", true), "t").await.unwrap();
    assert_eq!(adopted["adopted"], true.into());
    rig.delete(KIND, &adopted).await.unwrap();
    assert_eq!(rig.names(), ["theirs"]);
}

#[tokio::test]
async fn a_parent_that_another_needed_can_become_a_resource() {
    let rig = Rig::new().await;
    let file = Object::new().with("path", "srv/file").with("content", "x");
    rig.create("host_file", &file, "f").await.unwrap();
    let made = rig.create(KIND, &Object::new().with("path", "srv"), "d").await.unwrap();
    assert_eq!(made["adopted"], false.into());
    assert_eq!(rig.find(KIND, &Object::new().with("path", "srv"), "d").await.unwrap(), Some(made));
}

#[tokio::test]
async fn find_takes_only_what_its_token_made() {
    let rig = Rig::new().await;
    let made = rig.create(KIND, &config(), "t").await.unwrap();
    assert_eq!(rig.find(KIND, &config(), "t").await.unwrap(), Some(made));
    assert_eq!(rig.find(KIND, &config(), "other").await.unwrap(), None);
    fs::create_dir(rig.path(".half.mprov-new")).unwrap();
    assert_eq!(rig.find(KIND, &Object::new().with("path", "half"), "t").await.unwrap(), None);
    assert_eq!(rig.names(), ["srv"]);
}

#[tokio::test]
async fn what_is_gone_or_a_link_now_does_not_exist() {
    let rig = Rig::new().await;
    let made = rig.create(KIND, &config(), "t").await.unwrap();
    fs::remove_dir(rig.path("srv/data/files")).unwrap();
    assert_eq!(rig.verdict(KIND, &config(), &made).await, Verdict::Create);
    std::os::unix::fs::symlink("/tmp", rig.path("srv/data/files")).unwrap();
    assert_eq!(rig.verdict(KIND, &config(), &made).await, Verdict::Create);
    let fault = rig.delete(KIND, &made).await.unwrap_err();
    assert!(fault.summary.contains("not a directory any more"), "{fault}");
}

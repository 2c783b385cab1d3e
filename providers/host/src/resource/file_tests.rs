use std::os::unix::fs::MetadataExt;

use mprov_sdk::{Object, Type, Value, Verdict};

use crate::rig::{Rig, must_be_root};

const KIND: &str = "host_file";

fn config(content: &str) -> Object {
    Object::new().with("path", "etc/site/app.conf").with("content", content)
}

#[tokio::test]
async fn a_file_is_made_with_its_parents_and_destroyed_with_them() {
    let rig = Rig::new().await;
    let made = rig.create(KIND, &config("a = 1\n"), "t").await.unwrap();
    assert_eq!(rig.text("etc/site/app.conf"), "a = 1\n");
    assert_eq!(rig.mode("etc/site/app.conf"), 0o644);
    assert_eq!(made.strings("parents").unwrap().len(), 2);
    assert_eq!(made.str("absolute_path").unwrap(), rig.path("etc/site/app.conf").to_str().unwrap());
    assert!(made.is_wholly_known());
    assert_eq!(rig.verdict(KIND, &config("a = 1\n"), &made).await, Verdict::Nothing);
    rig.delete(KIND, &made).await.unwrap();
    rig.delete(KIND, &made).await.unwrap();
    assert_eq!(rig.names(), Vec::<String>::new());
}

#[tokio::test]
async fn the_last_of_two_that_share_a_parent_takes_it_along() {
    let rig = Rig::new().await;
    let (config, other) = (config("a"), config("b").with("path", "etc/site/other.conf"));
    let (one, two) = tokio::join!(rig.create(KIND, &config, "t1"), rig.create(KIND, &other, "t2"));
    let (one, two) = (one.unwrap(), two.unwrap());
    // Whoever made the parents: the first delete leaves them, the second takes them.
    rig.delete(KIND, &one).await.unwrap();
    assert_eq!(rig.names(), ["etc"]);
    rig.delete(KIND, &two).await.unwrap();
    assert!(rig.names().is_empty());
}

#[tokio::test]
async fn a_hand_edit_is_drift_that_an_update_repairs() {
    let rig = Rig::new().await;
    let made = rig.create(KIND, &config("a = 1\n"), "t").await.unwrap();
    rig.write("etc/site/app.conf", "a = 2\n");
    let (planned, observed) = rig.plan(KIND, &config("a = 1\n"), Some(&made)).await.unwrap();
    assert_eq!(observed.unwrap()["content"], "a = 2\n".into());
    let changed: Vec<&str> = planned.changes.iter().map(|c| &*c.name).collect();
    assert_eq!(changed, ["content", "content_hash"]);
    let repaired = rig.update(KIND, &config("a = 1\n"), &made).await.unwrap();
    assert_eq!(repaired, made);
    assert_eq!(rig.text("etc/site/app.conf"), "a = 1\n");
}

#[tokio::test]
async fn a_changed_mode_is_repaired_without_a_new_file() {
    let rig = Rig::new().await;
    let config = config("x").with("mode", "600");
    let made = rig.create(KIND, &config, "t").await.unwrap();
    assert_eq!((made.str("mode").unwrap(), rig.mode("etc/site/app.conf")), ("600", 0o600));
    let inode = || rig.path("etc/site/app.conf").metadata().unwrap().ino();
    let before = inode();
    std::fs::set_permissions(
        rig.path("etc/site/app.conf"),
        std::os::unix::fs::PermissionsExt::from_mode(0o666),
    )
    .unwrap();
    rig.update(KIND, &config, &made).await.unwrap();
    assert_eq!((rig.mode("etc/site/app.conf"), inode()), (0o600, before));
}

#[tokio::test]
async fn an_owner_by_name_is_set_and_its_drift_is_seen() {
    must_be_root();
    let rig = Rig::new().await;
    let config = config("x").with("owner", "nobody").with("group", "1234");
    let made = rig.create(KIND, &config, "t").await.unwrap();
    let file = rig.path("etc/site/app.conf");
    assert_eq!(file.metadata().unwrap().gid(), 1234);
    assert_eq!(rig.verdict(KIND, &config, &made).await, Verdict::Nothing);
    std::os::unix::fs::chown(&file, Some(0), None).unwrap();
    let repaired = rig.update(KIND, &config, &made).await.unwrap();
    assert_eq!(repaired["owner"], "nobody".into());
    assert_ne!(file.metadata().unwrap().uid(), 0);
}

#[tokio::test]
async fn a_secret_stays_marked_in_every_attribute_and_only_root_may_read_the_file() {
    let rig = Rig::new().await;
    let config = config("ignored").with("content", Value::from("canary-1").sensitive());
    let made = rig.create(KIND, &config, "t").await.unwrap();
    assert_eq!(rig.mode("etc/site/app.conf"), 0o600);
    rig.write("etc/site/app.conf", "canary-2");
    let (planned, observed) = rig.plan(KIND, &config, Some(&made)).await.unwrap();
    assert_eq!(planned.verdict, Verdict::Update);
    for object in [&made, &observed.unwrap(), &planned.after] {
        for name in ["content", "content_hash"] {
            assert!(object[name].contains_sensitive(), "{name}");
        }
    }
}

#[tokio::test]
async fn what_is_there_already_is_refused_or_with_overwrite_replaced() {
    let rig = Rig::new().await;
    rig.write("theirs", "old");
    let config = Object::new().with("path", "theirs").with("content", "new");
    let fault = rig.create(KIND, &config, "t").await.unwrap_err();
    assert!(fault.summary.contains("is there already") && fault.detail.contains("overwrite"), "{fault}");
    assert_eq!(rig.text("theirs"), "old");
    assert_eq!(rig.find(KIND, &config, "t").await.unwrap(), None);
    rig.create(KIND, &config.with("overwrite", true), "t").await.unwrap();
    assert_eq!(rig.text("theirs"), "new");
    assert_eq!(rig.names(), ["theirs"]);
}

#[tokio::test]
async fn find_knows_its_own_file_and_cleans_up_half_a_create() {
    let rig = Rig::new().await;
    let made = rig.create(KIND, &config("x"), "t").await.unwrap();
    assert_eq!(rig.find(KIND, &config("x"), "t").await.unwrap(), Some(made.clone()));
    assert_eq!(rig.find(KIND, &config("x"), "another").await.unwrap(), None);
    rig.delete(KIND, &made).await.unwrap();

    // Killed before the rename: a hidden file, and a hidden parent of another try.
    rig.write(".half.mprov-new", "secret");
    std::fs::create_dir(rig.path(&format!(".sub.{}.mprov-new", rig.token("t")))).unwrap();
    let half = Object::new().with("path", "half").with("content", "x");
    assert_eq!(rig.find(KIND, &half, "t").await.unwrap(), None);
    let below = Object::new().with("path", "sub/file").with("content", "x");
    assert_eq!(rig.find(KIND, &below, "t").await.unwrap(), None);
    assert!(rig.names().is_empty(), "{:?}", rig.names());
}

#[tokio::test]
async fn a_source_is_what_the_plan_saw_or_nothing_is_written() {
    let rig = Rig::new().await;
    rig.write("template", "one");
    let config = Object::new().with("path", "out").with("source", "template");
    let made = rig.create(KIND, &config, "t").await.unwrap();
    assert_eq!(rig.text("out"), "one");
    rig.write("template", "two");
    let (planned, observed) = rig.plan(KIND, &config, Some(&made)).await.unwrap();
    assert_eq!(planned.verdict, Verdict::Update);
    rig.write("template", "three");
    let update = rig.resource(KIND);
    let fault = update.update(&rig.call("u"), &observed.unwrap(), &planned.after).await.unwrap_err();
    assert!(fault.summary.contains("changed since the plan"), "{fault}");
    assert_eq!(rig.text("out"), "one");
    let missing = Object::new().with("path", "out").with("source", "nowhere");
    assert!(rig.plan(KIND, &missing, None).await.unwrap_err().summary.contains("cannot read the source"));
}

#[tokio::test]
async fn an_unknown_content_leaves_the_hash_open() {
    let rig = Rig::new().await;
    let config = Object::new().with("path", "f").with("content", Value::unknown(Type::String).sensitive());
    let (planned, _) = rig.plan(KIND, &config, None).await.unwrap();
    assert!(planned.after["content_hash"].is_unknown());
    assert_eq!(planned.after["mode"], "0600".into());
}

#[tokio::test]
async fn a_link_in_its_place_is_drift_and_is_replaced_not_followed() {
    let rig = Rig::new().await;
    rig.write("precious", "keep");
    let config = Object::new().with("path", "f").with("content", "x");
    let made = rig.create(KIND, &config, "t").await.unwrap();
    std::fs::remove_file(rig.path("f")).unwrap();
    std::os::unix::fs::symlink(rig.path("precious"), rig.path("f")).unwrap();
    rig.update(KIND, &config, &made).await.unwrap();
    assert!(rig.path("f").symlink_metadata().unwrap().is_file());
    assert_eq!((rig.text("f"), rig.text("precious")), ("x".into(), "keep".into()));
}

#[tokio::test]
async fn faults_name_the_path_and_what_to_do() {
    let rig = Rig::new().await;
    rig.write("file", "");
    let below = Object::new().with("path", "file/below").with("content", "x");
    let fault = rig.create(KIND, &below, "t").await.unwrap_err();
    assert!(fault.summary.contains(rig.path("file").to_str().unwrap()), "{fault}");
    let neither = rig.provider.validate(KIND, &rig.full(KIND, &Object::new().with("path", "f")));
    assert_eq!(neither.iter().next().unwrap().address.as_deref(), Some("content"));
}

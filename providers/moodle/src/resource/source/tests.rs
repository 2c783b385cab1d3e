use std::fs;
use std::process::Command;

use mprov_sdk::{CancellationToken, Silent, Value};
use sha2::{Digest, Sha256};

use super::*;

struct Bench {
    dir: tempfile::TempDir,
    call: Call,
}

impl Bench {
    /// A root module's folder with the stand-in's tree in `moodle`.
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let call = Call {
            address: "moodle_source.code".into(),
            token: "token".into(),
            base_dir: dir.path().canonicalize().expect("a path"),
            events: Silent::shared(),
            cancel: CancellationToken::new(),
            read_only: None,
        };
        let bench = Self { dir, call };
        let make = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/standin/make");
        bench.run(&[make, "5.0.6", "moodle"]);
        bench
    }

    #[track_caller]
    fn run(&self, argv: &[&str]) -> String {
        let mut command = Command::new(argv[0]);
        command.args(&argv[1..]).current_dir(self.dir.path());
        let author = ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"];
        command.envs(author.map(|name| (name, "test@mprov.example")));
        let output = command.output().expect("runs");
        assert!(output.status.success(), "{argv:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.dir.path().join(path), text).expect("written");
    }
}

fn config(entries: &[(&str, &str)]) -> Object {
    let mut object: Object = schema().attributes.keys().map(|name| (name.clone(), Value::Null)).collect();
    for (name, value) in entries {
        object.set(*name, *value);
    }
    object
}

#[tokio::test]
async fn a_folder_is_known_in_the_plan_and_left_alone_at_the_end() {
    let bench = Bench::new();
    let wanted = config(&[("folder", "moodle")]);
    let prepared = SourceResource.prepare(&bench.call, wanted.clone()).await.expect("prepared");
    assert_eq!(prepared["release"], "5.0.6 (Build: 20250414)".into());
    assert_eq!(prepared["version"], "2025041406.00".into());
    assert_eq!(prepared["docroot"], "".into());
    let created = SourceResource.create(&bench.call, &prepared).await.expect("created");
    assert_eq!(created, prepared);
    SourceResource.delete(&bench.call, &created).await.expect("deleted");
    assert!(bench.dir.path().join("moodle/version.php").exists());

    bench.write("moodle/config.php", "<?php");
    let fault = SourceResource.prepare(&bench.call, wanted).await.expect_err("refused");
    assert!(fault.summary.contains("config.php"), "{fault}");
}

#[tokio::test]
async fn an_archive_is_checked_kept_by_its_hash_and_removed_at_the_end() {
    let bench = Bench::new();
    bench.write("moodle/config.php", "<?php // of another site");
    bench.run(&["tar", "-czf", "moodle.tgz", "moodle"]);
    let bytes = fs::read(bench.dir.path().join("moodle.tgz")).expect("the archive");
    let sha256: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();

    let wrong = config(&[("archive", "moodle.tgz"), ("sha256", &"0".repeat(64))]);
    let fault = SourceResource.create(&bench.call, &wrong).await.expect_err("refused");
    assert!(fault.detail.contains(&sha256), "{fault}");
    assert!(!bench.dir.path().join(DEFAULT_CACHE).exists(), "something was left behind");

    let wanted = config(&[("archive", "moodle.tgz"), ("sha256", &sha256.to_uppercase())]);
    let before = SourceResource.prepare(&bench.call, wanted.clone()).await.expect("prepared");
    assert!(before["path"].is_null(), "nothing is known before it is fetched");
    let created = SourceResource.create(&bench.call, &wanted).await.expect("created");
    let path = PathBuf::from(created.str("path").expect("a path"));
    assert!(
        path.ends_with(&sha256) && path.join("version.php").exists() && !path.join("config.php").exists()
    );
    assert_eq!(SourceResource.prepare(&bench.call, wanted).await.expect("prepared"), created);
    assert_eq!(SourceResource.read(&bench.call, &created).await.expect("read"), Some(created.clone()));

    SourceResource.delete(&bench.call, &created).await.expect("deleted");
    assert!(!path.exists());
    assert_eq!(SourceResource.read(&bench.call, &created).await.expect("read"), None);
}

#[tokio::test]
async fn a_commit_is_exported_and_a_reference_that_moved_is_refused() {
    let bench = Bench::new();
    bench.write("moodle/.gitattributes", "lib export-ignore\n");
    let git = |arguments: &[&str]| bench.run(&[&["git", "-C", "moodle"], arguments].concat());
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    git(&["tag", "v5.0.6"]);
    let first = git(&["rev-parse", "HEAD"]);

    let wanted = config(&[("git", "moodle"), ("ref", "v5.0.6"), ("commit", &first), ("cache_dir", "cache")]);
    let created = SourceResource.create(&bench.call, &wanted).await.expect("created");
    let path = PathBuf::from(created.str("path").expect("a path"));
    assert_eq!(path, bench.call.base_dir.join("cache").join(&first));
    assert!(!path.join(".git").exists() && path.join("lib/setup.php").exists());

    git(&["commit", "-q", "--allow-empty", "-m", "two"]);
    git(&["tag", "-f", "v5.0.6"]);
    SourceResource.delete(&bench.call, &created).await.expect("deleted");
    let fault = SourceResource.create(&bench.call, &wanted).await.expect_err("refused");
    assert!(fault.summary.contains("not the commit"), "{fault}");
    assert!(!path.exists());

    bench.run(&["ln", "-s", "/etc/passwd", "moodle/out"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "three"]);
    let third = git(&["rev-parse", "HEAD"]);
    let hostile = config(&[("git", "moodle"), ("ref", "main"), ("commit", &third)]);
    let fault = SourceResource.create(&bench.call, &hostile).await.expect_err("refused");
    assert!(fault.summary.contains("link out"), "{fault}");
}

#[test]
fn exactly_one_origin_with_what_belongs_to_it() {
    let sha256 = "a".repeat(64);
    let commit = "b".repeat(40);
    let good: [&[(&str, &str)]; 3] = [
        &[("folder", "x")],
        &[("archive", "x.tgz"), ("sha256", &sha256)],
        &[("git", "https://x.example/m.git"), ("commit", &commit), ("ref", "v5.0.6")],
    ];
    for entries in good {
        assert!(validate(&config(entries)).is_empty(), "{entries:?}");
    }
    let bad: [&[(&str, &str)]; 7] = [
        &[],
        &[("folder", "x"), ("archive", "x.tgz"), ("sha256", &sha256)],
        &[("archive", "x.tgz")],
        &[("archive", "x.tgz"), ("sha256", "abc")],
        &[("git", "x"), ("commit", "v5.0.6")],
        &[("git", "--upload-pack=x"), ("commit", &commit)],
        &[("folder", "x"), ("ref", "main")],
    ];
    for entries in bad {
        assert!(validate(&config(entries)).has_errors(), "{entries:?}");
    }
}

/// A `plugin` block.
fn plugin(entries: &[(&'static str, &str)]) -> Value {
    let fields = ["component", "version", "archive", "sha256", "git", "ref", "commit"];
    let given = |name: &str| entries.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
    Value::object(fields.map(|name| (name, Value::from(given(name)))))
}

#[tokio::test]
async fn plugins_are_put_into_the_tree_and_are_what_they_were_said_to_be() {
    let bench = Bench::new();
    bench.run(&["tar", "-czf", "moodle.tgz", "moodle"]);
    for (name, version) in [("one", "2025010100"), ("two", "2025020200")] {
        bench.run(&["mkdir", "-p", &format!("{name}/lang")]);
        bench.write(&format!("{name}/lang/{name}.php"), "<?php");
        let text = format!("<?php\n$plugin->component = 'mod_{name}';\n$plugin->version = {version};\n");
        bench.write(&format!("{name}/version.php"), &text);
    }
    bench.run(&["python3", "-m", "zipfile", "-c", "one.zip", "one"]);
    bench.run(&["git", "-C", "two", "init", "-q"]);
    bench.run(&["git", "-C", "two", "add", "."]);
    bench.run(&["git", "-C", "two", "commit", "-q", "-m", "two"]);
    let commit = bench.run(&["git", "-C", "two", "rev-parse", "HEAD"]);
    let sha256 = |file: &str| bench.run(&["sha256sum", file]).split(' ').next().expect("a hash").to_owned();
    let (archive, zip) = (sha256("moodle.tgz"), sha256("one.zip"));
    let with = |plugins: Vec<Value>| {
        config(&[("archive", "moodle.tgz"), ("sha256", &archive)]).with("plugin", Value::list(plugins))
    };
    let one = |version: &str| {
        plugin(&[("component", "mod_one"), ("version", version), ("archive", "one.zip"), ("sha256", &zip)])
    };
    let two = plugin(&[("component", "mod_two"), ("git", "two"), ("commit", &commit)]);

    let wanted = with(vec![one("2025010100"), two.clone()]);
    assert!(validate(&wanted).is_empty());
    let created = SourceResource.create(&bench.call, &wanted).await.expect("created");
    let path = PathBuf::from(created.str("path").expect("a path"));
    for file in ["mod/one/lang/one.php", "mod/two/version.php", "version.php"] {
        assert!(path.join(file).is_file(), "{file}");
    }
    assert!(!path.join("mod/two/.git").exists());
    assert_eq!(SourceResource.prepare(&bench.call, wanted).await.expect("prepared"), created);

    let fewer = with(vec![two.clone()]);
    let changed = SourceResource.update(&bench.call, &created, &fewer).await.expect("updated");
    assert_ne!(changed["path"], created["path"], "another tree, and another image of it");
    assert!(!path.exists());
    let path = PathBuf::from(changed.str("path").expect("a path"));
    assert!(path.join("mod/two").is_dir() && !path.join("mod/one").exists());

    let there = plugin(&[("component", "mod_forum"), ("git", "two"), ("commit", &commit)]);
    let nowhere = plugin(&[("component", "block_two"), ("git", "two"), ("commit", &commit)]);
    for (plugins, expected) in [
        (vec![one("2025010101")], "version 2025010100"),
        (vec![there], "is mod_two"),
        (vec![nowhere], "is mod_two"),
    ] {
        let fault = SourceResource.create(&bench.call, &with(plugins)).await.expect_err("refused");
        assert!(fault.summary.contains(expected), "{fault}");
    }
    for plugins in [vec![two.clone(), two.clone()], vec![plugin(&[("component", "mod_one")])]] {
        assert!(validate(&with(plugins)).has_errors());
    }
    let folder = config(&[("folder", "moodle")]).with("plugin", Value::list([two]));
    assert!(validate(&folder).has_errors());
}

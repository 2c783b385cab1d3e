use mprov_sdk::Written;

use crate::docker::shell;
use crate::generation::{Engine, Generation, PASSWORD};
use crate::origin::{OLD, origin};

/// What a person does in the browser: logs in and makes one of everything.
fn browse(generation: &Generation) {
    let script = r#"
        cd /tmp
        root=http://127.0.0.1
        get() { curl -sS --fail -H 'Host: moodle.example.org' -b jar -c jar "$@"; }
        token=$(get $root/login/index.php | sed 's/.*name="logintoken" value="\([^"]*\)".*/\1/;t;d')
        get -o /dev/null -d "username=admin&password=PASSWORD&logintoken=$token" $root/login/index.php
        key=$(get $root/my/ | sed 's/.*sesskey=\([0-9a-f]*\).*/\1/;t;d')
        test -n "$key"
        get -o /dev/null -d "sesskey=$key&fullname=New&shortname=new" $root/course/edit.php
        get -o /dev/null -d "sesskey=$key&username=fresh&newpassword=x" $root/user/editadvanced.php
        get -o /dev/null -d "sesskey=$key&subject=Hello&message=all" $root/mod/forum/post.php
        echo content > notes.txt
        get -o /dev/null -F "sesskey=$key" -F repo_upload_file=@notes.txt $root/user/files.php
    "#;
    shell(&generation.web(), &format!("set -e\n{}", script.replace("PASSWORD", PASSWORD)));
}

pub async fn what_users_write_is_counted(engine: Engine) {
    let origin = origin(engine).await;
    let site = origin.clone_with(OLD).await;
    let made = site.create("moodle_site", &site.site([])).await.unwrap_or_else(|f| panic!("{f}"));
    let now = shell(&site.web(), "sleep 1; date -u +%Y-%m-%dT%H:%M:%S.5Z");
    let count = async |since: &str| {
        let written = site.resource("moodle_site").written_since(&site.call(), &made, since).await;
        written.unwrap_or_else(|f| panic!("{f}"))
    };
    let each = |log, rest| -> Vec<Written> {
        [("log entries", log), ("users", rest), ("courses", rest), ("files", rest), ("forum posts", rest)]
            .map(|(what, count)| Written { what: what.into(), count })
            .into()
    };
    assert_eq!(count(&now).await, each(0, 0));
    browse(&site);
    // What Moodle does by itself is not the users'.
    site.moodle("log_event('by cron');");
    assert_eq!(count(&now).await, each(5, 1));
    assert_eq!(count("2100-01-01T00:00:00+02:00").await, each(0, 0));
    let all = count("1970-01-01T00:00:00Z").await;
    assert_eq!(all.iter().map(|w| w.count).collect::<Vec<_>>(), [5, 4, 2, 4, 2]);
}

//! A site of 4.5.5 with something in it, made once for all tests that clone it.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use mprov_sdk::Object;
use tokio::sync::Mutex;

use crate::generation::{Engine, Generation};
use crate::images::Code;

pub const OLD: Code = Code::Release("4.5.5");
pub const NEW: Code = Code::Release("5.0.6");

/// What it holds, beside what an installation makes: a user, a course, two files of which one is
/// there twice, a post.
const CONTENT: &str = r"
    $user = $DB->insert_record('user', ['username' => 'student', 'timecreated' => 1000]);
    $course = $DB->insert_record('course', ['category' => 1, 'fullname' => 'Course', 'shortname' => 'c', 'timecreated' => 1000]);
    $DB->insert_record('course_modules', ['course' => $course, 'module' => 1, 'instance' => 1, 'added' => 1000]);
    $DB->insert_record('forum_posts', ['discussion' => 1, 'userid' => $user, 'created' => 1000, 'subject' => 's', 'message' => 'm']);
    store_file('user', 'private', 0, $user, 'a.txt', 'first');
    store_file('user', 'private', 0, $user, 'b.txt', 'second');
    store_file('mod_assign', 'submission', 1, $user, 'a.txt', 'first');
    store_file('user', 'draft', 7, $user, 'd.txt', 'a draft');
    $DB->execute('UPDATE {files} SET timecreated = 1000');";

/// A stopped generation; its data are for copying.
pub struct Origin {
    pub generation: Generation,
    /// The site as its create returned it.
    pub site: Object,
}

static MARIADB: Mutex<Weak<Origin>> = Mutex::const_new(Weak::new());
static POSTGRES: Mutex<Weak<Origin>> = Mutex::const_new(Weak::new());

pub async fn origin(engine: Engine) -> Arc<Origin> {
    let shared = match engine {
        Engine::Mariadb => &MARIADB,
        Engine::Postgres => &POSTGRES,
    };
    let mut shared = shared.lock().await;
    if let Some(origin) = shared.upgrade() {
        return origin;
    }
    let generation = Generation::start(engine, OLD, None).await;
    let planned = generation.site([("identity", generation.name.clone().into())]);
    let site = generation.create("moodle_site", &planned).await.unwrap_or_else(|f| panic!("install: {f}"));
    generation.moodle(CONTENT);
    generation.stop();
    let origin = Arc::new(Origin { generation, site });
    *shared = Arc::downgrade(&origin);
    origin
}

impl Origin {
    /// A generation of the same data with that code.
    pub async fn clone_with(&self, code: Code) -> Generation {
        Generation::start(self.generation.engine, code, Some(&self.data())).await
    }

    pub fn data(&self) -> PathBuf {
        self.generation.data()
    }
}

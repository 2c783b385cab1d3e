use std::fs;
use std::path::Path;

use mprov_sdk::{Call, Fault};

use super::environment::row;
use super::release::{Branch, Release};
use super::requirements::Requirements;
use crate::source::tree::Tree;
use crate::source::version_file::VersionFile;
use crate::web::Web;

const VERSION: &str = "version.php";
const ENVIRONMENT: &str = "admin/environment.xml";
/// Where the images hold the code.
const ROOT: &str = "/var/www/html";

/// Moodle's code, by what it says of itself.
pub struct Code {
    pub file: VersionFile,
    pub docroot: &'static str,
    /// None where the code has no list.
    pub needs: Option<Requirements>,
}

impl Code {
    /// A source tree on the machine that mprov runs on.
    pub fn in_folder(folder: &Path) -> Result<Self, Fault> {
        let tree = Tree::read(folder)?;
        let list = fs::read(folder.join(tree.docroot).join(ENVIRONMENT)).unwrap_or_default();
        Ok(Self::of(tree.file, tree.docroot, &String::from_utf8_lossy(&list)))
    }

    /// The code that the web container runs. Nothing of it is run for that.
    pub async fn in_container(web: &Web, call: &Call) -> Result<Self, Fault> {
        for docroot in ["public", ""] {
            let path = |name: &str| format!("{ROOT}/{docroot}/{name}");
            let version = web.run(call, &["cat", &path(VERSION)], None).await?;
            let Some(file) = VersionFile::parse(&version.stdout_text()) else { continue };
            let list = web.run(call, &["cat", &path(ENVIRONMENT)], None).await?;
            return Ok(Self::of(file, docroot, &list.stdout_text()));
        }
        Err(Fault::new(format!("container {} holds no code of Moodle", web.container)).detail(format!(
            "There is no version.php of Moodle in {ROOT}, neither in itself nor in public/. Give the container of a \
             site's web server."
        )))
    }

    fn of(file: VersionFile, docroot: &'static str, list: &str) -> Self {
        let code = file.branch.as_deref().and_then(Branch::from_code);
        let branch = code.or_else(|| Release::parse(&file.release).map(|r| r.branch));
        let needs = branch.and_then(|branch| row(list, branch));
        Self { file, docroot, needs }
    }
}

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use mprov_sdk::{Call, Fault};
use tokio::process::Command;

use super::archive::stays_inside;
use super::download::without_credentials;

/// A commit of a repository; `reference` is a tag or branch by which it can be fetched from
/// servers that do not give out commits.
pub struct Commit<'a> {
    pub repository: &'a str,
    pub reference: Option<&'a str>,
    pub commit: &'a str,
}

/// Writes the files of the commit into `tree`, using `scratch` for the repository; both are new
/// folders. A fault where the reference is at another commit.
pub async fn export(call: &Call, what: &Commit<'_>, scratch: &Path, tree: &Path) -> Result<(), Fault> {
    let made = fs::create_dir_all(scratch).and_then(|()| fs::create_dir_all(tree));
    made.map_err(|e| Fault::new(format!("{} cannot be made", tree.display())).detail(format!("{e}.")))?;
    let shown = without_credentials(what.repository);
    let git = Git { call, folder: scratch, shown: &shown };
    call.events.progress(&format!("Fetching {shown}"));
    git.run(&["init", "--quiet", "--bare", "."]).await?;
    let wanted = what.reference.unwrap_or(what.commit);
    git.run(&["fetch", "--quiet", "--depth=1", "--no-tags", "--", what.repository, wanted]).await?;
    let fetched = git.run(&["rev-parse", "--verify", "FETCH_HEAD^{commit}"]).await?;
    if !fetched.trim().eq_ignore_ascii_case(what.commit) {
        return Err(Fault::new(format!("{wanted} of {shown} is not the commit that was asked for")).detail(format!(
            "It is at {}, the configuration says {}. A tag or branch was moved: find out why before you change \
             the configuration.",
            fetched.trim(),
            what.commit
        )));
    }
    call.events.progress("Writing the files of the commit");
    let work_tree = format!("--work-tree={}", tree.display());
    // Not `git archive`: that leaves out what .gitattributes excludes from releases.
    git.run(&[
        &work_tree,
        "-c",
        "core.bare=false",
        "checkout",
        "--quiet",
        "--force",
        "FETCH_HEAD",
        "--",
        ".",
    ])
    .await?;
    refuse_links_out(tree, tree)
}

struct Git<'a> {
    call: &'a Call,
    folder: &'a Path,
    shown: &'a str,
}

impl Git<'_> {
    async fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<String, Fault> {
        let mut command = Command::new("git");
        command
            .args(["-c", "core.autocrlf=false", "-c", "core.hooksPath=/dev/null", "-c", "core.symlinks=true"])
            .args(["-c", "core.protectHFS=true", "-c", "core.protectNTFS=true"])
            .arg("--git-dir=.")
            .args(arguments)
            .current_dir(self.folder)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", "https:http:ssh:git:file")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::select! {
            output = command.output() => output,
            () = self.call.cancel.cancelled() => {
                return Err(Fault::new("stopped fetching the source").detail("The next apply fetches it anew."));
            }
        };
        let output = output.map_err(|e| {
            Fault::new("git cannot be run")
                .detail(format!("{e}. Install it, or give an archive or a folder."))
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Fault::new(format!("{} cannot be fetched", self.shown)).detail(format!(
            "git said:\n{}\nA server that does not give out single commits needs \"ref\", the tag or branch that is \
             at the commit.",
            masked(said.trim())
        )))
    }
}

/// git repeats the address, with the credentials in it.
fn masked(text: &str) -> String {
    let word = |w: &str| match w.contains("://") {
        true => {
            let start = w.find(|c: char| c.is_ascii_alphanumeric()).unwrap_or(0);
            format!("{}{}", &w[..start], without_credentials(&w[start..]))
        }
        false => w.to_owned(),
    };
    text.lines().map(|l| l.split(' ').map(word).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n")
}

fn refuse_links_out(folder: &Path, root: &Path) -> Result<(), Fault> {
    let fault =
        |e: std::io::Error| Fault::new(format!("{} cannot be read", folder.display())).detail(e.to_string());
    for entry in fs::read_dir(folder).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let path = entry.path();
        let kind = entry.file_type().map_err(fault)?;
        if kind.is_dir() {
            refuse_links_out(&path, root)?;
        } else if kind.is_symlink() {
            let link = fs::read_link(&path).map_err(fault)?;
            let inner = path.strip_prefix(root).expect("the walk began at the root");
            if !stays_inside(inner, &link) {
                return Err(Fault::new("the commit has a link out of its tree").detail(format!(
                    "{} -> {}. It would show files of this machine; it was not kept.",
                    inner.display(),
                    link.display()
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_masked_in_what_git_says() {
        let said = "fatal: unable to access 'https://u:secret@host.example/m.git/': not found";
        assert!(!masked(said).contains("secret"));
        assert!(masked(said).contains("https://host.example/m.git/"));
    }
}

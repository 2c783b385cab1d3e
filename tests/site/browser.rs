//! A browser with cookies, over curl.

use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

pub struct Browser {
    root: String,
    jar: PathBuf,
    /// The certificate that is trusted.
    certificate: Option<PathBuf>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Where a redirect leads.
    pub location: String,
    pub body: String,
}

impl Browser {
    /// Without any cookie; they are kept in a file in the folder.
    pub fn new(root: &str, folder: &Path) -> Self {
        let jar = tempfile::Builder::new().prefix("jar").tempfile_in(folder).expect("a file for cookies");
        let jar = jar.into_temp_path().keep().expect("it stays until the folder goes");
        Self { root: root.to_owned(), jar, certificate: None }
    }

    pub fn trusting(mut self, certificate: &Path) -> Self {
        self.certificate = Some(certificate.to_owned());
        self
    }

    fn address(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.root) }
    }

    #[track_caller]
    fn curl(&self, path: &str, more: &[String]) -> Answer {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-m", "60", "-w", "\n%{redirect_url}\n%{http_code}", "-b"]).arg(&self.jar);
        curl.arg("-c").arg(&self.jar).args(more).arg(self.address(path));
        if let Some(certificate) = &self.certificate {
            curl.arg("--cacert").arg(certificate);
        }
        let output = curl.output().expect("curl is installed");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{curl:?}: {}", String::from_utf8_lossy(&output.stderr));
        let mut parts = text.rsplitn(3, '\n');
        let status = parts.next().and_then(|t| t.parse().ok()).expect("curl writes the status");
        let location = parts.next().expect("curl writes the redirect").to_owned();
        Answer { status, location, body: parts.next().unwrap_or_default().to_owned() }
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.curl(path, &[])
    }

    /// Sends a form. The values travel in files: arguments can be read by everybody.
    #[track_caller]
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let files: Vec<_> = fields.iter().map(|(name, value)| (name, value_file(value))).collect();
        let arguments = files.iter().flat_map(|(name, file)| {
            ["--data-urlencode".to_owned(), format!("{name}@{}", file.path().display())]
        });
        self.curl(path, &arguments.collect::<Vec<_>>())
    }

    /// Sends a form with a file in it.
    #[track_caller]
    pub fn upload(&self, path: &str, fields: &[(&str, &str)], file: (&str, &Path)) -> Answer {
        let fields = fields.iter().map(|(name, value)| format!("{name}={value}"));
        let file = format!("{}=@{}", file.0, file.1.display());
        let arguments = fields.chain([file]).flat_map(|field| ["-F".to_owned(), field]);
        self.curl(path, &arguments.collect::<Vec<_>>())
    }

    /// Fills the login form in, and says whether the visitor is logged in afterwards.
    #[track_caller]
    pub fn log_in(&self, user: &str, password: &str) -> bool {
        let form = self.get("/login/index.php");
        assert_eq!(form.status, 200, "{}", form.body);
        let token = hidden(&form.body, "logintoken");
        let fields = [("logintoken", &*token), ("username", user), ("password", password)];
        let mut answer = self.post("/login/index.php", &fields);
        for _ in 0..4 {
            if !(300..400).contains(&answer.status) {
                break;
            }
            answer = self.get(&answer.location);
        }
        // A wrong password is a page with status 200 too.
        answer.status == 200 && answer.body.contains("login/logout.php")
    }

    /// The cookies as a header has them.
    pub fn cookies(&self) -> String {
        let jar = std::fs::read_to_string(&self.jar).expect("the cookies");
        let lines = jar.lines().filter_map(|line| {
            let line = line.strip_prefix("#HttpOnly_").unwrap_or(line);
            let fields: Vec<&str> = line.split('\t').collect();
            (!line.starts_with('#') && fields.len() == 7).then(|| format!("{}={}", fields[5], fields[6]))
        });
        lines.collect::<Vec<_>>().join("; ")
    }

    /// What forms of the session have to send.
    #[track_caller]
    pub fn session_key(&self) -> String {
        hidden(&self.get("/user/files.php").body, "sesskey")
    }

    /// Makes a course over its form; its page.
    #[track_caller]
    pub fn make_course(&self, name: &str) -> String {
        let key = hidden(&self.get("/course/edit.php").body, "sesskey");
        let fields = [("sesskey", &*key), ("fullname", name), ("shortname", name)];
        let made = self.post("/course/edit.php", &fields);
        assert_eq!(made.status, 303, "{}", made.body);
        assert!(self.get(&made.location).body.contains(name));
        made.location
    }

    /// Uploads a private file; where it can be read.
    #[track_caller]
    pub fn upload_file(&self, file: &Path) -> String {
        let key = hidden(&self.get("/user/files.php").body, "sesskey");
        let sent = self.upload("/user/files.php", &[("sesskey", &key)], ("repo_upload_file", file));
        assert_eq!(sent.status, 303, "{}", sent.body);
        let name = file.file_name().expect("a name").to_string_lossy();
        let list = self.get("/user/files.php").body;
        let link = Regex::new(&format!("href=\"([^\"]*/pluginfile.php/[^\"]*{name})\"")).expect("a pattern");
        link.captures(&list).unwrap_or_else(|| panic!("{name} is not listed: {list}"))[1].to_owned()
    }
}

fn value_file(value: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), value).expect("writing");
    file
}

/// The value of a hidden field.
#[track_caller]
fn hidden(page: &str, name: &str) -> String {
    let field = Regex::new(&format!("name=\"{name}\" value=\"([^\"]*)\"")).expect("a pattern");
    field.captures(page).unwrap_or_else(|| panic!("no field {name} in: {page}"))[1].to_owned()
}

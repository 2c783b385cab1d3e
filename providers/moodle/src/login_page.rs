use mprov_sdk::{Call, ExecOutput, Fault};

use crate::web::Web;

const CFG: &str = "/var/www/html/admin/cli/cfg.php";
/// Written by curl behind the page, on a line of its own.
const TRAILER: &str = "\nmprov-status:%{http_code}";

/// Asks the container's own web server for the login page, as the proxy would.
///
/// A fault unless it is the page with the form: a redirect (wrong address), an error or a page
/// of maintenance or upgrade is none.
pub async fn check(web: &Web, call: &Call) -> Result<(), Fault> {
    let output = web.run(call, &["php", CFG, "--name=wwwroot", "--no-eol"], None).await?;
    let address = output.stdout_text();
    let Some(target) = Target::of(address.trim()).filter(|_| output.success()) else {
        return Err(Fault::new(format!("the site in container {} does not start", web.container))
            .detail(format!("Asked for its address, Moodle said:\n{}", output.tail(10))));
    };
    let host = format!("Host: {}", target.host);
    let url = format!("http://127.0.0.1{}/login/index.php", target.path);
    let argv =
        ["curl", "--silent", "--show-error", "--max-time", "120", "--header", &host, "-w", TRAILER, &url];
    let output = web.run(call, &argv, None).await?;
    match judge(&output) {
        Ok(()) => Ok(()),
        Err(why) => Err(Fault::new(format!("container {} does not serve the login page", web.container))
            .detail(format!(
                "{why} (asked as {address}). Look at `docker logs {}`, then apply again.",
                web.container
            ))),
    }
}

/// Host (with port, where the address has one) and path of the site's address.
#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    host: &'a str,
    path: &'a str,
}

impl<'a> Target<'a> {
    fn of(wwwroot: &'a str) -> Option<Self> {
        let rest = wwwroot.strip_prefix("http://").or_else(|| wwwroot.strip_prefix("https://"))?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        (!host.is_empty()).then_some(Self { host, path: path.trim_end_matches('/') })
    }
}

fn judge(output: &ExecOutput) -> Result<(), String> {
    if !output.success() {
        return Err(format!("No answer: {}", output.tail(3)));
    }
    let text = output.stdout_text();
    let (page, status) = text.rsplit_once("\nmprov-status:").unwrap_or((&text, "0"));
    match status.trim() {
        "200" if page.contains("logintoken") => Ok(()),
        "200" => Err("The answer is a page without a login form".into()),
        "303" | "302" | "301" => {
            Err("The answer is a redirect: the site thinks it has another address or is not ready".into())
        }
        status => Err(format!("The answer has status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let target = |host, path| Some(Target { host, path });
        assert_eq!(Target::of("http://localhost:8080"), target("localhost:8080", ""));
        assert_eq!(Target::of("https://a.example/moodle"), target("a.example", "/moodle"));
        assert_eq!(Target::of("a.example"), None);
        assert_eq!(Target::of("http:///x"), None);
    }

    #[test]
    fn only_the_form_is_a_login_page() {
        let answer = |text: &str| judge(&ExecOutput { status: 0, stdout: text.into(), stderr: Vec::new() });
        assert_eq!(answer("<input name=\"logintoken\" value=\"x\">\nmprov-status:200"), Ok(()));
        for text in [
            "Apache2 Debian Default Page\nmprov-status:200",
            "logintoken\nmprov-status:503",
            "logintoken",
            "\nmprov-status:303",
        ] {
            assert!(answer(text).is_err(), "{text}");
        }
    }
}

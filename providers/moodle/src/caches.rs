use mprov_sdk::{Call, Fault};

use crate::web::Web;

const PURGE: &str = "/var/www/html/admin/cli/purge_caches.php";
const THEME: &str = "/var/www/html/admin/cli/build_theme_css.php";
const CFG: &str = "/var/www/html/admin/cli/cfg.php";

/// Throws away all that Moodle remembers, the style sheets among it.
pub async fn purge_all(web: &Web, call: &Call) -> Result<(), Fault> {
    purge(web, call, &[]).await
}

/// Throws away what Moodle remembers of its database, and leaves the style sheets, which an upgrade
/// builds as its last step and which take longer than all the rest.
pub async fn purge_memory(web: &Web, call: &Call) -> Result<(), Fault> {
    purge(web, call, &["--muc"]).await
}

async fn purge(web: &Web, call: &Call, which: &[&str]) -> Result<(), Fault> {
    call.events.progress("Purging caches");
    let output = web.run(call, &[&["php", PURGE], which].concat(), None).await?;
    if output.success() {
        return Ok(());
    }
    Err(Fault::new(format!("the caches of the site in container {} could not be purged", web.container))
        .detail(format!("purge_caches.php ended with status {}:\n{}", output.status, output.tail(10))))
}

/// Builds the style sheets of the site's theme, which the first visitors would have to wait for.
/// Without them they do; so it is no fault that they cannot be built.
pub async fn warm(web: &Web, call: &Call) -> Result<(), Fault> {
    call.events.progress("Building the style sheets");
    let script = "test -f \"$1\" || exit 0; theme=$(php \"$2\" --name=theme --no-eol); \
                  exec php \"$1\" --themes=\"${theme:-boost}\"";
    let why = match web.run(call, &["sh", "-c", script, "sh", THEME, CFG], None).await {
        Ok(output) if output.success() => return Ok(()),
        Ok(output) => output.tail(5),
        Err(fault) if call.cancel.is_cancelled() => return Err(fault),
        Err(fault) => fault.to_string(),
    };
    call.events.log(&format!("the style sheets were not built: {why}"));
    Ok(())
}

use mprov_sdk::{Call, Fault};

use crate::web::Web;

const PURGE: &str = "/var/www/html/admin/cli/purge_caches.php";
const THEME: &str = "/var/www/html/admin/cli/build_theme_css.php";

/// Throws away what Moodle remembers of its code and settings.
pub async fn purge(web: &Web, call: &Call) -> Result<(), Fault> {
    call.events.progress("Purging caches");
    let output = web.run(call, &["php", PURGE], None).await?;
    if output.success() {
        return Ok(());
    }
    Err(Fault::new(format!("the caches of the site in container {} could not be purged", web.container))
        .detail(format!("purge_caches.php ended with status {}:\n{}", output.status, output.tail(10))))
}

/// Makes what the first visitors would have to wait for. Without it they do; so it is no fault
/// that it cannot be made.
pub async fn warm(web: &Web, call: &Call) -> Result<(), Fault> {
    call.events.progress("Building the style sheets");
    let script = "test ! -f \"$1\" || exec php \"$1\" --themes=boost";
    let why = match web.run(call, &["sh", "-c", script, "sh", THEME], None).await {
        Ok(output) if output.success() => return Ok(()),
        Ok(output) => output.tail(5),
        Err(fault) if call.cancel.is_cancelled() => return Err(fault),
        Err(fault) => fault.to_string(),
    };
    call.events.log(&format!("the style sheets were not built: {why}"));
    Ok(())
}

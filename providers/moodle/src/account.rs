use mprov_sdk::{Call, Fault};

use crate::redaction::redact;
use crate::web::Web;

const SET_PASSWORD: &str = "/usr/share/mprov/set-password.php";

/// Whether that is the password of the local account. A user that does not exist has another.
pub async fn has_password(web: &Web, call: &Call, user: &str, password: &str) -> Result<bool, Fault> {
    let argv = ["php", SET_PASSWORD, "--check", user, "-"];
    let output = web.run(call, &argv, Some(password.into())).await?;
    match output.status {
        0 => Ok(true),
        3 => Ok(false),
        _ => Err(Fault::new(format!("the password of {user} could not be compared"))
            .detail(redact(&output.tail(10), [password]))),
    }
}

/// Makes it the password of the local account; the site's password policy is for its users.
pub async fn set_password(web: &Web, call: &Call, user: &str, password: &str) -> Result<(), Fault> {
    let output = web.run(call, &["php", SET_PASSWORD, user, "-"], Some(password.into())).await?;
    if output.success() && has_password(web, call, user, password).await? {
        return Ok(());
    }
    Err(Fault::new(format!("the password of {user} could not be set")).detail(format!(
        "The site needs a local account (authentication \"manual\") of that name: make it in Moodle, or name \
         another one in admin_user. Moodle said:\n{}",
        redact(&output.tail(10), [password])
    )))
}

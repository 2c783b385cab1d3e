use mprov_sdk::{Call, Diagnostics, Fault, Object};

use crate::catalogue::code::Code;
use crate::session::Sites;
use crate::validation::{container, refuse};

/// The code that `path` or `container` names; none where neither is given.
pub async fn code(sites: &Sites, call: &Call, config: &Object) -> Result<Option<Code>, Fault> {
    if let Some(path) = config.opt_str("path")? {
        return Code::in_folder(&call.base_dir.join(path)).map(Some);
    }
    if config["container"].is_null() {
        return Ok(None);
    }
    Code::in_container(&sites.web(config)?, call).await.map(Some)
}

/// `path` and `container` are two ways to say the same.
pub fn either(config: &Object, required: bool) -> Diagnostics {
    let mut found = Diagnostics::new();
    container(&mut found, config);
    match (config["path"].is_null(), config["container"].is_null()) {
        (false, false) => {
            let detail = "Give \"path\" or \"container\".";
            found.push(refuse("container", "the code is named twice", detail));
        }
        (true, true) if required => {
            let detail = "Give \"path\", as of a moodle_source, or \"container\".";
            found.push(refuse("path", "no code is named", detail));
        }
        _ => {}
    }
    found
}

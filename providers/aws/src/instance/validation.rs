use mprov_sdk::{Diagnostics, Object};

use crate::validation::{MALFORMED, error};

/// Bytes before they are encoded (Amazon EC2 User Guide, "Run commands at launch").
const LARGEST: usize = 16 * 1024;

pub fn validate(found: &mut Diagnostics, config: &Object) {
    let Some(data) = config.get("user_data").as_str() else { return };
    if data.len() > LARGEST {
        found.push(error(
            MALFORMED,
            "user_data",
            format!("\"user_data\" has {} bytes", data.len()),
            "EC2 takes 16,384 at most: let it fetch the rest, or use \"host\" resources.",
        ));
    }
}

//! Sparse files that hold filesystems.

use mprov_sdk::{Call, Fault};

use crate::connection::Connection;
use crate::entry::file_size;
use crate::size;
use crate::tool::run;

/// Makes a sparse file that large, or larger one that is smaller; never a smaller one.
pub async fn extend(connection: &dyn Connection, call: &Call, image: &str, bytes: u64) -> Result<(), Fault> {
    if file_size(connection, image).await?.is_some_and(|now| now >= bytes) {
        return Ok(());
    }
    run(connection, call, &["truncate", &format!("--size={bytes}"), "--", image]).await.map(drop)
}

/// # Errors
/// The size that `what` is to have is less than it has now.
pub fn refuse_smaller(what: &str, wanted: &str, now: u64) -> Result<(), Fault> {
    match size::parse(wanted)? < now {
        true => Err(Fault::new(format!("{what} cannot become smaller than it is"))
            .detail(format!("It has {}, and size says {wanted}. Say at least as much.", size::exact(now)))),
        false => Ok(()),
    }
}

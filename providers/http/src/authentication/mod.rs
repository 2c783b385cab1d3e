//! How the provider shows who it is.

mod kept;
mod login;
mod oauth2;
mod way;

pub use kept::Kept;
pub use login::Login;
pub use oauth2::OAuth2;
pub use way::{Credential, Way};

use mprov_sdk::{Call, Fault};

use crate::setting::{self, CORE, Values};
use crate::web::Web;

const MAINTENANCE: &str = "/var/www/html/admin/cli/maintenance.php";
/// Core setting with the text that users read. The page is made from it when maintenance begins.
pub const MESSAGE: &str = "maintenance_message";

/// Begins maintenance, with that text for users or Moodle's own; also renews the page of one that
/// is under way.
pub async fn enable(web: &Web, call: &Call, message: Option<&str>) -> Result<(), Fault> {
    set_message(web, call, message).await?;
    switch(web, call, "--enable").await
}

/// Ends maintenance; that there was none is success.
pub async fn disable(web: &Web, call: &Call) -> Result<(), Fault> {
    switch(web, call, "--disable").await
}

/// The text for the next maintenance; none for Moodle's own.
pub async fn set_message(web: &Web, call: &Call, message: Option<&str>) -> Result<(), Fault> {
    let values = Values::from([(MESSAGE.to_owned(), message.map(str::to_owned))]);
    setting::set(web, call, CORE, &values).await
}

async fn switch(web: &Web, call: &Call, option: &str) -> Result<(), Fault> {
    let output = web.run(call, &["php", MAINTENANCE, option], None).await?;
    if output.success() {
        return Ok(());
    }
    Err(Fault::new(format!("maintenance mode of container {} could not be changed", web.container))
        .detail(format!("maintenance.php {option} said:\n{}", output.tail(10))))
}

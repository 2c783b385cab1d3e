use std::sync::Arc;
use std::time::Duration;

use mprov_sdk::{Call, CancellationToken, ContainerExec, ExecOutput, ExecRequest, Fault, Silent};

const DURABILITY: &str = "/usr/local/bin/durability";
/// All that was written has to reach a disk that is busy with it.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The container of a site's database, which can be told not to wait for the disk.
pub struct Database {
    containers: Arc<dyn ContainerExec>,
    pub container: String,
}

impl Database {
    pub fn new(containers: Arc<dyn ContainerExec>, container: &str) -> Self {
        Self { containers, container: container.to_owned() }
    }

    /// Commits do not wait for the disk any more.
    pub async fn relax(&self, call: &Call) -> Result<(), Fault> {
        let output = self.run(call, "relax").await?;
        self.require(
            &output,
            "cannot be told not to wait for the disk",
            "Leave out database_container to upgrade without.",
        )
    }

    /// Commits wait again, and what was written is on the disk. That it is so already is success.
    pub async fn restore(&self, call: &Call) -> Result<(), Fault> {
        // A database that loses what users write is worse than an apply that ends a second later.
        let call = Call { cancel: CancellationToken::new(), ..call.clone() };
        let output = self.run(&call, "restore").await?;
        let advice = format!(
            "What is written now may be lost when the machine goes down. `docker restart {}` restores it too; then \
             apply again.",
            self.container
        );
        self.require(&output, "still does not wait for the disk", &advice)
    }

    pub async fn is_relaxed(&self, call: &Call) -> Result<bool, Fault> {
        let output = self.run(call, "status").await?;
        self.require(&output, "cannot be asked whether it waits for the disk", "")?;
        Ok(output.stdout_text().trim() == "relaxed")
    }

    async fn run(&self, call: &Call, action: &str) -> Result<ExecOutput, Fault> {
        let request = ExecRequest::new([DURABILITY, action]).user("0:0").timeout(TIMEOUT);
        self.containers.exec(&self.container, request, &Silent, &call.cancel).await
    }

    fn require(&self, output: &ExecOutput, what: &str, advice: &str) -> Result<(), Fault> {
        if output.success() {
            return Ok(());
        }
        let said = format!("{DURABILITY} ended with status {}:\n{}", output.status, output.tail(10));
        let space = if advice.is_empty() { "" } else { " " };
        Err(Fault::new(format!("the database in container {} {what}", self.container))
            .detail(format!("{advice}{space}{said}")))
    }
}

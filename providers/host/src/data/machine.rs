use std::sync::Arc;

use async_trait::async_trait;
use mprov_sdk::{
    Attribute, Call, DataSource, ExecRequest, Fault, Number, Object, Schema, Silent, Type, Value,
};

use crate::connection::Connection;
use crate::fault::cannot;
use crate::path::{absolute, upwards};

/// `host_info`: what the machine is.
pub struct HostInfo(pub Arc<dyn Connection>);

pub fn schema() -> Schema {
    Schema::new(
        "host_info",
        "What the machine is, and how much room it has.",
        [
            (
                "path",
                Attribute::optional(Type::String, "Where the disk is measured; it need not exist yet.")
                    .default("/"),
            ),
            ("os", Attribute::computed(Type::String, "ID of the distribution, like debian.")),
            ("os_version", Attribute::computed(Type::String, "VERSION_ID of the distribution, like 12.")),
            ("kernel", Attribute::computed(Type::String, "Release of the kernel.")),
            ("arch", Attribute::computed(Type::String, "As uname -m says, like x86_64.")),
            ("hostname", Attribute::computed(Type::String, "The machine's own name.")),
            ("cpus", Attribute::computed(Type::Number, "Processors that are online.")),
            ("memory", Attribute::computed(Type::Number, "Bytes of main memory.")),
            ("memory_available", Attribute::computed(Type::Number, "Bytes that new processes can have.")),
            ("disk_total", Attribute::computed(Type::Number, "Bytes of the filesystem of the path.")),
            ("disk_free", Attribute::computed(Type::Number, "Bytes free on the filesystem of the path.")),
        ],
    )
}

#[async_trait]
impl DataSource for HostInfo {
    async fn read(&self, call: &Call, config: &Object) -> Result<Object, Fault> {
        let path = absolute(&call.base_dir, config.opt_str("path")?.unwrap_or("/"))?;
        let release = self.text("/etc/os-release").await?;
        let memory = self.text("/proc/meminfo").await?;
        let processors = self.text("/proc/cpuinfo").await?;
        let uname = self.0.exec(ExecRequest::new(["uname", "-n", "-r", "-m"]), &Silent, &call.cancel).await?;
        let uname = uname.stdout_text();
        let mut uname = uname.split_whitespace().map(Value::from);
        let mut next = || uname.next().unwrap_or(Value::Null);
        let (hostname, kernel, arch) = (next(), next(), next());
        let cpus = processors.lines().filter(|l| l.starts_with("processor")).count();
        let space = self.space(&path).await?;
        Ok(config
            .clone()
            .with("os", field(&release, "ID="))
            .with("os_version", field(&release, "VERSION_ID="))
            .with("hostname", hostname)
            .with("kernel", kernel)
            .with("arch", arch)
            .with("cpus", cpus)
            .with("memory", kibibytes(&memory, "MemTotal:"))
            .with("memory_available", kibibytes(&memory, "MemAvailable:"))
            .with("disk_total", number(space.total))
            .with("disk_free", number(space.free)))
    }
}

impl HostInfo {
    async fn text(&self, path: &str) -> Result<String, Fault> {
        let bytes = self.0.read(path).await.map_err(cannot("read", path))?;
        Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
    }

    /// Of the nearest folder that exists.
    async fn space(&self, path: &str) -> Result<crate::connection::Space, Fault> {
        for folder in upwards(path).chain(["/"]) {
            if self.0.stat(folder).await.map_err(cannot("look at", folder))?.is_some() {
                return self.0.space(folder).await.map_err(cannot("measure", folder));
            }
        }
        Err(Fault::new(format!("cannot measure the disk of {path}")))
    }
}

fn field(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim_matches('"').to_owned())
}

fn kibibytes(text: &str, name: &str) -> Option<Number> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let count: i64 = line.split_whitespace().next()?.parse().ok()?;
    Some(Number::from(count.saturating_mul(1024)))
}

fn number(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

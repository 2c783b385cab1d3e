use std::collections::HashSet;

use mprov_sdk::Fault;

use crate::connection::Connection;
use crate::tool::ask;

/// Lists the regular files that processes have open: "DEVICE:INODE /proc/PID/fd/N". Processes in
/// containers are among them, under whatever names they see the files.
const OPEN: &str =
    r#"find -L /proc/[0-9]*/fd -mindepth 1 -maxdepth 1 -type f -printf '%D:%i %p\n' 2>/dev/null; true"#;
/// The bits of a file's flags that tell how it was opened (open(2)); 0 is for reading only.
const ACCESS: u32 = 0o3;

/// # Errors
/// A process has a file below the directory open for writing: files that are copied one after the
/// other would not fit together. `driver` is what copies.
pub async fn refuse(connection: &dyn Connection, directory: &str, driver: &str) -> Result<(), Fault> {
    let command = ["find", directory, "-xdev", "-type", "f", "-printf", "%D:%i\\n"];
    let files = ask(connection, &command).await?.stdout_text();
    let files: HashSet<&str> = files.lines().collect();
    let open = ask(connection, &["sh", "-c", OPEN]).await?.stdout_text();
    for line in open.lines() {
        let Some((file, path)) = line.split_once(' ') else { continue };
        if !files.contains(file) {
            continue;
        }
        let Some((process, number)) = path.trim_start_matches("/proc/").split_once("/fd/") else { continue };
        let text = async |name: &str| -> String {
            // What is gone meanwhile does not write any more.
            let content = connection.read(&format!("/proc/{process}/{name}")).await.ok().flatten();
            String::from_utf8_lossy(&content.unwrap_or_default()).into_owned()
        };
        let info = text(&format!("fdinfo/{number}")).await;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok()).unwrap_or(0);
        if flags & ACCESS == 0 {
            continue;
        }
        let name = text("comm").await;
        return Err(Fault::new(format!(
            "{directory} is being written to by {} (process {process}), and the driver \"{driver}\" copies file by file",
            name.trim()
        ))
        .detail(
            "The copies would not fit together: a database made of them may start, say that it is ready, and be \
             damaged. Stop what writes, or put the volumes on btrfs or ZFS (host_filesystem makes one, also in a \
             file), or use driver = \"lvm\" or, on XFS, driver = \"image\": those clone one instant.",
        ));
    }
    Ok(())
}

use std::time::Duration;

use mprov_sdk::{Attribute, Field, Impact, Schema, Type};

pub const KIND: &str = "docker_container";

/// Measured on containers that stop on their signal: stop, start, answer.
const RESTART: Duration = Duration::from_secs(2);
/// Stop, remove, create, start.
const REPLACEMENT: Duration = Duration::from_secs(5);

pub fn schema() -> Schema {
    let attributes =
        identity().into_iter().chain(process()).chain(data()).chain(limits()).chain(connections());
    let attributes = attributes.chain(life()).chain(computed());
    Schema::new(KIND, "A container.", attributes).delete_impact(Impact::downtime(REPLACEMENT))
}

type Attributes = Vec<(&'static str, Attribute)>;

fn restarts(attribute: Attribute) -> Attribute {
    attribute.impact(Impact::downtime(RESTART))
}

fn strings() -> Type {
    Type::list(Type::String)
}

fn identity() -> Attributes {
    vec![
        ("name", Attribute::required(Type::String, "Its name in Docker.")),
        (
            "image",
            Attribute::required(Type::String, "Id of the image (`docker_image.x.id`), or a reference.")
                .replaces(),
        ),
        ("hostname", Attribute::optional(Type::String, "Host name inside the container.").replaces()),
        ("labels", Attribute::optional(Type::map(Type::String), "Labels of the container.").replaces()),
    ]
}

fn process() -> Attributes {
    vec![
        ("command", Attribute::optional(strings(), "Arguments in place of the image's command.").replaces()),
        ("entrypoint", Attribute::optional(strings(), "Program in place of the image's entrypoint.").replaces()),
        (
            "env",
            Attribute::optional(
                Type::map(Type::String),
                "Environment. Everyone who may use Docker can read it: secrets belong into \"secret\" blocks.",
            )
            .replaces(),
        ),
        ("user", Attribute::optional(Type::String, "User, or user:group, to run as.").replaces()),
        ("working_dir", Attribute::optional(Type::String, "Folder to start in.").replaces()),
        ("init", Attribute::optional(Type::Bool, "Puts a small init in front as process 1.").default(false).replaces()),
        ("stop_signal", Attribute::optional(Type::String, "Signal that asks it to end.").replaces()),
        (
            "stop_timeout",
            Attribute::optional(Type::Number, "Seconds between that signal and the kill; Docker's default is 10.")
                .replaces(),
        ),
        ("privileged", Attribute::optional(Type::Bool, "Full rights on the machine.").default(false).replaces()),
        (
            "cap_add",
            Attribute::optional(Type::set(Type::String), "Capabilities to add, as in NET_ADMIN.").replaces(),
        ),
        ("cap_drop", Attribute::optional(Type::set(Type::String), "Capabilities to drop, or ALL.").replaces()),
        (
            "security_opt",
            Attribute::optional(Type::set(Type::String), "Security options, as in no-new-privileges.").replaces(),
        ),
    ]
}

fn data() -> Attributes {
    vec![
        (
            "mount",
            Attribute::blocks(
                [
                    ("type", Field::with_default(Type::String, "volume")),
                    ("source", Field::optional(Type::String)),
                    ("target", Field::required(Type::String)),
                    ("read_only", Field::with_default(Type::Bool, false)),
                    ("propagation", Field::optional(Type::String)),
                    ("no_copy", Field::with_default(Type::Bool, false)),
                    ("size", Field::optional(Type::String)),
                    ("mode", Field::optional(Type::String)),
                ],
                "What is mounted: type \"volume\" (source is its name; an anonymous one without), \"bind\" \
                 (source is an absolute path that exists) or \"tmpfs\" (size, mode). \"no_copy\" keeps Docker \
                 from filling an empty volume from the image.",
            )
            .replaces(),
        ),
        (
            "tmpfs",
            Attribute::optional(Type::map(Type::String), "File systems in memory: options by path.").replaces(),
        ),
        ("read_only", Attribute::optional(Type::Bool, "Makes the root file system read-only.").default(false).replaces()),
        (
            "file",
            restarts(Attribute::blocks(
                file_fields("0644", "path", []),
                "A file put into the container before it starts. A change by hand shows as drift; a change \
                 here restarts the container.",
            )),
        ),
        (
            "secret",
            restarts(
                Attribute::blocks(
                    file_fields("0400", "path", [("name", Field::optional(Type::String))]),
                    "A file below /run/secrets, on a volume of its own: not in the image, the environment or \
                     `docker inspect`. Either \"name\", or the whole \"path\".",
                )
                .sensitive(),
            ),
        ),
    ]
}

fn file_fields<const N: usize>(
    mode: &'static str,
    path: &'static str,
    more: [(&'static str, Field); N],
) -> Vec<(&'static str, Field)> {
    let path_field = if N == 0 { Field::required(Type::String) } else { Field::optional(Type::String) };
    [
        (path, path_field),
        ("content", Field::required(Type::String)),
        ("mode", Field::with_default(Type::String, mode)),
        ("uid", Field::with_default(Type::Number, 0)),
        ("gid", Field::with_default(Type::Number, 0)),
    ]
    .into_iter()
    .chain(more)
    .collect()
}

fn limits() -> Attributes {
    vec![
        ("memory", Attribute::optional(Type::String, "Memory at most, as bytes or \"512m\".")),
        (
            "memory_swap",
            Attribute::optional(
                Type::String,
                "Memory and swap together at most; \"-1\" for any amount of swap.",
            ),
        ),
        ("cpus", Attribute::optional(Type::Number, "CPUs at most, as in 1.5.")),
        ("cpu_shares", Attribute::optional(Type::Number, "Weight among containers when CPU is short.")),
        ("pids_limit", Attribute::optional(Type::Number, "Processes at most.")),
        ("shm_size", Attribute::optional(Type::String, "Size of /dev/shm, as bytes or \"64m\".").replaces()),
    ]
}

fn connections() -> Attributes {
    vec![
        (
            "port",
            Attribute::blocks(
                [
                    ("internal", Field::required(Type::Number)),
                    ("external", Field::optional(Type::Number)),
                    ("ip", Field::with_default(Type::String, "127.0.0.1")),
                    ("protocol", Field::with_default(Type::String, "tcp")),
                ],
                "A published port. Without \"external\" Docker chooses one, which \"ports\" tells. Only this \
                 machine reaches it unless \"ip\" says otherwise.",
            )
            .replaces(),
        ),
        (
            "network",
            Attribute::blocks(
                [
                    ("name", Field::required(Type::String)),
                    ("aliases", Field::optional(strings())),
                    ("ipv4_address", Field::optional(Type::String)),
                ],
                "A network to be in, by its name or id. Without any it is in Docker's default one.",
            ),
        ),
        (
            "network_mode",
            Attribute::optional(
                Type::String,
                "\"host\", \"none\" or \"container:<name>\" in place of networks.",
            )
            .replaces(),
        ),
        (
            "host",
            Attribute::blocks(
                [("host", Field::required(Type::String)), ("ip", Field::required(Type::String))],
                "A line of /etc/hosts.",
            )
            .replaces(),
        ),
        ("dns", Attribute::optional(strings(), "Name servers.").replaces()),
    ]
}

fn life() -> Attributes {
    vec![
        (
            "healthcheck",
            Attribute::block(
                [
                    ("test", Field::required(strings())),
                    ("interval", Field::optional(Type::String)),
                    ("timeout", Field::optional(Type::String)),
                    ("retries", Field::optional(Type::Number)),
                    ("start_period", Field::optional(Type::String)),
                ],
                "How Docker finds out whether it works. \"test\" is [\"CMD\", program, argument…], \
                 [\"CMD-SHELL\", line] or [\"NONE\"]; times are as in \"5s\".",
            )
            .replaces(),
        ),
        (
            "wait",
            Attribute::optional(
                Type::Bool,
                "Whether an apply goes on only when the container is healthy (or, where it does not have to \
                 run, has ended well). The default is true where there is something to wait for.",
            ),
        ),
        (
            "wait_timeout",
            Attribute::optional(Type::String, "How long that may take, as in \"5m\".").default("5m"),
        ),
        (
            "restart",
            Attribute::optional(
                Type::String,
                "Restart policy: no, always, unless-stopped, on-failure or on-failure:<times>.",
            )
            .default("no"),
        ),
        (
            "must_run",
            Attribute::optional(
                Type::Bool,
                "Whether it has to run. If not, it runs once and its exit code has to be 0.",
            )
            .default(true),
        ),
        (
            "stopped",
            Attribute::optional(
                Type::Bool,
                "Keeps it as it is, stopped, until it is wanted again: no other program changes its data meanwhile.",
            )
            .default(false),
        ),
        (
            "restart_triggers",
            restarts(Attribute::optional(Type::map(Type::String), "Values whose change restarts it.")),
        ),
        (
            "log_driver",
            Attribute::optional(Type::String, "Where its log goes; the engine's default without.").replaces(),
        ),
        ("log_opts", Attribute::optional(Type::map(Type::String), "Options of the log driver.").replaces()),
    ]
}

/// The element type of `ports`.
pub fn port_type() -> Type {
    Type::object([
        ("internal", Field::required(Type::Number)),
        ("external", Field::required(Type::Number)),
        ("ip", Field::required(Type::String)),
        ("protocol", Field::required(Type::String)),
    ])
}

/// The element type of `networks`.
pub fn network_type() -> Type {
    Type::object([
        ("name", Field::required(Type::String)),
        ("id", Field::required(Type::String)),
        ("ip_address", Field::optional(Type::String)),
    ])
}

fn computed() -> Attributes {
    vec![
        ("id", Attribute::computed(Type::String, "Docker's id of the container.")),
        ("image_id", Attribute::computed(Type::String, "Id of the image it was made from.")),
        ("running", Attribute::computed(Type::Bool, "Whether it runs.")),
        ("exit_code", Attribute::computed(Type::Number, "How it ended; null while it runs.")),
        ("ports", Attribute::computed(Type::list(port_type()), "Published ports as they are.")),
        (
            "networks",
            Attribute::computed(Type::list(network_type()), "Its networks, with its address in each."),
        ),
        ("secrets_volume", Attribute::computed(Type::String, "Name of the volume of its secrets.")),
    ]
}

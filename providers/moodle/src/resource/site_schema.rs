use mprov_sdk::{Attribute, Diagnostics, Object, Schema, Type};

use crate::identity::is_identity;
use crate::validation::{
    container, doubt, is_container, is_email, is_language, is_user_name, missing_in_password, require, time,
};

pub const KIND: &str = "moodle_site";

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "The installed site. Creating it waits for web server and database, installs Moodle unless it is installed \
         or upgrades a clone, and ends when the login page is served. The site is the data: deleting this resource leaves it where it \
         is, on the volume.",
        [
            (
                "container",
                Attribute::required(Type::String, "Name of the container that runs the site's code."),
            ),
            (
                "admin_user",
                Attribute::optional(
                    Type::String,
                    "User name of the administrator. On a site that is installed, an account that exists.",
                )
                .default("admin"),
            ),
            (
                "admin_password",
                Attribute::required(
                    Type::String,
                    "The administrator's password. Set when it changes here; what the administrator changes it to in \
                     Moodle is left alone.",
                )
                .sensitive(),
            ),
            ("admin_email", Attribute::required(Type::String, "The administrator's address.")),
            ("full_name", Attribute::required(Type::String, "Name of the site as users read it.")),
            ("short_name", Attribute::required(Type::String, "Name of the site where there is little room.")),
            (
                "language",
                Attribute::optional(
                    Type::String,
                    "Language the site is installed in; a change sets the default language. Not looked at \
                     afterwards: moodle_settings may manage \"lang\".",
                )
                .default("en"),
            ),
            (
                "image",
                Attribute::optional(
                    Type::String,
                    "Id of the image that the container runs. A change of it makes the apply check that the site is \
                     served by the new code; where the database waits for an upgrade it fails, or upgrades.",
                ),
            ),
            (
                "upgrade",
                Attribute::optional(
                    Type::Bool,
                    "Whether a database that is older than the code is upgraded. There has to be a site in it then: \
                     nothing is installed in its place. For clones: there is no way back but the original.",
                )
                .default(false),
            ),
            (
                "identity",
                Attribute::optional(
                    Type::String,
                    "What the database's container was given as MPROV_IDENTITY. Before anything is changed, the web \
                     server has to be at the database that says so.",
                ),
            ),
            (
                "database_container",
                Attribute::optional(
                    Type::String,
                    "Name of the database's container. While an upgrade runs, its commits do not wait for the disk; \
                     afterwards all is on the disk, and they do.",
                ),
            ),
            (
                "wait_timeout",
                Attribute::optional(
                    Type::String,
                    "How long to wait for web server and database, and for an installation or upgrade that an earlier \
                     run left under way.",
                )
                .default("10m"),
            ),
            ("release", Attribute::computed(Type::String, "The installed release, e.g. \"5.0.6 (Build: 20260403)\".")),
            ("version", Attribute::computed(Type::String, "Its exact version, a decimal number.")),
            ("id", Attribute::computed(Type::String, "The site's own identifier, which lives in its database.")),
            (
                "counts",
                Attribute::computed(
                    Type::map(Type::Number),
                    "Numbers of users, courses, modules and files that there were before it was upgraded, for \
                     moodle_verification; null for a site that was installed.",
                )
                .recomputed_by(["image", "container", "upgrade"]),
            ),
        ],
    )
    .counts_writes()
}

pub fn validate(config: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    container(&mut found, config);
    time(&mut found, config, "wait_timeout");
    let detail = "Give the name or id of the database's container, as in docker_container.database.name.";
    require(&mut found, config, "database_container", is_container, "not the name of a container", detail);
    let detail = "An identity is 1 to 200 letters, digits and . _ : / @ -";
    require(&mut found, config, "identity", is_identity, "not an identity", detail);
    let user = "Lower case letters, digits and - _ . @ are possible.";
    require(&mut found, config, "admin_user", is_user_name, "not a user name for Moodle", user);
    let email = "Moodle accepts addresses like admin@example.org.";
    require(&mut found, config, "admin_email", is_email, "not an e-mail address", email);
    let language = "Languages are named as Moodle's language packs are: en, de, pt_br.";
    require(&mut found, config, "language", is_language, "not a language of Moodle", language);
    for name in ["full_name", "short_name"] {
        let holds = |v: &str| !v.trim().is_empty() && !v.contains(['\n', '\0']);
        require(&mut found, config, name, holds, "not a name", "A name is one line that is not empty.");
    }
    let one_line = |v: &str| !v.is_empty() && !v.contains(['\r', '\n', '\0']);
    let line = "A password is one line that is not empty.";
    require(&mut found, config, "admin_password", one_line, "not a password", line);
    if let Some(password) = config["admin_password"].as_str().filter(|p| one_line(p)) {
        let missing = missing_in_password(password);
        if !missing.is_empty() {
            let detail = format!("A user would have to choose one with {} more.", missing.join(", "));
            found.push(doubt("admin_password", "weaker than Moodle asks of its users", detail));
        }
    }
    found
}

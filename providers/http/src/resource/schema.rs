use mprov_sdk::{Attribute, Field, Presence, Schema, Syntax, Type};

pub const KIND: &str = "http_resource";

/// What `doubt` may say.
pub const NOT_MADE: &str = "not made";

fn text() -> Field {
    Field::required(Type::String)
}

fn optional() -> Field {
    Field::optional(Type::String)
}

fn texts() -> Field {
    Field::optional(Type::list(Type::String))
}

fn map() -> Field {
    Field::optional(Type::map(Type::String))
}

fn wait() -> Field {
    Field::optional(Type::object([
        ("path", optional()),
        ("path_from", optional()),
        ("place", optional()),
        ("wanted", texts()),
        ("pending", texts()),
        ("failed", texts()),
        ("reason", optional()),
        ("timeout", Field::with_default(Type::String, "10m")),
        ("interval", Field::with_default(Type::String, "1s")),
    ]))
}

/// The fields of every request that changes something.
fn request(method: &'static str) -> Vec<(&'static str, Field)> {
    vec![
        ("method", Field::with_default(Type::String, method)),
        ("path", text()),
        ("body", Field::optional(Type::Any)),
        ("headers", map()),
        ("expect", Field::optional(Type::list(Type::Number))),
        ("retry_on", Field::optional(Type::list(Type::Number))),
        ("retry_for", Field::with_default(Type::String, "2m")),
        ("wait", wait()),
    ]
}

fn search() -> Vec<(&'static str, Field)> {
    vec![
        ("list", Field::with_default(Type::String, "")),
        ("where", text()),
        ("equals", optional()),
        ("next", optional()),
    ]
}

fn create_fields() -> Vec<(&'static str, Field)> {
    let mut fields = request("POST");
    fields.push(("idempotent", Field::with_default(Type::Bool, false)));
    fields.push(("outputs", map()));
    fields
}

fn read_fields() -> Vec<(&'static str, Field)> {
    vec![
        ("method", Field::with_default(Type::String, "GET")),
        ("path", text()),
        ("body", Field::optional(Type::Any)),
        ("headers", map()),
        ("expect", Field::optional(Type::list(Type::Number))),
        ("search", Field::optional(Type::object(search()))),
        (
            "gone",
            Field::optional(Type::object([
                ("place", text()),
                ("values", Field::required(Type::list(Type::String))),
            ])),
        ),
    ]
}

fn find_fields() -> Vec<(&'static str, Field)> {
    let mut fields = search();
    fields.extend([
        ("method", Field::with_default(Type::String, "GET")),
        ("path", text()),
        ("body", Field::optional(Type::Any)),
        ("headers", map()),
        ("expect", Field::optional(Type::list(Type::Number))),
        ("id", Field::with_default(Type::String, "/id")),
        ("patience", Field::with_default(Type::String, "10s")),
    ]);
    fields
}

fn required_block(fields: Vec<(&'static str, Field)>, description: &'static str) -> Attribute {
    let block = Attribute::block(fields, description);
    Attribute { presence: Presence::Required, syntax: Syntax::Block, ..block }
}

pub fn schema() -> Schema {
    Schema::new(
        KIND,
        "Anything that a REST API creates, reads, updates and deletes.",
        [
            ("create", required_block(create_fields(), "The request that makes it.")),
            ("read", required_block(read_fields(), "The request that looks at it.")),
            ("update", Attribute::block(request("PUT"), "The request that changes it in place.")),
            ("delete", required_block(request("DELETE"), "The request that removes it.")),
            ("find", Attribute::block(find_fields(), "How to find what a create made whose reply was lost.")),
            (
                "id_from",
                Attribute::optional(Type::String, "Where its id is in the reply of the create.")
                    .default("/id"),
            ),
            (
                "id",
                Attribute::optional_computed(
                    Type::String,
                    "What it is called in paths; given where the API lets its clients choose.",
                )
                .replaces(),
            ),
            (
                "outputs",
                Attribute::optional(
                    Type::map(Type::String),
                    "Names of outputs, and where in the reply of the read they are.",
                ),
            ),
            (
                "sensitive_outputs",
                Attribute::optional(Type::list(Type::String), "Names of outputs that are secret."),
            ),
            (
                "stable_outputs",
                Attribute::optional(Type::list(Type::String), "Names of outputs that no update changes."),
            ),
            (
                "compare",
                Attribute::optional(
                    Type::Any,
                    "JSON pointers into the body of the read's reply, and what has to be there.",
                ),
            ),
            (
                "replace_on",
                Attribute::optional(
                    Type::list(Type::String),
                    "JSON pointers into the create's body: a change there cannot be made in place.",
                ),
            ),
            (
                "update_on",
                Attribute::optional(
                    Type::list(Type::String),
                    "JSON pointers into the create's body: the update makes a change there, though its own body has \
                     another shape.",
                ),
            ),
            (
                "doubt",
                Attribute::optional(
                    Type::String,
                    "\"not made\" after a create whose outcome was in doubt: somebody looked, and there is nothing.",
                ),
            ),
            ("token", Attribute::computed(Type::String, "The idempotency token of its create.")),
            ("output", Attribute::computed(Type::Any, "The outputs by name.")),
            ("ready", Attribute::computed(Type::Bool, "Whether its create has come to its end.")),
        ],
    )
}

use std::time::Duration;

use mprov_sdk::{Attribute, Impact, ProviderSchema, Schema, Type};

/// Attributes whose change is one of the simulated thing, and not only of how it behaves.
pub const SUBSTANCE: [&str; 5] = ["name", "value", "size", "secret", "frozen"];

pub fn provider_schema(world_is_given: bool) -> ProviderSchema {
    let world = match world_is_given {
        true => Attribute::optional(Type::String, WORLD),
        false => Attribute::required(Type::String, WORLD),
    };
    ProviderSchema {
        name: "sim",
        description: "A simulated world with latency, faults, drift and eventual consistency.",
        config: Schema::new(
            "sim",
            "Which world, and how it answers.",
            [
                ("world", world),
                ("latency_ms", Attribute::optional(Type::Number, "Every call takes so long.").default(0)),
                (
                    "honours_tokens",
                    Attribute::optional(Type::Bool, "A second create with one token makes nothing new.")
                        .default(false),
                ),
                (
                    "endpoint",
                    Attribute::optional(
                        Type::String,
                        "Any text. One that starts with sim:// must be the url of a sim_endpoint.",
                    ),
                ),
                (
                    "required_token",
                    Attribute::optional(Type::String, "The token of that sim_endpoint.").sensitive(),
                ),
            ],
        ),
        resources: vec![resource(), database(), gate(), endpoint()],
        data_sources: vec![lookup()],
        uses: &[],
    }
}

const WORLD: &str = "The folder of the world, relative to the root module's.";

fn thing(name: &'static str, description: &'static str) -> Schema {
    let message = |what| Attribute::optional(Type::String, what);
    Schema::new(
        name,
        description,
        [
            ("name", Attribute::required(Type::String, "What sim_lookup finds it by.")),
            ("value", Attribute::optional(Type::Any, "Any value; changed in place.")),
            ("size", Attribute::optional(Type::Number, "A number; changed in place.")),
            ("zone", Attribute::optional(Type::String, "A text; a change of it replaces.").replaces()),
            ("secret", Attribute::optional(Type::String, "A secret; changed in place.").sensitive()),
            (
                "secret_output",
                Attribute::computed(Type::String, "Made from the secret; null without one.")
                    .sensitive()
                    .recomputed_by(["secret"]),
            ),
            ("id", Attribute::computed(Type::String, "The world's name of it.")),
            (
                "generation",
                Attribute::computed(Type::Number, "How often it was made or changed.")
                    .recomputed_by(SUBSTANCE),
            ),
            ("latency_ms", Attribute::optional(Type::Number, "Each call takes so much longer.").default(0)),
            ("fail_create", message("Creating it fails with this message.")),
            ("fail_read", message("Reading it fails with this message.")),
            ("fail_update", message("Changing it fails with this message.")),
            ("fail_delete", message("Deleting it fails with this message.")),
            ("fail_tries", Attribute::optional(Type::Number, "Only the first so many calls of a kind fail.")),
            (
                "partial_create",
                Attribute::optional(
                    Type::String,
                    "The create fails, and leaves something \"broken\" or \"unfinished\" behind.",
                ),
            ),
            (
                "eventual_reads",
                Attribute::optional(Type::Number, "So many reads do not find it after its create.")
                    .default(0),
            ),
        ],
    )
}

fn resource() -> Schema {
    thing("sim_resource", "Something that can be made, changed and deleted.")
}

/// As `sim_resource`, with an impact and with data to lose.
fn database() -> Schema {
    let mut schema = thing("sim_database", "Something that serves users and holds data.")
        .holds_data("all rows of the database")
        .delete_impact(Impact::downtime(Duration::from_secs(30)));
    let size = schema.attributes.get_mut("size").expect("every thing has a size");
    size.impact = Some(Impact::read_only(Duration::from_secs(5)));
    schema.counts_writes()
}

/// As `sim_resource`, between users and what they use.
fn gate() -> Schema {
    let mut schema = thing("sim_gate", "What lets users in: `value` says to what.").freezes_by("frozen");
    let frozen = Attribute::optional(Type::Bool, "Keeps users out.").default(false);
    schema.attributes.insert("frozen".into(), frozen);
    schema
}

fn endpoint() -> Schema {
    Schema::new(
        "sim_endpoint",
        "What a provider \"sim\" block can be configured from.",
        [
            ("name", Attribute::required(Type::String, "Any text.").replaces()),
            ("port", Attribute::optional(Type::Number, "Part of the url; changed in place.").default(80)),
            ("url", Attribute::computed(Type::String, "For `endpoint`.").recomputed_by(["port"])),
            ("token", Attribute::computed(Type::String, "For `required_token`.").sensitive()),
            ("id", Attribute::computed(Type::String, "The world's name of it.")),
            ("latency_ms", Attribute::optional(Type::Number, "Each call takes so much longer.").default(0)),
        ],
    )
}

fn lookup() -> Schema {
    let found = |ty, what| Attribute::computed(ty, what);
    Schema::new(
        "sim_lookup",
        "An object of the world, by its name.",
        [
            ("name", Attribute::required(Type::String, "Its name.")),
            ("id", found(Type::String, "The world's name of it.")),
            ("kind", found(Type::String, "Its resource type.")),
            ("value", found(Type::Any, "Its value.")),
            ("size", found(Type::Number, "Its size.")),
            ("zone", found(Type::String, "Its zone.")),
            ("generation", found(Type::Number, "How often it was made or changed.")),
        ],
    )
}

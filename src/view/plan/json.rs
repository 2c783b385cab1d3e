use mprov_sdk::{Address, Change, Impact, InstanceKey, Mode, Object, Undo, Value};
use serde_json::{Map, Value as Json, json};

use crate::plan::{Action, Drift, DriftKind, OutputChange, Plan, PlanMode, Reason, Replacement};
use crate::view::json::{Secrets, object, object_places, places, to_json};

use super::grouping::{self, Block};

/// Of the document that [`json`] makes. The first number grows when readers have to change.
pub const FORMAT_VERSION: &str = "1.0";

/// The plan for programs, as `mprov show -json PLANFILE` and `mprov plan -json` print it.
///
/// ```text
/// format_version, mprov_version, mode ("normal" | "destroy"), timestamp (RFC 3339)
/// base             { lineage, serial, configuration }: what the plan was made from
/// variables        name -> value
/// resource_drift   [{ address, …, drift: "gone" | "changed", changes: [change] }]
/// resource_changes [{ address, module_address, mode, type, name, index, deposed, provider,
///                     change: { actions, before, after, after_unknown, before_sensitive,
///                               after_sensitive, replace_paths },
///                     action_reason, impact, undo }]
/// moves            [{ from, to }]
/// output_changes   name -> { actions, before, after, … }
/// unchanged        number of instances that stay as they are
/// summary          { add, change, destroy }
/// impact           { downtime_seconds, read_only_seconds, data_lost } of everything together
/// ```
///
/// `actions` is `["create"]`, `["update"]`, `["delete"]`, `["read"]`, `["delete", "create"]` or
/// `["create", "delete"]`. In `before` and `after` a secret is the text `(sensitive value)` and an
/// unknown value is null; `after_unknown`, `before_sensitive` and `after_sensitive` have `true` in
/// the places of such values, `false` where there are none.
pub fn json(plan: &Plan) -> Json {
    let summary = plan.summary();
    json!({
        "format_version": FORMAT_VERSION,
        "mprov_version": env!("CARGO_PKG_VERSION"),
        "mode": match plan.mode {
            PlanMode::Normal => "normal",
            PlanMode::Destroy => "destroy",
            PlanMode::Rehearse => "rehearse",
            PlanMode::Recorded => "recorded",
        },
        "timestamp": plan.time,
        "base": {
            "lineage": plan.base.lineage,
            "serial": plan.base.serial,
            "configuration": plan.base.configuration,
        },
        "variables": plan.variables.iter()
            .map(|(name, value)| (name.to_string(), to_json(value, Secrets::Masked)))
            .collect::<Map<_, _>>(),
        "resource_drift": plan.drift.iter().map(drift).collect::<Vec<_>>(),
        "resource_changes": grouping::blocks(plan).iter().map(resource_change).collect::<Vec<_>>(),
        "moves": plan.moves.iter()
            .map(|(from, to)| json!({ "from": from.to_string(), "to": to.to_string() }))
            .collect::<Vec<_>>(),
        "output_changes": plan.outputs.iter()
            .map(|output| (output.name.to_string(), output_change(output)))
            .collect::<Map<_, _>>(),
        "unchanged": plan.unchanged,
        "summary": { "add": summary.add, "change": summary.change, "destroy": summary.destroy },
        "impact": impact(&plan.impact()),
    })
}

fn resource_change(block: &Block<'_>) -> Json {
    let step = block.step();
    let (before, changes) = match block {
        Block::One(step) => (step.before.as_ref(), &step.changes),
        Block::Replace { delete, create, .. } => (
            delete.before.as_ref(),
            if create.changes.is_empty() { &delete.changes } else { &create.changes },
        ),
    };
    let mut entry = identity(&step.address);
    entry.insert("deposed".into(), json!(step.deposed));
    entry.insert("provider".into(), json!(step.provider));
    entry.insert("change".into(), change(actions(block), before, step.after.as_ref(), changes));
    entry.insert("action_reason".into(), step.reason.as_ref().map_or(Json::Null, reason));
    entry.insert("impact".into(), impact(&block.impact()));
    entry.insert("undo".into(), undo(block.undo()));
    Json::Object(entry)
}

/// What an address says, taken apart.
fn identity(address: &Address) -> Map<String, Json> {
    let resource = &address.resource;
    let index = match &address.key {
        InstanceKey::None => Json::Null,
        InstanceKey::Index(index) => json!(index),
        InstanceKey::Key(key) => json!(&**key),
    };
    let module = (!resource.module.is_root()).then(|| resource.module.to_string());
    let mut map = Map::new();
    map.insert("address".into(), json!(address.to_string()));
    map.insert("module_address".into(), json!(module));
    map.insert("mode".into(), json!(if resource.mode == Mode::Data { "data" } else { "managed" }));
    map.insert("type".into(), json!(&*resource.kind));
    map.insert("name".into(), json!(&*resource.name));
    map.insert("index".into(), index);
    map
}

fn actions(block: &Block<'_>) -> &'static [&'static str] {
    match block {
        Block::Replace { order: Replacement::DeleteFirst, .. } => &["delete", "create"],
        Block::Replace { order: Replacement::CreateFirst, .. } => &["create", "delete"],
        Block::One(step) => match step.action {
            Action::Create => &["create"],
            Action::Update => &["update"],
            Action::Delete => &["delete"],
            Action::Read => &["read"],
        },
    }
}

fn change(actions: &[&str], before: Option<&Object>, after: Option<&Object>, changes: &[Change]) -> Json {
    let side = |side: Option<&Object>| side.map_or(Json::Null, |o| object(o, Secrets::Masked));
    let located = |side: Option<&Object>, test: &dyn Fn(&Value) -> bool| {
        side.map_or(Json::Bool(false), |o| object_places(o, test))
    };
    let replaces = changes.iter().filter(|c| c.replaces);
    json!({
        "actions": actions,
        "before": side(before),
        "after": side(after),
        "after_unknown": located(after, &is_unknown),
        "before_sensitive": located(before, &is_sensitive),
        "after_sensitive": located(after, &is_sensitive),
        "replace_paths": replaces.map(|c| json!([&*c.name])).collect::<Vec<_>>(),
    })
}

fn output_change(output: &OutputChange) -> Json {
    let mark = |value: &Value| value.clone().with_sensitivity(output.sensitive && !value.is_null());
    let (before, after) = (mark(&output.before), mark(&output.after));
    let actions = match (before.is_null(), after.is_null()) {
        (true, _) => ["create"],
        (_, true) => ["delete"],
        _ => ["update"],
    };
    json!({
        "actions": actions,
        "before": to_json(&before, Secrets::Masked),
        "after": to_json(&after, Secrets::Masked),
        "after_unknown": places(&after, &is_unknown),
        "before_sensitive": places(&before, &is_sensitive),
        "after_sensitive": places(&after, &is_sensitive),
    })
}

fn drift(drift: &Drift) -> Json {
    let mut entry = identity(&drift.address);
    let (kind, changes): (_, &[Change]) = match &drift.kind {
        DriftKind::Gone => ("gone", &[]),
        DriftKind::Changed(changes) => ("changed", changes),
    };
    entry.insert("drift".into(), json!(kind));
    let changes = changes.iter().map(|c| {
        json!({
            "name": &*c.name,
            "before": to_json(&c.before, Secrets::Masked),
            "after": to_json(&c.after, Secrets::Masked),
        })
    });
    entry.insert("changes".into(), changes.collect());
    Json::Object(entry)
}

fn reason(reason: &Reason) -> Json {
    match reason {
        Reason::Tainted => json!("tainted"),
        Reason::TriggeredBy(what) => json!({ "triggered_by": what }),
        Reason::NotInConfiguration => json!("not_in_configuration"),
        Reason::KeyGone => json!("key_gone"),
        Reason::Vanished => json!("vanished"),
        Reason::Deposed => json!("deposed"),
        Reason::DependsOnSteps => json!("depends_on_steps"),
        Reason::GenerationGone => json!("generation_gone"),
    }
}

fn impact(impact: &Impact) -> Json {
    json!({
        "downtime_seconds": impact.downtime.map(|t| t.as_secs_f64()),
        "read_only_seconds": impact.read_only.map(|t| t.as_secs_f64()),
        "data_lost": impact.data_lost,
    })
}

fn undo(undo: &Undo) -> Json {
    match undo {
        Undo::Exact => json!({ "kind": "exact" }),
        Undo::UntilUsersWrite => json!({ "kind": "until_users_write" }),
        Undo::None(reason) => json!({ "kind": "none", "reason": reason }),
    }
}

fn is_unknown(value: &Value) -> bool {
    matches!(value, Value::Unknown(_))
}

fn is_sensitive(value: &Value) -> bool {
    matches!(value, Value::Sensitive(_))
}

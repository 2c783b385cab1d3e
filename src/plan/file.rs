//! A plan as a file: everything an apply needs, secrets sealed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use mprov_sdk::{
    Change, CodecError, Diagnostic, Diagnostics, Impact, Mode, Name, Object, Seal, Type, Undo, Value, decode,
    encode,
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::kinds::Kinds;
use super::model::{
    Action, Base, DataRead, Drift, DriftKind, OutputChange, Plan, PlanMode, Reason, Refreshed, Replacement,
    Step,
};
use super::rollout::{Phase, RolloutPlan};

/// The format that this version writes and reads.
pub const PLAN_FORMAT: u32 = 2;

/// A plan with the texts of the configuration it was made from.
pub struct SavedPlan {
    pub plan: Plan,
    /// By module folder (or built-in source) and file name.
    pub files: Vec<(PathBuf, String)>,
    /// What `-target` named.
    pub targets: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    format: u32,
    mprov_version: String,
    lineage: Option<String>,
    serial: u64,
    configuration: String,
    mode: PlanMode,
    time: String,
    targets: Vec<String>,
    variables: BTreeMap<String, Json>,
    steps: Vec<StepFile>,
    joins: Vec<Vec<u32>>,
    moves: Vec<(String, String)>,
    drift: Vec<DriftFile>,
    refreshed: Vec<(String, Option<Json>)>,
    data: Vec<(String, Json)>,
    outputs: Vec<OutputFile>,
    unchanged: usize,
    rollouts: Vec<RolloutPlan>,
    files: Vec<(PathBuf, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    address: String,
    action: ActionFile,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    create_first: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deposed: Option<String>,
    provider: String,
    needs: Vec<u32>,
    dependencies: Vec<String>,
    before: Option<Json>,
    after: Option<Json>,
    changes: Vec<ChangeFile>,
    impact: Impact,
    undo: Undo,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    token: String,
    prevent_destroy: bool,
    create_before_destroy: bool,
    atomic: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phase: Option<Phase>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActionFile {
    Create,
    Update,
    Delete,
    Read,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeFile {
    name: String,
    before: Json,
    after: Json,
    replaces: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DriftFile {
    address: String,
    /// None where the instance is gone.
    changes: Option<Vec<ChangeFile>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputFile {
    name: String,
    before: Json,
    after: Json,
    sensitive: bool,
}

impl SavedPlan {
    /// The file's text.
    pub fn to_text(&self, seal: &dyn Seal) -> Result<String, CodecError> {
        let plan = &self.plan;
        let file = PlanFile {
            format: PLAN_FORMAT,
            mprov_version: env!("CARGO_PKG_VERSION").into(),
            lineage: plan.base.lineage.clone(),
            serial: plan.base.serial,
            configuration: plan.base.configuration.clone(),
            mode: plan.mode,
            time: plan.time.clone(),
            targets: self.targets.clone(),
            variables: plan
                .variables
                .iter()
                .map(|(name, value)| Ok((name.to_string(), any(value, seal)?)))
                .collect::<Result<_, CodecError>>()?,
            steps: plan.steps.iter().map(|step| step_file(step, seal)).collect::<Result<_, _>>()?,
            joins: plan.joins.clone(),
            moves: plan.moves.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect(),
            drift: plan.drift.iter().map(|d| drift_file(d, seal)).collect::<Result<_, _>>()?,
            refreshed: plan
                .refreshed
                .iter()
                .map(|r| {
                    Ok((r.address.to_string(), r.attributes.as_ref().map(|o| object(o, seal)).transpose()?))
                })
                .collect::<Result<_, CodecError>>()?,
            data: plan
                .data
                .iter()
                .map(|d| Ok((d.address.to_string(), object(&d.attributes, seal)?)))
                .collect::<Result<_, CodecError>>()?,
            outputs: plan.outputs.iter().map(|o| output_file(o, seal)).collect::<Result<_, _>>()?,
            unchanged: plan.unchanged,
            rollouts: plan.rollouts.clone(),
            files: self.files.clone(),
        };
        serde_json::to_string_pretty(&file).map_err(|e| CodecError::Malformed(e.to_string()))
    }

    /// # Errors
    /// The file is no plan, is of a newer mprov, or its secrets cannot be opened.
    pub fn from_text(text: &str, kinds: &Kinds, seal: &dyn Seal) -> Result<Self, Diagnostics> {
        let stamp: Stamp = serde_json::from_str(text).map_err(|e| damaged(e.to_string()))?;
        if stamp.format != PLAN_FORMAT {
            return Err(Diagnostic::error(
                2061,
                format!("this plan file was written by mprov {}", stamp.mprov_version),
            )
            .detail("This version cannot read it. Make the plan again.")
            .into());
        }
        let file: PlanFile = serde_json::from_str(text).map_err(|e| damaged(e.to_string()))?;
        read(file, kinds, seal).map_err(|e| match e {
            CodecError::Malformed(reason) => damaged(reason),
            CodecError::Seal(reason) => {
                Diagnostic::error(2063, "the secrets in this plan file cannot be opened")
                    .detail(reason)
                    .into()
            }
        })
    }
}

#[derive(Deserialize)]
struct Stamp {
    format: u32,
    mprov_version: String,
}

fn damaged(reason: String) -> Diagnostics {
    Diagnostic::error(2062, "this is no plan file, or it is damaged")
        .detail(format!("{reason}. Make the plan again."))
        .into()
}

fn any(value: &Value, seal: &dyn Seal) -> Result<Json, CodecError> {
    encode(value, &Type::Any, seal)
}

fn object(object: &Object, seal: &dyn Seal) -> Result<Json, CodecError> {
    any(&Value::from(object.clone()), seal)
}

fn step_file(step: &Step, seal: &dyn Seal) -> Result<StepFile, CodecError> {
    Ok(StepFile {
        address: step.address.to_string(),
        action: match step.action {
            Action::Create => ActionFile::Create,
            Action::Update => ActionFile::Update,
            Action::Delete => ActionFile::Delete,
            Action::Read => ActionFile::Read,
        },
        create_first: step.replacement.map(|r| r == Replacement::CreateFirst),
        deposed: step.deposed.clone(),
        provider: step.provider.clone(),
        needs: step.needs.clone(),
        dependencies: step.dependencies.clone(),
        before: step.before.as_ref().map(|o| object(o, seal)).transpose()?,
        after: step.after.as_ref().map(|o| object(o, seal)).transpose()?,
        changes: changes(&step.changes, seal)?,
        impact: step.impact.clone(),
        undo: step.undo.clone(),
        reason: step.reason.clone(),
        token: step.token.clone(),
        prevent_destroy: step.prevent_destroy,
        create_before_destroy: step.create_before_destroy,
        atomic: step.atomic,
        phase: step.phase,
    })
}

fn changes(changes: &[Change], seal: &dyn Seal) -> Result<Vec<ChangeFile>, CodecError> {
    let file = |c: &Change| {
        Ok(ChangeFile {
            name: c.name.to_string(),
            before: any(&c.before, seal)?,
            after: any(&c.after, seal)?,
            replaces: c.replaces,
        })
    };
    changes.iter().map(file).collect()
}

fn drift_file(drift: &Drift, seal: &dyn Seal) -> Result<DriftFile, CodecError> {
    let changed = match &drift.kind {
        DriftKind::Gone => None,
        DriftKind::Changed(list) => Some(changes(list, seal)?),
    };
    Ok(DriftFile { address: drift.address.to_string(), changes: changed })
}

fn output_file(output: &OutputChange, seal: &dyn Seal) -> Result<OutputFile, CodecError> {
    Ok(OutputFile {
        name: output.name.to_string(),
        before: any(&output.before, seal)?,
        after: any(&output.after, seal)?,
        sensitive: output.sensitive,
    })
}

/// Reads values back against the schemas, so that they have the types that the providers gave them.
struct Reader<'a> {
    kinds: &'a Kinds,
    seal: &'a dyn Seal,
}

impl Reader<'_> {
    fn address(&self, text: &str) -> Result<mprov_sdk::Address, CodecError> {
        text.parse().map_err(|_| CodecError::Malformed(format!("\"{text}\" is not an address")))
    }

    fn any(&self, json: &Json) -> Result<Value, CodecError> {
        decode(json, &Type::Any, self.seal)
    }

    fn object(&self, json: &Json, mode: Mode, kind: &str) -> Result<Object, CodecError> {
        if self.kinds.get(mode, kind).is_none() {
            return Err(CodecError::Malformed(format!("no provider knows {kind}")));
        }
        match self.any(json)? {
            Value::Object(object) | Value::Map(object) => Ok((*object).clone()),
            _ => Err(CodecError::Malformed("attributes are an object".into())),
        }
    }

    fn changes(&self, files: Vec<ChangeFile>) -> Result<Vec<Change>, CodecError> {
        let change = |c: ChangeFile| {
            Ok(Change {
                name: Name::from(c.name),
                before: self.any(&c.before)?,
                after: self.any(&c.after)?,
                replaces: c.replaces,
            })
        };
        files.into_iter().map(change).collect()
    }

    fn step(&self, file: StepFile) -> Result<Step, CodecError> {
        let address = self.address(&file.address)?;
        let (mode, kind) = (address.resource.mode, address.resource.kind.clone());
        let object = |json: Option<Json>| json.map(|j| self.object(&j, mode, &kind)).transpose();
        Ok(Step {
            before: object(file.before)?,
            after: object(file.after)?,
            address,
            action: match file.action {
                ActionFile::Create => Action::Create,
                ActionFile::Update => Action::Update,
                ActionFile::Delete => Action::Delete,
                ActionFile::Read => Action::Read,
            },
            replacement: file.create_first.map(|first| match first {
                true => Replacement::CreateFirst,
                false => Replacement::DeleteFirst,
            }),
            deposed: file.deposed,
            provider: file.provider,
            needs: file.needs,
            dependencies: file.dependencies,
            changes: self.changes(file.changes)?,
            impact: file.impact,
            undo: file.undo,
            reason: file.reason,
            token: file.token,
            prevent_destroy: file.prevent_destroy,
            create_before_destroy: file.create_before_destroy,
            atomic: file.atomic,
            phase: file.phase,
        })
    }
}

fn read(file: PlanFile, kinds: &Kinds, seal: &dyn Seal) -> Result<SavedPlan, CodecError> {
    let reader = Reader { kinds, seal };
    let nodes = file.steps.len() + file.joins.len();
    let needs = file.steps.iter().map(|s| &s.needs).chain(&file.joins);
    if needs.flatten().any(|need| *need as usize >= nodes) {
        return Err(CodecError::Malformed("a step needs one that does not exist".into()));
    }
    let plan = Plan {
        base: Base { lineage: file.lineage, serial: file.serial, configuration: file.configuration },
        mode: file.mode,
        steps: file.steps.into_iter().map(|s| reader.step(s)).collect::<Result<_, _>>()?,
        joins: file.joins,
        moves: file
            .moves
            .iter()
            .map(|(a, b)| Ok((reader.address(a)?, reader.address(b)?)))
            .collect::<Result<_, CodecError>>()?,
        drift: file
            .drift
            .into_iter()
            .map(|d| {
                let kind = match d.changes {
                    None => DriftKind::Gone,
                    Some(list) => DriftKind::Changed(reader.changes(list)?),
                };
                Ok(Drift { address: reader.address(&d.address)?, kind })
            })
            .collect::<Result<_, CodecError>>()?,
        refreshed: file
            .refreshed
            .iter()
            .map(|(text, json)| {
                let address = reader.address(text)?;
                let kind = address.resource.kind.clone();
                let attributes = json.as_ref().map(|j| reader.object(j, Mode::Managed, &kind)).transpose()?;
                Ok(Refreshed { address, attributes })
            })
            .collect::<Result<_, CodecError>>()?,
        data: file
            .data
            .iter()
            .map(|(text, json)| {
                let address = reader.address(text)?;
                let kind = address.resource.kind.clone();
                Ok(DataRead { attributes: reader.object(json, Mode::Data, &kind)?, address })
            })
            .collect::<Result<_, CodecError>>()?,
        outputs: file
            .outputs
            .iter()
            .map(|o| {
                Ok(OutputChange {
                    name: o.name.as_str().into(),
                    before: reader.any(&o.before)?,
                    after: reader.any(&o.after)?,
                    sensitive: o.sensitive,
                })
            })
            .collect::<Result<_, CodecError>>()?,
        unchanged: file.unchanged,
        warnings: Diagnostics::new(),
        rollouts: file.rollouts,
        refusals: Diagnostics::new(),
        variables: file
            .variables
            .iter()
            .map(|(name, json)| Ok((Name::from(name.as_str()), reader.any(json)?)))
            .collect::<Result<_, CodecError>>()?,
        time: file.time,
    };
    Ok(SavedPlan { plan, files: file.files, targets: file.targets })
}

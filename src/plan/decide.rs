use std::sync::Arc;

use mprov_sdk::{
    Address, Change, Diagnostic, Diagnostics, Fault, Impact, Name, Object, PlanRequest, Planned, Schema,
    Undo, Value, Verdict,
};

use super::conditions;
use super::draft::Draft;
use super::kinds::Kind;
use super::look::Seen;
use super::model::{Action, DataRead, Drift, DriftKind, Reason, Refreshed, Replacement};
use super::nodes::Node;
use super::planner::{Job, Pending, Work};
use super::watch::fault_diagnostic;
use crate::config::eval::parse_reference;
use crate::config::{IgnoreChanges, Lifecycle, ResourceBlock, Subject};
use crate::graph::NodeId;

impl Work {
    /// Decides what becomes of one instance, now that everything about it is known that can be.
    /// Returns how far it is going to change.
    pub fn decide(
        &mut self,
        id: NodeId,
        job: Job,
        seen: Option<Result<Seen, Fault>>,
    ) -> Result<Pending, Diagnostics> {
        let Node::Resource(tree, resource) = self.nodes.dag.node(id).clone() else { return Ok(Pending::No) };
        let definition = self.evaluator.tree.module(tree).clone();
        let block = &definition.resources[&resource];
        let kind =
            self.kinds.get(resource.mode, &resource.kind).expect("unknown kinds were reported").clone();
        if !self.targets.includes(id) {
            self.keep_untargeted(&job, &kind);
            return Ok(Pending::No);
        }
        match job.address.is_data() {
            true => self.decide_data(id, job, seen, &kind, block),
            false => self.decide_managed(id, job, seen, &kind, block),
        }
    }

    fn keep_untargeted(&mut self, job: &Job, kind: &Kind) {
        let stored = self.stored.instances.get(&job.address).map(|s| s.attributes.clone());
        let attributes = stored.unwrap_or_else(|| all_unknown(&kind.schema, &job.address));
        let resource = resource_id(&job.address);
        self.evaluator.set_instance(job.module, &resource, job.key.clone(), attributes);
    }

    fn decide_data(
        &mut self,
        id: NodeId,
        job: Job,
        seen: Option<Result<Seen, Fault>>,
        kind: &Kind,
        block: &ResourceBlock,
    ) -> Result<Pending, Diagnostics> {
        let (attributes, pending) = match seen {
            Some(Ok(seen)) => {
                let attributes = marked(seen.observed.unwrap_or_default(), &kind.schema);
                self.data.push(DataRead { address: job.address.clone(), attributes: attributes.clone() });
                (attributes, Pending::No)
            }
            Some(Err(fault)) => {
                return Err(fault_diagnostic(2051, &fault, &job.address).at(block.span).into());
            }
            None => {
                let request = PlanRequest { config: &job.config, stored: None, observed: None };
                let after = originated(mprov_sdk::plan_by_schema(&kind.schema, &request).after, &job.address);
                let draft = Draft::new(job.address.clone(), Action::Read, job.provider.clone(), Some(id))
                    .after(after.clone())
                    .reason(Some(Reason::DependsOnSteps));
                self.drafts.push(draft);
                (after, Pending::Update)
            }
        };
        self.take(&job, attributes, block)?;
        Ok(pending)
    }

    fn decide_managed(
        &mut self,
        id: NodeId,
        job: Job,
        seen: Option<Result<Seen, Fault>>,
        kind: &Kind,
        block: &ResourceBlock,
    ) -> Result<Pending, Diagnostics> {
        let stored = self.stored.instances.get(&job.address).cloned();
        let prior = stored.as_ref().map(|s| s.attributes.clone());
        let (observed, mut config) = match seen {
            None => (prior.clone(), job.config.clone()),
            Some(Ok(seen)) if self.options.refresh && prior.is_some() => (seen.observed, seen.config),
            Some(Ok(seen)) => (prior.clone(), seen.config),
            // It lives in something that this plan is going to make: it cannot be looked at.
            Some(Err(_)) if self.pending[id.index()] == Pending::Create && prior.is_some() => {
                (prior.clone(), job.config.clone())
            }
            Some(Err(fault)) => {
                return Err(fault_diagnostic(2050, &fault, &job.address).at(block.span).into());
            }
        };
        let observed = observed.map(|o| marked(o, &kind.schema));
        let drifted = self.note_drift(&job.address, &kind.schema, &config, prior.as_ref(), observed.as_ref());
        if let Some(observed) = &observed {
            ignore_changes(&mut config, &block.lifecycle, &kind.schema, observed);
        }

        let request = PlanRequest { config: &config, stored: prior.as_ref(), observed: observed.as_ref() };
        let mut planned = kind.provider.plan(&block.id.kind, &request);
        let mut reason = (prior.is_some() && observed.is_none()).then_some(Reason::Vanished);
        if observed.is_some() && planned.verdict != Verdict::Replace {
            let tainted = stored.as_ref().is_some_and(|s| s.tainted).then_some(Reason::Tainted);
            let forced = match tainted {
                Some(reason) => Some(reason),
                None => self.triggered(job.module, &block.lifecycle)?,
            };
            if let Some(forced) = forced {
                let anew = PlanRequest { observed: None, ..request };
                planned = replaced(kind.provider.plan(&block.id.kind, &anew), &kind.schema);
                reason = Some(forced);
            }
        }
        planned.after = originated(planned.after, &job.address);

        let changed = self.changed.entry((job.module, block.id.clone())).or_default();
        match planned.verdict {
            Verdict::Nothing => {}
            Verdict::Create => changed.extend(planned.after.keys().cloned()),
            Verdict::Update | Verdict::Replace => {
                changed.extend(planned.changes.iter().map(|c| c.name.clone()))
            }
        }
        let pending = match planned.verdict {
            Verdict::Nothing => Pending::No,
            Verdict::Update => Pending::Update,
            Verdict::Create | Verdict::Replace => Pending::Create,
        };
        if planned.verdict == Verdict::Nothing {
            self.unchanged += 1;
            if drifted {
                let attributes = Some(planned.after.clone());
                self.refreshed.push(Refreshed { address: job.address.clone(), attributes });
            }
        }
        let after = planned.after.clone();
        self.draft(id, &job, block, &kind.schema, planned, observed, reason)?;
        self.take(&job, after, block)?;
        Ok(pending)
    }

    #[allow(clippy::too_many_arguments)]
    fn draft(
        &mut self,
        id: NodeId,
        job: &Job,
        block: &ResourceBlock,
        schema: &Schema,
        planned: Planned,
        observed: Option<Object>,
        reason: Option<Reason>,
    ) -> Result<(), Diagnostics> {
        let new = |action| Draft::new(job.address.clone(), action, job.provider.clone(), Some(id));
        let stored_first = self.stored.instances.get(&job.address).is_some_and(|s| s.create_before_destroy);
        let create_first = self.create_first.contains(&id) || stored_first;
        let mut drafts = match planned.verdict {
            Verdict::Nothing => return Ok(()),
            Verdict::Create => vec![new(Action::Create).after(planned.after).reason(reason)],
            Verdict::Update => vec![
                new(Action::Update)
                    .before(observed)
                    .after(planned.after)
                    .changes(planned.changes)
                    .impact(planned.impact)
                    .reason(reason),
            ],
            Verdict::Replace => {
                if block.lifecycle.prevent_destroy {
                    let why = match planned.changes.iter().find(|c| c.replaces) {
                        Some(change) => format!("a change of \"{}\" replaces it", change.name),
                        None => "it must be replaced".to_owned(),
                    };
                    return Err(prevented(&job.address, &why).at(block.span).into());
                }
                let order = if create_first { Replacement::CreateFirst } else { Replacement::DeleteFirst };
                let mut delete = new(Action::Delete)
                    .before(observed)
                    .undo(delete_undo(schema))
                    .impact(planned.impact.clone())
                    .replacement(order)
                    .reason(reason.clone());
                let stored = self.stored.instances.get(&job.address);
                delete.step.dependencies = stored.map(|s| s.dependencies.clone()).unwrap_or_default();
                let create = new(Action::Create)
                    .after(planned.after)
                    .changes(planned.changes)
                    .replacement(order)
                    .reason(reason);
                vec![delete, create]
            }
        };
        for draft in &mut drafts {
            draft.step.create_before_destroy = create_first;
            draft.step.prevent_destroy = block.lifecycle.prevent_destroy;
            draft.step.atomic = block.lifecycle.atomic;
        }
        self.drafts.extend(drafts);
        Ok(())
    }

    /// Makes the instance's attributes visible to the expressions that follow, and holds them
    /// against its postconditions.
    fn take(&mut self, job: &Job, attributes: Object, block: &ResourceBlock) -> Result<(), Diagnostics> {
        let own = Value::from(attributes.clone());
        self.evaluator.set_instance(job.module, &block.id, job.key.clone(), attributes);
        let scope = self.evaluator.scope_of(job.module, job.repetition.clone()).with_self(own);
        let what = format!("a postcondition of {} does not hold", job.address);
        let failed = conditions::check(&block.lifecycle.postconditions, 2012, &what, &scope);
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    /// Whether the world differs from what the last apply recorded. What the configuration leaves
    /// to the world may change there: it is recorded, and no drift.
    fn note_drift(
        &mut self,
        address: &Address,
        schema: &Schema,
        config: &Object,
        stored: Option<&Object>,
        observed: Option<&Object>,
    ) -> bool {
        let Some(stored) = stored else { return false };
        let left_open = |name: &Name| {
            let optional = |a: &mprov_sdk::Attribute| a.presence == mprov_sdk::Presence::OptionalComputed;
            schema.attributes.get(name).is_some_and(optional) && config[name].is_null()
        };
        let kind = match observed {
            None => DriftKind::Gone,
            Some(observed) => {
                if observed.iter().all(|(name, now)| now.same(&stored[name])) {
                    return false;
                }
                let changes: Vec<Change> = observed
                    .iter()
                    .filter(|(name, now)| !now.same(&stored[name]) && !left_open(name))
                    .map(|(name, now)| Change {
                        name: name.clone(),
                        before: stored[name].clone(),
                        after: now.clone(),
                        replaces: false,
                    })
                    .collect();
                if changes.is_empty() {
                    return true;
                }
                DriftKind::Changed(changes)
            }
        };
        self.drift.push(Drift { address: address.clone(), kind });
        true
    }

    /// The first of `replace_triggered_by` that changes in this plan.
    fn triggered(&self, module: usize, lifecycle: &Lifecycle) -> Result<Option<Reason>, Diagnostics> {
        for expr in &lifecycle.replace_triggered_by {
            let reference = parse_reference(expr)?;
            let Subject::Resource(resource) = &reference.subject else {
                return Err(Diagnostic::error(1330, "replace_triggered_by takes references to resources")
                    .at(expr.span())
                    .into());
            };
            let changed = self.changed.get(&(module, resource.clone()));
            let hit = changed.is_some_and(|names| match &reference.attribute {
                Some(attribute) => names.contains(attribute),
                None => !names.is_empty(),
            });
            if hit {
                let what = match &reference.attribute {
                    Some(attribute) => format!("{resource}.{attribute}"),
                    None => resource.to_string(),
                };
                return Ok(Some(Reason::TriggeredBy(what)));
            }
        }
        Ok(None)
    }
}

/// The create that the provider planned, as the second half of a replacement.
fn replaced(created: Planned, schema: &Schema) -> Planned {
    Planned { verdict: Verdict::Replace, impact: delete_impact(schema), ..created }
}

fn ignore_changes(config: &mut Object, lifecycle: &Lifecycle, schema: &Schema, prior: &Object) {
    let names: Vec<Name> = match &lifecycle.ignore_changes {
        IgnoreChanges::None => return,
        IgnoreChanges::All => {
            schema.attributes.iter().filter(|(_, a)| a.is_settable()).map(|(n, _)| n.clone()).collect()
        }
        IgnoreChanges::Only(names) => names.iter().map(|(name, _)| name.clone()).collect(),
    };
    for name in names {
        let now = prior[&name].clone();
        config.set(name, now);
    }
}

fn resource_id(address: &Address) -> crate::config::ResourceId {
    crate::config::ResourceId {
        mode: address.resource.mode,
        kind: address.resource.kind.clone(),
        name: address.resource.name.clone(),
    }
}

/// Attributes with the marks that the schema puts on them.
pub fn marked(attributes: Object, schema: &Schema) -> Object {
    let sensitive = |name: &Name| schema.attributes.get(name).is_some_and(|a| a.sensitive);
    attributes
        .into_iter()
        .map(|(name, value)| {
            let sensitive = sensitive(&name);
            (name, value.with_sensitivity(sensitive))
        })
        .collect()
}

/// Unknown attributes, saying that this instance makes them known.
fn originated(attributes: Object, address: &Address) -> Object {
    if attributes.values().all(|v| !v.is_unknown()) {
        return attributes;
    }
    let origin: Arc<str> = address.to_string().into();
    let with_origin = |value: Value| match &value {
        Value::Unknown(u) if u.origin.is_none() => Value::unknown_from(u.ty.clone(), origin.clone()),
        Value::Sensitive(inner) => match &**inner {
            Value::Unknown(u) if u.origin.is_none() => {
                Value::unknown_from(u.ty.clone(), origin.clone()).sensitive()
            }
            _ => value,
        },
        _ => value,
    };
    attributes.into_iter().map(|(name, value)| (name, with_origin(value))).collect()
}

/// What can be said of an instance that was never made and is not going to be in this run.
pub fn all_unknown(schema: &Schema, address: &Address) -> Object {
    let unknown = schema.attributes.iter().map(|(name, a)| (name.clone(), Value::unknown(a.ty.clone())));
    originated(unknown.collect(), address)
}

pub fn delete_impact(schema: &Schema) -> Impact {
    let noticed = schema.delete_impact.clone().unwrap_or_default();
    match schema.holds_data {
        Some(what) => noticed.join(&Impact::data_lost(what)),
        None => noticed,
    }
}

pub fn delete_undo(schema: &Schema) -> Undo {
    match schema.holds_data {
        Some(what) => Undo::None(format!("{what} cannot be brought back")),
        None => Undo::Exact,
    }
}

pub fn prevented(address: &Address, why: &str) -> Diagnostic {
    Diagnostic::error(2040, format!("{address} must not be destroyed, but {why}"))
        .detail("\"prevent_destroy\" protects it. Set that to false and apply first, if it really is to go.")
        .address(address)
}

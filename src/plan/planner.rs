use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use mprov_sdk::{
    Address, Call, CancellationToken, Diagnostic, Diagnostics, Fault, InstanceKey, Name, Object, Value,
};
use tokio::sync::Semaphore;

use super::draft::Draft;
use super::evaluator::{Evaluator, ModuleId};
use super::kinds::Kinds;
use super::look::{Look, Seen, look};
use super::model::{DataRead, Drift, OutputChange, Plan, PlanMode, Refreshed};
use super::moves::apply_moves;
use super::nodes::{Node, Nodes};
use super::observer::{Activity, Observer};
use super::order::{Links, order_steps};
use super::rollout::{self, Rollouts};
use super::sessions::Sessions;
use super::stored::Stored;
use super::targets::Targets;
use super::tree::Tree;
use super::watch::watched;
use super::{conditions, providers};
use crate::config::ResourceId;
use crate::graph::{NodeId, Ready};

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    pub mode: PlanMode,
    pub targets: Vec<String>,
    /// The module that is rehearsed.
    pub rehearse: Option<String>,
    /// Whether the world is looked at.
    pub refresh: bool,
    /// How many provider calls may be under way at once.
    pub parallelism: usize,
    /// Makes the tokens of this plan different from every other plan's.
    pub nonce: String,
}

/// Everything a plan is made from.
pub struct Planner {
    pub evaluator: Evaluator,
    pub nodes: Nodes,
    pub kinds: Arc<Kinds>,
    pub sessions: Arc<Sessions>,
    pub stored: Stored,
    pub options: PlanOptions,
    pub base_dir: PathBuf,
    pub observer: Arc<dyn Observer>,
    pub cancel: CancellationToken,
}

/// How far what a node stands for is going to change in this plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pending {
    #[default]
    No,
    Update,
    /// Something is made new: what lives in it cannot be looked at.
    Create,
}

/// One instance whose configuration is evaluated and that waits for its answers.
pub struct Job {
    pub module: ModuleId,
    pub key: InstanceKey,
    pub address: Address,
    pub provider: String,
    pub config: Object,
    pub repetition: super::expansion::Repetition,
}

/// The state of one planning.
pub struct Work {
    pub evaluator: Evaluator,
    pub nodes: Nodes,
    pub kinds: Arc<Kinds>,
    pub sessions: Arc<Sessions>,
    pub stored: Stored,
    pub options: PlanOptions,
    pub base_dir: PathBuf,
    pub observer: Arc<dyn Observer>,
    pub targets: Targets,
    pub rollouts: Rollouts,
    pub pending: Vec<Pending>,
    pub poisoned: HashSet<NodeId>,
    /// Provider configurations that can be connected now.
    pub available: HashSet<String>,
    pub drafts: Vec<Draft>,
    pub visited: HashSet<Address>,
    pub moves: Vec<(Address, Address)>,
    pub drift: Vec<Drift>,
    pub refreshed: Vec<Refreshed>,
    pub data: Vec<DataRead>,
    pub unchanged: usize,
    pub diagnostics: Diagnostics,
    /// For `replace_triggered_by`: which attributes of which resources change.
    pub changed: HashMap<(ModuleId, ResourceId), BTreeSet<Name>>,
    /// Resource blocks that must be created before they are destroyed, since something that
    /// depends on them is.
    pub create_first: HashSet<NodeId>,
}

type Answer = (NodeId, Job, Option<Result<Seen, Fault>>);

/// Makes the plan. Returns what an apply on the spot goes on from, too.
pub async fn plan(planner: Planner) -> Result<(Plan, Evaluator, Nodes), Diagnostics> {
    let Planner { evaluator, nodes, kinds, sessions, mut stored, options, base_dir, observer, cancel } =
        planner;
    let mut moves = apply_moves(&evaluator, &mut stored.instances);
    rollout::adopt(&evaluator.tree, &mut stored, &mut moves)?;
    let targets = Targets::new(&options.targets, &nodes, &evaluator.tree)?;
    let mut work = Work {
        pending: vec![Pending::No; nodes.dag.len()],
        create_first: providers::create_first(&nodes, &evaluator.tree),
        evaluator,
        nodes,
        kinds,
        sessions,
        stored,
        options,
        base_dir,
        observer,
        targets,
        rollouts: Rollouts::default(),
        poisoned: HashSet::new(),
        available: HashSet::new(),
        drafts: Vec::new(),
        visited: HashSet::new(),
        moves,
        drift: Vec::new(),
        refreshed: Vec::new(),
        data: Vec::new(),
        unchanged: 0,
        diagnostics: Diagnostics::new(),
        changed: HashMap::new(),
    };
    for (address, connection) in &work.stored.connections {
        work.sessions.declare(address, connection.clone());
    }
    match work.options.mode {
        PlanMode::Normal | PlanMode::Rehearse => work.walk(&cancel).await?,
        PlanMode::Destroy | PlanMode::Recorded => {}
    }
    work.unwanted(&cancel).await?;
    if work.diagnostics.has_errors() {
        return Err(work.diagnostics.sorted());
    }
    work.finish()
}

impl Work {
    async fn walk(&mut self, cancel: &CancellationToken) -> Result<(), Diagnostics> {
        let limit = Arc::new(Semaphore::new(self.options.parallelism.max(1)));
        let sessions = self.sessions.clone();
        let (mut queue, mut ready) = Ready::new(&self.nodes.dag);
        let mut asked = FuturesUnordered::new();
        let mut waiting: HashMap<NodeId, (usize, Vec<Answer>)> = HashMap::new();
        loop {
            while let Some(id) = ready.pop() {
                let jobs = self.visit(id);
                let questions: Vec<(Job, Option<Look>)> =
                    jobs.into_iter().map(|job| self.question(id, job)).collect();
                let mut answers = Vec::new();
                let mut open = 0;
                for (job, question) in questions {
                    let Some(question) = question else {
                        answers.push((id, job, None));
                        continue;
                    };
                    open += 1;
                    let (sessions, limit, observer) =
                        (sessions.clone(), limit.clone(), self.observer.clone());
                    asked.push(async move {
                        let answer = watched(
                            &*observer,
                            &job.address,
                            Activity::Refresh,
                            look(&question, &sessions, &limit),
                        )
                        .await;
                        (id, job, Some(answer))
                    });
                }
                if open > 0 {
                    waiting.insert(id, (open, answers));
                    continue;
                }
                self.settle(id, answers);
                queue.done(&self.nodes.dag, id, &mut ready);
            }
            let answer = tokio::select! {
                answer = asked.next() => answer,
                () = cancel.cancelled() => return Err(interrupted()),
            };
            let Some(answer) = answer else { return Ok(()) };
            let id = answer.0;
            let (open, answers) = waiting.get_mut(&id).expect("a node with open questions waits");
            answers.push(answer);
            *open -= 1;
            if *open == 0 {
                let (_, answers) = waiting.remove(&id).expect("it was just there");
                self.settle(id, answers);
                queue.done(&self.nodes.dag, id, &mut ready);
            }
        }
    }

    /// Evaluates a node. For a resource block: its instances, whose providers are to be asked.
    fn visit(&mut self, id: NodeId) -> Vec<Job> {
        if self.nodes.dag.dependencies(id).any(|d| self.poisoned.contains(&d)) {
            self.poisoned.insert(id);
            return Vec::new();
        }
        self.pending[id.index()] =
            self.nodes.dag.dependencies(id).map(|d| self.pending[d.index()]).max().unwrap_or_default();
        let node = self.nodes.dag.node(id).clone();
        let result = match &node {
            Node::Variable(tree, name) => self.each_module(*tree, |work, module| {
                let variable = work.evaluator.tree.module(*tree).variables[name].clone();
                work.evaluator.variable(module, name)?;
                let scope = work.evaluator.scope(module);
                let what = format!("the value of variable \"{name}\" is not allowed");
                errors_or_ok(conditions::check(&variable.validations, 1420, &what, &scope))
            }),
            Node::Local(tree, name) => {
                self.each_module(*tree, |work, module| work.evaluator.local(module, name).map(drop))
            }
            Node::Output(tree, name) => self.each_module(*tree, |work, module| {
                let output = work.evaluator.tree.module(*tree).outputs[name].clone();
                let scope = work.evaluator.scope(module);
                let what = format!("a precondition of output \"{name}\" does not hold");
                errors_or_ok(conditions::check(&output.preconditions, 2011, &what, &scope))?;
                work.evaluator.output(module, name).map(drop)
            }),
            Node::Call(tree) => match self.evaluator.tree.call(*tree).and_then(|c| c.rollout.as_ref()) {
                Some(_) => self.expand_rollout(*tree),
                None => self.evaluator.expand_call(*tree),
            },
            Node::Provider(place) => self.visit_provider(id, place),
            Node::Resource(tree, resource) => match self.visit_resource(*tree, resource) {
                Ok(jobs) => return jobs,
                Err(diagnostics) => Err(diagnostics),
            },
        };
        if let Err(diagnostics) = result {
            self.diagnostics.extend(diagnostics);
            self.poisoned.insert(id);
        }
        Vec::new()
    }

    fn each_module(
        &mut self,
        tree: usize,
        visit: impl Fn(&Self, ModuleId) -> Result<(), Diagnostics>,
    ) -> Result<(), Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        for &module in self.evaluator.instances(tree) {
            if let Err(errors) = visit(self, module) {
                diagnostics.extend(errors);
            }
        }
        errors_or_ok(diagnostics)
    }

    /// What is to be asked about an instance; none where nothing outside has to be known.
    fn question(&self, id: NodeId, job: Job) -> (Job, Option<Look>) {
        let mode = job.address.resource.mode;
        let kind = self.kinds.get(mode, &job.address.resource.kind).expect("unknown kinds were reported");
        let asks = !kind.schema.is_value
            && self.available.contains(&job.provider)
            && self.targets.includes(id)
            && match job.address.is_data() {
                true => job.config.is_wholly_known() && !self.is_deferred_data(id),
                false => true,
            };
        if !asks {
            return (job, None);
        }
        let stored = self.stored.instances.get(&job.address).filter(|_| self.options.refresh);
        let look = Look {
            kind: job.address.resource.kind.to_string(),
            mode,
            provider: job.provider.clone(),
            call: self.call(&job.address),
            config: job.config.clone(),
            stored: stored.map(|s| s.attributes.clone()),
        };
        (job, Some(look))
    }

    pub fn call(&self, address: &Address) -> Call {
        Call {
            address: address.to_string().into(),
            token: "".into(),
            base_dir: self.base_dir.clone(),
            events: super::watch::relay(self.observer.clone(), address),
            cancel: CancellationToken::new(),
            read_only: None,
        }
    }

    /// Data sources wait for the apply where `depends_on` names something that is going to change.
    fn is_deferred_data(&self, id: NodeId) -> bool {
        let explicit = self.nodes.explicit.get(&id).into_iter().flatten();
        explicit.into_iter().any(|d| self.pending[d.index()] != Pending::No)
    }

    /// Decides about all instances of a resource node, in the order of their keys.
    fn settle(&mut self, id: NodeId, mut answers: Vec<Answer>) {
        answers.sort_by(|(_, a, _), (_, b, _)| a.address.cmp(&b.address));
        let mut pending = match self.nodes.dag.node(id) {
            Node::Resource(..) => Pending::No,
            _ => return,
        };
        for (_, job, seen) in answers {
            match self.decide(id, job, seen) {
                Ok(own) => pending = pending.max(own),
                Err(diagnostics) => {
                    self.diagnostics.extend(diagnostics);
                    self.poisoned.insert(id);
                }
            }
        }
        self.pending[id.index()] = pending;
    }

    fn finish(mut self) -> Result<(Plan, Evaluator, Nodes), Diagnostics> {
        self.rollout_steps()?;
        let outputs = match self.options.mode {
            PlanMode::Normal => self.output_changes()?,
            PlanMode::Rehearse | PlanMode::Recorded => Vec::new(),
            PlanMode::Destroy => self
                .stored
                .outputs
                .iter()
                .map(|(name, value)| OutputChange {
                    name: name.clone(),
                    before: value.clone(),
                    after: Value::Null,
                    sensitive: value.contains_sensitive(),
                })
                .collect(),
        };
        let links = Links::new(&self.nodes, &self.evaluator.tree, stored_dependencies(&self.stored));
        let (mut steps, joins) = order_steps(std::mem::take(&mut self.drafts), &links, &self.options.nonce)?;
        let refusals = self.rehearsed(&mut steps, &joins);
        self.drift.sort_by(|a, b| a.address.cmp(&b.address));
        self.refreshed.sort_by(|a, b| a.address.cmp(&b.address));
        self.data.sort_by(|a, b| a.address.cmp(&b.address));
        let plan = Plan {
            base: super::model::Base {
                lineage: self.stored.lineage.clone(),
                serial: self.stored.serial,
                configuration: String::new(),
            },
            mode: self.options.mode,
            steps,
            joins,
            moves: self.moves,
            drift: self.drift,
            refreshed: self.refreshed,
            data: self.data,
            outputs,
            unchanged: self.unchanged,
            warnings: self.diagnostics.sorted(),
            rollouts: self.rollouts.plans.into_values().collect(),
            refusals,
            variables: self.evaluator.inputs.clone(),
            time: self.evaluator.time.clone(),
        };
        Ok((plan, self.evaluator, self.nodes))
    }

    fn output_changes(&self) -> Result<Vec<OutputChange>, Diagnostics> {
        if !self.options.targets.is_empty() {
            return Ok(Vec::new());
        }
        let mut changes = Vec::new();
        let declared = &self.evaluator.tree.module(Tree::ROOT).outputs;
        for (name, output) in declared {
            let after = self.evaluator.output(0, name)?;
            let before = self.stored.outputs.get(name).cloned().unwrap_or(Value::Null);
            let sensitive = output.sensitive || before.contains_sensitive();
            if !before.same(&after) || !self.stored.outputs.contains_key(name) {
                changes.push(OutputChange { name: name.clone(), before, after, sensitive });
            }
        }
        for (name, before) in self.stored.outputs.iter().filter(|(name, _)| !declared.contains_key(*name)) {
            let sensitive = before.contains_sensitive();
            changes.push(OutputChange {
                name: name.clone(),
                before: before.clone(),
                after: Value::Null,
                sensitive,
            });
        }
        Ok(changes)
    }
}

/// By resource, without instance keys: what it depends on.
pub fn stored_dependencies(stored: &Stored) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let instances = stored.instances.iter();
    let deposed = stored.deposed.iter().map(|d| (&d.address, &d.instance));
    for (address, instance) in instances.chain(deposed) {
        if instance.dependencies.is_empty() {
            continue;
        }
        let key = super::order::resource_key(address);
        all.entry(key).or_default().extend(instance.dependencies.iter().cloned());
    }
    all
}

fn errors_or_ok(diagnostics: Diagnostics) -> Result<(), Diagnostics> {
    if diagnostics.is_empty() { Ok(()) } else { Err(diagnostics) }
}

pub fn interrupted() -> Diagnostics {
    Diagnostic::error(2090, "planning was interrupted").detail("Nothing was changed.").into()
}

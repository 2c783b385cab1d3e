use std::collections::BTreeMap;

use mprov_sdk::{Diagnostics, Name, Value};
use mprov_state::{Locked, State};

use super::{Workspace, stored, told};
use crate::config::Configuration;
use crate::plan::{
    Evaluator, Kinds, Nodes, Plan, PlanMode, PlanOptions, Planner, Resolver, SavedPlan, Sessions, Stored,
    Tree, check_bodies, plan,
};

/// What the user asks a plan for.
#[derive(Clone, Debug)]
pub struct Ask {
    pub mode: PlanMode,
    pub targets: Vec<String>,
    /// The module that is rehearsed.
    pub rehearse: Option<String>,
    pub refresh: bool,
    /// Values of the root module's variables, converted and marked.
    pub variables: BTreeMap<Name, Value>,
}

/// A plan with what an apply on the spot goes on from.
pub struct Planning {
    pub plan: Plan,
    pub(super) resolver: Resolver,
    pub(super) sessions: std::sync::Arc<Sessions>,
    pub(super) stored: Stored,
    pub(super) targets: Vec<String>,
}

impl Workspace {
    /// Checks everything that needs neither the world nor the state.
    pub fn validate(&self, configuration: &Configuration) -> Result<(), Diagnostics> {
        self.checked(configuration).map(drop)
    }

    /// The tree and the graph of a configuration that fits the schemas.
    fn checked(&self, configuration: &Configuration) -> Result<(Tree, Nodes), Diagnostics> {
        let tree = Tree::new(configuration);
        let mut found = check_bodies(&tree, &self.kinds);
        match Nodes::new(&tree, &self.kinds) {
            Ok(nodes) if !found.has_errors() => return Ok((tree, nodes)),
            Ok(_) => {}
            Err(further) => found.extend(further),
        }
        Err(found.sorted())
    }

    /// Makes a plan. The lock is held, so that no apply runs meanwhile, and an interrupted one has
    /// been recovered.
    pub async fn plan(
        &self,
        _locked: &Locked,
        configuration: &Configuration,
        ask: Ask,
    ) -> Result<Planning, Diagnostics> {
        let (tree, nodes) = self.checked(configuration)?;
        let state = self.store.state().map_err(told)?;
        let stored = stored(state.as_ref(), &self.kinds, self.store.keys()).map_err(told)?;
        let sessions = std::sync::Arc::new(Sessions::new(self.kinds.clone()));
        let evaluator = self.evaluator(tree, &ask.variables, &self.surroundings.now);
        let planner = Planner {
            evaluator,
            nodes,
            kinds: self.kinds.clone(),
            sessions: sessions.clone(),
            stored: stored.clone(),
            options: PlanOptions {
                mode: ask.mode,
                targets: ask.targets.clone(),
                rehearse: ask.rehearse.clone(),
                refresh: ask.refresh,
                parallelism: self.surroundings.parallelism,
                nonce: self.surroundings.nonce.clone(),
            },
            base_dir: self.surroundings.dir.clone(),
            observer: self.surroundings.observer.clone(),
            cancel: self.surroundings.stop.gently.clone(),
        };
        let (mut made, evaluator, nodes) = plan(planner).await?;
        made.base.configuration = digest(configuration);
        let resolver = Resolver::new(
            evaluator,
            &nodes,
            self.kinds.clone(),
            !ask.targets.is_empty(),
            &self.surroundings.now,
        );
        Ok(Planning { plan: made, resolver, sessions, stored, targets: ask.targets })
    }

    /// Makes a plan from what is recorded alone.
    pub fn plan_recorded(
        &self,
        _locked: &Locked,
        make: impl FnOnce(&Stored, &Kinds, &str) -> Result<Plan, Diagnostics>,
    ) -> Result<Planning, Diagnostics> {
        let state = self.store.state().map_err(told)?;
        let stored = stored(state.as_ref(), &self.kinds, self.store.keys()).map_err(told)?;
        let mut plan = make(&stored, &self.kinds, &self.surroundings.nonce)?;
        plan.time.clone_from(&self.surroundings.now);
        let tree = Tree::new(&Configuration::default());
        let nodes = Nodes::new(&tree, &self.kinds)?;
        let evaluator = self.evaluator(tree, &BTreeMap::new(), &self.surroundings.now);
        let sessions = std::sync::Arc::new(Sessions::new(self.kinds.clone()));
        for (address, connection) in &stored.connections {
            sessions.declare(address, connection.clone());
        }
        let resolver = Resolver::new(evaluator, &nodes, self.kinds.clone(), true, &self.surroundings.now);
        Ok(Planning { plan, resolver, sessions, stored, targets: Vec::new() })
    }

    /// Goes on from a saved plan.
    ///
    /// # Errors
    /// The state is not the one that the plan was made from.
    pub fn restore(&self, saved: SavedPlan, configuration: &Configuration) -> Result<Planning, Diagnostics> {
        let state = self.store.state().map_err(told)?;
        refuse_stale(&saved.plan, state.as_ref())?;
        let stored = stored(state.as_ref(), &self.kinds, self.store.keys()).map_err(told)?;
        let tree = Tree::new(configuration);
        let nodes = Nodes::new(&tree, &self.kinds)?;
        let evaluator = self.evaluator(tree, &saved.plan.variables, &saved.plan.time);
        let sessions = std::sync::Arc::new(Sessions::new(self.kinds.clone()));
        for (address, connection) in &stored.connections {
            sessions.declare(address, connection.clone());
        }
        let targeted = !saved.targets.is_empty();
        let resolver = Resolver::restore(
            evaluator,
            &nodes,
            self.kinds.clone(),
            &saved.plan,
            &stored,
            targeted,
            &self.surroundings.now,
        )?;
        Ok(Planning { plan: saved.plan, resolver, sessions, stored, targets: saved.targets })
    }

    fn evaluator(&self, tree: Tree, variables: &BTreeMap<Name, Value>, time: &str) -> Evaluator {
        Evaluator::new(tree, variables.clone(), self.surroundings.dir.clone(), time.to_owned())
    }
}

impl Planning {
    /// The plan as it is written to a file.
    pub fn save(self, files: Vec<(std::path::PathBuf, String)>) -> SavedPlan {
        SavedPlan { plan: self.plan, files, targets: self.targets }
    }
}

/// Of all texts of a configuration.
pub fn digest(configuration: &Configuration) -> String {
    let mut hasher = blake3::Hasher::new();
    for (_, file) in configuration.sources.iter() {
        for part in [file.name.to_string_lossy().as_bytes(), file.text.as_bytes()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

fn refuse_stale(plan: &Plan, state: Option<&State>) -> Result<(), Diagnostics> {
    let (lineage, serial) = match state {
        Some(state) => (Some(state.lineage.clone()), state.serial),
        None => (None, 0),
    };
    if plan.base.lineage == lineage && plan.base.serial == serial {
        return Ok(());
    }
    let what = match (&plan.base.lineage, &lineage) {
        (Some(a), Some(b)) if a != b => "it is the plan of another state".to_owned(),
        _ => format!("it was made from serial {}, and the state now has serial {serial}", plan.base.serial),
    };
    Err(mprov_sdk::Diagnostic::error(2060, "this plan is stale")
        .detail(format!("The state has changed since: {what}. Nothing was done. Make the plan again."))
        .into())
}

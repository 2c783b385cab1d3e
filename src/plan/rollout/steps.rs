use std::collections::HashSet;

use mprov_sdk::{Address, Change, Diagnostics, Impact, Mode, Object, PlanRequest, Schema, Value, Verdict};
use mprov_state::Role;

use super::StoredGeneration;
use super::turn::Turn;
use crate::graph::NodeId;
use crate::plan::decide::delete_undo;
use crate::plan::draft::Draft;
use crate::plan::kinds::Kinds;
use crate::plan::model::{Action, Replacement};
use crate::plan::nodes::{Node, Nodes};
use crate::plan::planner::Work;
use crate::plan::stored::Stored;
use crate::plan::tree::{Tree, TreeId};

/// What a step is in a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It makes the new generation.
    Made {
        /// It reads the generation before, so it waits until nobody writes to that.
        clones: bool,
        /// It waits until users are switched.
        after_switch: bool,
    },
    /// It keeps users out.
    Freeze,
    /// It brings another generation into its role before users are switched.
    Role(Direction),
    /// The same afterwards.
    RoleAfter(Direction),
    /// It stands outside of the module and depends on it.
    Outside {
        /// It lets users in.
        switch: bool,
    },
    /// It takes a generation away.
    Pruned,
}

/// Which way a generation goes with its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Into service: what others depend on comes first.
    Up,
    /// To rest: what depends on others comes first.
    Down,
}

impl Direction {
    pub fn of(role: Role) -> Self {
        match role {
            Role::Previous => Self::Down,
            Role::Live | Role::Staging => Self::Up,
        }
    }
}

impl Part {
    /// Whether it is done together with the switch or not at all.
    pub fn is_atomic(self) -> bool {
        match self {
            Self::Made { after_switch, .. } => !after_switch,
            Self::Freeze | Self::Role(_) => true,
            Self::Outside { switch } => switch,
            Self::RoleAfter(_) | Self::Pruned => false,
        }
    }

    /// Whether it is made only when users have been switched.
    pub fn waits_for_users(self) -> bool {
        matches!(self, Self::Made { after_switch: true, .. })
    }

    /// Whether its order follows from what is recorded alone.
    pub fn is_apart(self) -> bool {
        matches!(self, Self::Freeze | Self::Role(_) | Self::RoleAfter(_))
    }
}

impl Work {
    /// Adds the steps that rollouts need beside those of the configuration, and says what each of
    /// those is in them.
    pub fn rollout_steps(&mut self) -> Result<(), Diagnostics> {
        for plan in self.rollouts.plans.values().cloned().collect::<Vec<_>>() {
            let stored = self.stored.rollouts.get(&plan.module).cloned().unwrap_or_default();
            let module = plan.module.clone();
            let Some(tree) = self.rollout_tree(&module) else { continue };
            let outside = dependents(&self.nodes, &self.evaluator.tree, tree);
            let clones = clones(&self.nodes);
            self.note_outside(&module, &outside);
            for generation in &stored.generations {
                let settled = plan.turn.evaluated() == Some(&generation.id)
                    || plan.turn.from() == Some(&generation.id)
                    || plan.prune.iter().any(|p| *p == *generation.id);
                if !settled {
                    let drafts = role_steps(&self.kinds, &self.stored, generation, generation.role);
                    self.add_apart(drafts, &module, Part::RoleAfter(Direction::of(generation.role)));
                }
            }
            self.mark_pruned(&module);
            let (from, id) = match &plan.turn {
                Turn::CutOver { from, to, .. } => (Some(from.clone()), to.clone()),
                Turn::Rehearse { to, .. } => (None, to.clone()),
                _ => continue,
            };
            self.mark_made(&module, &id, &clones);
            let Some(from) = from.and_then(|from| stored.get(&from).cloned()) else { continue };
            self.mark_outside(&module, &outside);
            self.add_freezes(&module, &outside);
            let mut drafts = role_steps(&self.kinds, &self.stored, &from, Role::Previous);
            // What goes with the whole generation goes once.
            if plan.prune.iter().any(|p| *p == *from.id) {
                let gone: HashSet<Address> = drafts
                    .iter()
                    .filter(|d| d.step.action == Action::Delete)
                    .map(|d| d.step.address.clone())
                    .collect();
                self.drafts.retain(|d| {
                    !(matches!(d.part, Some((_, Part::Pruned))) && gone.contains(&d.step.address))
                });
            }
            drafts.retain(|d| d.step.action != Action::Create);
            self.add_apart(drafts, &module, Part::Role(Direction::Down));
        }
        for draft in &mut self.drafts {
            if let Some((_, part)) = &draft.part {
                draft.step.atomic = part.is_atomic();
            }
        }
        Ok(())
    }

    /// The tree's module of a rollout's address.
    pub fn rollout_tree(&self, module: &str) -> Option<TreeId> {
        let evaluated = |id: &TreeId| {
            let instances = self.evaluator.instances(*id);
            instances.iter().any(|i| {
                let path = &self.evaluator.modules[*i].path;
                path.0.split_last().is_some_and(|(last, outer)| {
                    let outer = mprov_sdk::ModulePath(outer.into());
                    outer.child(last.name.clone(), mprov_sdk::InstanceKey::None).to_string() == module
                })
            })
        };
        self.evaluator.tree.ids().find(evaluated)
    }

    fn add_apart(&mut self, drafts: Vec<Draft>, module: &str, part: Part) {
        self.drafts.extend(drafts.into_iter().map(|d| d.part(module, part)));
    }

    /// Remembers what lets users in, for the way back.
    fn note_outside(&mut self, module: &str, outside: &HashSet<NodeId>) {
        let addresses: Vec<String> = self
            .visited
            .iter()
            .filter(|a| self.node_of(a).is_some_and(|n| outside.contains(&n)) && self.freezes_by(a).is_some())
            .map(Address::to_string)
            .collect();
        if let Some(plan) = self.rollouts.plans.get_mut(module) {
            plan.outside = addresses;
            plan.outside.sort();
        }
    }

    fn freezes_by(&self, address: &Address) -> Option<&'static str> {
        self.kinds.get(address.resource.mode, &address.resource.kind)?.schema.freezes_by
    }

    fn mark_pruned(&mut self, module: &str) {
        for index in 0..self.drafts.len() {
            let step = &self.drafts[index].step;
            if step.action == Action::Delete
                && self.rollouts.prunes(&step.address)
                && self.rollouts.place(&step.address).is_some_and(|(plan, _)| plan.module == module)
            {
                self.drafts[index].part = Some((module.to_owned(), Part::Pruned));
            }
        }
    }

    fn mark_made(&mut self, module: &str, id: &str, clones: &HashSet<NodeId>) {
        for index in 0..self.drafts.len() {
            let draft = &self.drafts[index];
            let is_made = draft.step.action != Action::Delete
                && self
                    .rollouts
                    .place(&draft.step.address)
                    .is_some_and(|(plan, generation)| plan.module == module && generation == id);
            if is_made {
                let after_switch = draft.node.is_some_and(|n| self.is_after_switch(n));
                let clones = draft.node.is_some_and(|n| clones.contains(&n));
                self.drafts[index].part = Some((module.to_owned(), Part::Made { clones, after_switch }));
            }
        }
    }

    fn is_after_switch(&self, node: NodeId) -> bool {
        match self.nodes.dag.node(node) {
            Node::Resource(tree, id) => {
                self.evaluator.tree.module(*tree).resources[id].lifecycle.after_switch
            }
            _ => false,
        }
    }

    fn mark_outside(&mut self, module: &str, outside: &HashSet<NodeId>) {
        for index in 0..self.drafts.len() {
            let draft = &self.drafts[index];
            let depends = draft.node.is_some_and(|n| outside.contains(&n));
            if draft.part.is_none() && depends && draft.step.action != Action::Delete {
                let switch = self.freezes_by(&draft.step.address).is_some();
                self.drafts[index].part = Some((module.to_owned(), Part::Outside { switch }));
            }
        }
    }

    /// Two steps for each thing that lets users in: it keeps them out, and lets them in again.
    fn add_freezes(&mut self, module: &str, outside: &HashSet<NodeId>) {
        let gates: Vec<Address> = self
            .visited
            .iter()
            .filter(|a| self.node_of(a).is_some_and(|n| outside.contains(&n)))
            .filter(|a| self.freezes_by(a).is_some() && self.stored.instances.contains_key(*a))
            .cloned()
            .collect();
        for address in gates {
            let attribute = self.freezes_by(&address).expect("it was filtered by it");
            let stored = self.stored.instances[&address].clone();
            let main = self.drafts.iter().position(|d| {
                d.step.address == address && d.step.action == Action::Update && d.step.replacement.is_none()
            });
            let open = main
                .and_then(|main| self.drafts[main].step.before.clone())
                .unwrap_or_else(|| stored.attributes.clone());
            let frozen = open.clone().with(attribute, true);
            let change = |before: bool, after: Value| Change {
                name: attribute.into(),
                before: before.into(),
                after,
                replaces: false,
            };
            let new = || {
                let node = self.node_of(&address);
                let mut draft = Draft::new(address.clone(), Action::Update, stored.provider.clone(), node);
                draft.step.dependencies.clone_from(&stored.dependencies);
                draft.step.create_before_destroy = stored.create_before_destroy;
                draft.step.prevent_destroy = stored.prevent_destroy;
                draft
            };
            let freeze = new()
                .before(Some(open.clone()))
                .after(frozen.clone())
                .changes(vec![change(false, true.into())])
                .part(module, Part::Freeze);
            match main {
                Some(main) => {
                    let step = &mut self.drafts[main].step;
                    step.before = Some(frozen);
                    step.changes.retain(|c| &*c.name != attribute);
                    let after = step.after.as_ref().map_or(false.into(), |a| a[attribute].clone());
                    step.changes.push(change(true, after));
                }
                None => {
                    let thaw = new()
                        .before(Some(frozen))
                        .after(open)
                        .changes(vec![change(true, false.into())])
                        .part(module, Part::Outside { switch: true });
                    self.drafts.push(thaw);
                }
            }
            self.drafts.push(freeze);
        }
    }
}

/// The steps that bring a generation into a role, from what is recorded alone. What users notice of
/// them is part of the switch.
pub fn role_steps(kinds: &Kinds, stored: &Stored, generation: &StoredGeneration, role: Role) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (address, in_role) in generation.roles.get(&role).into_iter().flatten() {
        let now = stored.instances.get(address);
        let Some(kind) = kinds.get(Mode::Managed, &address.resource.kind) else { continue };
        let new = |action, of: &crate::plan::StoredInstance| {
            let mut draft = Draft::new(address.clone(), action, of.provider.clone(), None);
            draft.step.dependencies.clone_from(&of.dependencies);
            draft.step.create_before_destroy = of.create_before_destroy;
            draft.step.prevent_destroy = of.prevent_destroy;
            draft
        };
        let plan = |config: &Object, prior: Option<&Object>| {
            let request = PlanRequest { config, stored: prior, observed: prior };
            kind.provider.plan(&address.resource.kind, &request)
        };
        match (now, &in_role.instance) {
            (None, None) => {}
            (Some(now), None) => drafts.push(
                new(Action::Delete, now)
                    .before(Some(now.attributes.clone()))
                    .impact(gone_impact(&kind.schema, generation))
                    .undo(delete_undo(&kind.schema)),
            ),
            (None, Some(wanted)) => {
                let planned = plan(&wanted.attributes, None);
                drafts.push(new(Action::Create, wanted).after(planned.after));
            }
            (Some(now), Some(wanted)) => {
                let planned = plan(&wanted.attributes, Some(&now.attributes));
                let update = || {
                    new(Action::Update, now)
                        .before(Some(now.attributes.clone()))
                        .after(planned.after.clone())
                        .changes(planned.changes.clone())
                };
                match planned.verdict {
                    Verdict::Nothing => {}
                    Verdict::Create | Verdict::Update => drafts.push(update()),
                    Verdict::Replace => {
                        let halves = [
                            new(Action::Delete, now)
                                .before(Some(now.attributes.clone()))
                                .undo(delete_undo(&kind.schema)),
                            new(Action::Create, wanted).after(planned.after.clone()),
                        ];
                        drafts.extend(halves.map(|d| d.replacement(Replacement::DeleteFirst)));
                    }
                }
            }
        }
    }
    drafts
}

/// What users notice when a generation is taken away that they do not work on: that nothing of what
/// was written to it can be brought back, if they ever worked on it.
pub fn gone_impact(schema: &Schema, generation: &StoredGeneration) -> Impact {
    match schema.holds_data.filter(|_| generation.switched.is_some()) {
        Some(what) => Impact::data_lost(format!("{what} of {}", generation.id)),
        None => Impact::default(),
    }
}

/// Resource nodes outside of the module that depend on it, through anything.
fn dependents(nodes: &Nodes, tree: &Tree, module: TreeId) -> HashSet<NodeId> {
    let inside = |node: &Node| match node {
        Node::Variable(t, _) | Node::Local(t, _) | Node::Output(t, _) | Node::Resource(t, _) => {
            tree.is_within(*t, module)
        }
        Node::Call(t) => tree.is_within(*t, module),
        Node::Provider(place) => tree.is_within(place.tree, module),
    };
    let mut touches = vec![false; nodes.dag.len()];
    let mut found = HashSet::new();
    for &id in &nodes.order {
        let node = nodes.dag.node(id);
        if inside(node) {
            touches[id.index()] = true;
            continue;
        }
        touches[id.index()] = nodes.dag.dependencies(id).any(|d| touches[d.index()]);
        if touches[id.index()] && matches!(node, Node::Resource(..)) {
            found.insert(id);
        }
    }
    found
}

/// Resource nodes that read the generation before, themselves or through locals and the like.
fn clones(nodes: &Nodes) -> HashSet<NodeId> {
    let mut reads = vec![false; nodes.dag.len()];
    let mut found = HashSet::new();
    for &id in &nodes.order {
        let through = |d: NodeId| !matches!(nodes.dag.node(d), Node::Resource(..)) && reads[d.index()];
        reads[id.index()] = nodes.reads_previous.contains(&id) || nodes.dag.dependencies(id).any(through);
        if reads[id.index()] && matches!(nodes.dag.node(id), Node::Resource(..)) {
            found.insert(id);
        }
    }
    found
}

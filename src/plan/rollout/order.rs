use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::steps::{Direction, Part};
use super::turn::Phase;
use crate::plan::model::{Action, NodeIndex, Step};
use crate::plan::order::resource_key;

/// What each step is in a rollout; none for the others.
pub type Parts = [Option<(String, Part)>];

type Set = BTreeSet<NodeIndex>;

/// Adds the order of rollouts to the edges of a plan, and says in which phase each step happens.
///
/// prepare -> keep users out -> bring the old generation to rest -> clone and change -> switch ->
/// what waits for it. All that can be done before users notice is done before.
pub fn phases(steps: &mut [Step], needs: &mut [Set], joins: &[Vec<NodeIndex>], parts: &Parts) {
    let modules: BTreeSet<&String> = parts.iter().flatten().map(|(module, _)| module).collect();
    for module in modules {
        let of = |wanted: &dyn Fn(Part) -> bool| -> Set {
            let own = parts.iter().enumerate().filter_map(|(i, p)| Some((i, p.as_ref()?)));
            own.filter(|(_, (m, part))| m == module && wanted(*part)).map(|(i, _)| i as NodeIndex).collect()
        };
        let made = of(&|p| matches!(p, Part::Made { after_switch: false, .. }));
        let clones = of(&|p| matches!(p, Part::Made { clones: true, after_switch: false }));
        let after = of(&|p| matches!(p, Part::Made { after_switch: true, .. }));
        let freeze = of(&|p| p == Part::Freeze);
        let role = of(&|p| matches!(p, Part::Role(_)));
        let switch = of(&|p| p == Part::Outside { switch: true });
        let others = of(&|p| p == Part::Outside { switch: false });
        let pruned = of(&|p| p == Part::Pruned);
        let role_after = of(&|p| matches!(p, Part::RoleAfter(_)));
        let down = of(&|p| matches!(p, Part::Role(Direction::Down) | Part::RoleAfter(Direction::Down)));

        order_apart(steps, needs, &role, &down);
        order_apart(steps, needs, &role_after, &down);
        let graph = Graph { needs, joins };
        let changed = graph.downstream(&clones);
        let mut prepared = graph.upstream(&made);
        prepared.extend(&made);
        let prepared: Set = prepared.difference(&changed).copied().collect();
        let quiesce: Set = freeze.union(&role).copied().collect();
        let first = if freeze.is_empty() { &role } else { &freeze };

        let mut wait = |who: &Set, for_whom: &Set| {
            for step in who {
                let others = for_whom.iter().copied().filter(|o| o != step);
                needs[*step as usize].extend(others);
            }
        };
        if !made.is_empty() {
            wait(first, &prepared);
        }
        wait(&role, &freeze);
        wait(&clones, &quiesce);
        wait(&switch, &made);
        wait(&switch, &quiesce);
        let done = if switch.is_empty() { made.union(&role).copied().collect() } else { switch.clone() };
        for waiting in [&after, &others, &pruned, &role_after] {
            wait(waiting, &done);
        }

        let is_turn = !quiesce.is_empty() || !switch.is_empty() || !role_after.is_empty();
        let phase_of = |index: &NodeIndex| match () {
            () if quiesce.contains(index) && made.is_empty() => Some(Phase::Prepare),
            () if quiesce.contains(index) => Some(Phase::Quiesce),
            () if switch.contains(index) => Some(Phase::Switch),
            () if changed.contains(index) && made.contains(index) => Some(Phase::Change),
            () if prepared.contains(index) => Some(Phase::Prepare),
            () if [&after, &others, &pruned, &role_after].iter().any(|s| s.contains(index)) => {
                Some(Phase::After)
            }
            () => None,
        };
        if is_turn {
            for (index, step) in steps.iter_mut().enumerate() {
                step.phase = step.phase.or(phase_of(&(index as NodeIndex)));
            }
        }
    }
}

/// Steps whose order follows from what is recorded: what depends comes later, and goes earlier.
/// Where a generation goes to rest, it comes earlier in any case.
fn order_apart(steps: &[Step], needs: &mut [Set], own: &Set, down: &Set) {
    let mut by_key: HashMap<String, Vec<NodeIndex>> = HashMap::new();
    let mut dependencies: BTreeMap<String, BTreeSet<&String>> = BTreeMap::new();
    for index in own {
        let step = &steps[*index as usize];
        let key = resource_key(&step.address);
        dependencies.entry(key.clone()).or_default().extend(&step.dependencies);
        by_key.entry(key).or_default().push(*index);
    }
    for index in own {
        let step = &steps[*index as usize];
        let direct = dependencies.get(&resource_key(&step.address)).into_iter().flatten();
        for needed in direct.filter_map(|d| by_key.get(*d)).flatten() {
            let other = &steps[*needed as usize];
            let same = other.address.module() == step.address.module() && needed != index;
            if down.contains(index) {
                if same {
                    needs[*needed as usize].insert(*index);
                }
                continue;
            }
            match (step.action == Action::Delete, other.action == Action::Delete) {
                (false, false) if same => drop(needs[*index as usize].insert(*needed)),
                (true, true) if same => drop(needs[*needed as usize].insert(*index)),
                _ => {}
            }
        }
        // The halves of a replacement.
        let twin = own.iter().find(|o| {
            let other = &steps[**o as usize];
            other.address == step.address && other.action == Action::Delete
        });
        if step.action == Action::Create
            && let Some(delete) = twin
        {
            needs[*index as usize].insert(*delete);
        }
    }
}

struct Graph<'a> {
    needs: &'a [Set],
    joins: &'a [Vec<NodeIndex>],
}

impl Graph<'_> {
    fn needs_of(&self, node: NodeIndex) -> Vec<NodeIndex> {
        match self.needs.get(node as usize) {
            Some(needs) => needs.iter().copied().collect(),
            None => self.joins[node as usize - self.needs.len()].clone(),
        }
    }

    /// Steps that these need, through anything.
    fn upstream(&self, from: &Set) -> Set {
        let mut open: Vec<NodeIndex> = from.iter().flat_map(|n| self.needs_of(*n)).collect();
        let mut found = Set::new();
        while let Some(node) = open.pop() {
            if found.insert(node) {
                open.extend(self.needs_of(node));
            }
        }
        found.retain(|n| (*n as usize) < self.needs.len());
        found
    }

    /// These, and the steps that need them, through anything.
    fn downstream(&self, from: &Set) -> Set {
        let nodes = self.needs.len() + self.joins.len();
        let mut users: Vec<Vec<NodeIndex>> = vec![Vec::new(); nodes];
        for node in 0..nodes as NodeIndex {
            for need in self.needs_of(node) {
                users[need as usize].push(node);
            }
        }
        let mut open: Vec<NodeIndex> = from.iter().copied().collect();
        let mut found = Set::new();
        while let Some(node) = open.pop() {
            if found.insert(node) {
                open.extend(&users[node as usize]);
            }
        }
        found.retain(|n| (*n as usize) < self.needs.len());
        found
    }
}

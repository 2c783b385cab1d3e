use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::turn::{Phase, RolloutPlan, Turn};
use crate::graph::{Dag, NodeId};
use crate::plan::model::{NodeIndex, Step};

/// How long users cannot write: the longest way through the steps that happen meanwhile, as long as
/// the rehearsal took for each.
pub fn read_only(
    plan: &RolloutPlan,
    steps: &[Step],
    joins: &[Vec<NodeIndex>],
    durations: &BTreeMap<String, Duration>,
) -> Option<Duration> {
    let Turn::CutOver { to, .. } = &plan.turn else { return None };
    let mut dag: Dag<usize> = Dag::new();
    for node in 0..steps.len() + joins.len() {
        dag.add(node);
    }
    let needs = steps.iter().map(|s| &s.needs).chain(joins);
    for (node, needs) in needs.enumerate() {
        for need in needs {
            dag.depend(NodeId(node as u32), NodeId(*need));
        }
    }
    let order = dag.order().ok()?;
    let prefix = format!("{}[\"{to}\"].", plan.module);
    let mut ends: HashMap<usize, Duration> = HashMap::new();
    let mut longest = Duration::ZERO;
    for id in order {
        let index = id.index();
        let begin = dag.dependencies(id).filter_map(|d| ends.get(&d.index())).max().copied();
        let own = match steps.get(index) {
            Some(step) if step.phase.is_some_and(Phase::is_read_only) => {
                let address = step.address.to_string();
                let inside = address.strip_prefix(&prefix);
                inside.and_then(|inside| durations.get(inside)).copied().unwrap_or_default()
            }
            // What happens before is no part of it.
            Some(_) => continue,
            None => Duration::ZERO,
        };
        let end = begin.unwrap_or_default() + own;
        longest = longest.max(end);
        ends.insert(index, end);
    }
    Some(longest)
}

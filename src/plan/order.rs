use std::collections::{BTreeMap, BTreeSet, HashMap};

use mprov_sdk::{Address, Diagnostic, Diagnostics};

use super::draft::Draft;
use super::model::{Action, NodeIndex, Replacement, Step};
use super::nodes::{Node, Nodes, describe};
use super::rollout::{Part, phases};
use super::tree::Tree;
use crate::graph::{Dag, NodeId};

/// A resource's address without instance keys, also of its modules: what orders are kept between.
pub fn resource_key(address: &Address) -> String {
    let mut key = String::new();
    for step in address.resource.module.0.iter() {
        key.push_str("module.");
        key.push_str(&step.name);
        key.push('.');
    }
    if address.is_data() {
        key.push_str("data.");
    }
    key.push_str(&address.resource.kind);
    key.push('.');
    key.push_str(&address.resource.name);
    key
}

/// Which resource depends on which, in the configuration and in what is stored.
#[derive(Default)]
pub struct Links {
    /// Keys of the resources in the configuration, dependencies first.
    order: Vec<String>,
    by_node: HashMap<NodeId, String>,
    /// Direct dependencies in the configuration.
    wanted: BTreeMap<String, BTreeSet<String>>,
    /// Direct dependencies recorded by earlier applies.
    stored: BTreeMap<String, BTreeSet<String>>,
}

impl Links {
    pub fn new(nodes: &Nodes, tree: &Tree, stored: BTreeMap<String, BTreeSet<String>>) -> Self {
        let is_resource = |id: &NodeId| matches!(nodes.dag.node(*id), Node::Resource(..));
        let by_node: HashMap<NodeId, String> =
            nodes.dag.ids().filter(is_resource).map(|id| (id, describe(tree, nodes.dag.node(id)))).collect();
        let dependencies = nodes.resource_dependencies();
        let wanted = by_node
            .iter()
            .map(|(id, key)| {
                (key.clone(), dependencies[id.index()].iter().map(|d| by_node[d].clone()).collect())
            })
            .collect();
        let order = nodes.order.iter().filter_map(|id| by_node.get(id).cloned()).collect();
        Self { order, by_node, wanted, stored }
    }

    /// Without a configuration.
    pub fn of_stored(stored: BTreeMap<String, BTreeSet<String>>) -> Self {
        Self { stored, ..Self::default() }
    }

    /// What an instance of that block depends on, as it is to be recorded.
    pub fn dependencies(&self, node: NodeId) -> Vec<String> {
        self.by_node.get(&node).map(|key| self.wanted[key].iter().cloned().collect()).unwrap_or_default()
    }
}

/// Steps by the key of their resource.
#[derive(Default)]
struct ByKey {
    forward: HashMap<String, Vec<NodeIndex>>,
    deletes: HashMap<String, Vec<NodeIndex>>,
}

/// By step: what rollouts order otherwise than dependencies do.
struct Marks {
    /// Its order follows from what is recorded.
    apart: Vec<bool>,
    /// It waits for the switch, so nothing before that waits for it.
    late: Vec<bool>,
}

struct Edges {
    steps: usize,
    needs: Vec<BTreeSet<NodeIndex>>,
    joins: Vec<Vec<NodeIndex>>,
}

impl Edges {
    /// One node that is done when all of these are; none for none.
    fn join(&mut self, nodes: BTreeSet<NodeIndex>) -> Option<NodeIndex> {
        match nodes.len() {
            0 => None,
            1 => nodes.into_iter().next(),
            _ => {
                self.joins.push(nodes.into_iter().collect());
                Some((self.steps + self.joins.len() - 1) as NodeIndex)
            }
        }
    }
}

/// Sorts the steps by address and says what each needs.
pub fn order_steps(
    mut drafts: Vec<Draft>,
    links: &Links,
    nonce: &str,
) -> Result<(Vec<Step>, Vec<Vec<NodeIndex>>), Diagnostics> {
    drafts.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    for (index, draft) in drafts.iter_mut().enumerate() {
        draft.step.token = token(nonce, &draft.step, index);
        if draft.step.action != Action::Delete
            && !draft.part.as_ref().is_some_and(|(_, part)| part.is_apart())
            && let Some(node) = draft.node
        {
            draft.step.dependencies = links.dependencies(node);
        }
    }
    let parts: Vec<_> = drafts.iter_mut().map(|d| d.part.take()).collect();
    let marks = Marks {
        apart: parts.iter().map(|p| p.as_ref().is_some_and(|(_, p)| p.is_apart())).collect(),
        late: parts.iter().map(|p| p.as_ref().is_some_and(|(_, p)| p.waits_for_users())).collect(),
    };
    let mut steps: Vec<Step> = drafts.into_iter().map(|d| d.step).collect();
    let mut ordered = |courteous| {
        let mut edges = build(&steps, &marks, links, courteous)?;
        phases(&mut steps, &mut edges.needs, &edges.joins, &parts);
        Ok::<_, Diagnostics>(acyclic(edges))
    };
    let edges = match ordered(true)? {
        Ok(edges) => edges,
        // Taking users off a thing before it goes is a courtesy; where it would go in a circle
        // with a replacement, the order of the dependencies alone decides.
        Err(_) => match ordered(false)? {
            Ok(edges) => edges,
            Err(cycle) => return Err(circle(&steps, &cycle)),
        },
    };
    let steps = steps
        .into_iter()
        .zip(edges.needs)
        .map(|(step, needs)| Step { needs: needs.into_iter().collect(), ..step })
        .collect();
    Ok((steps, edges.joins))
}

/// The step that keeps users out comes before the one that lets them in.
fn sort_key(draft: &Draft) -> (&Address, bool, u8, &Option<String>) {
    let step = &draft.step;
    let delete_first = step.replacement != Some(Replacement::CreateFirst);
    let rank = match (step.action == Action::Delete, delete_first) {
        (true, true) => 0,
        (false, _) => 1,
        (true, false) => 2,
    };
    let freezes = matches!(draft.part, Some((_, Part::Freeze)));
    (&step.address, !freezes, rank, &step.deposed)
}

fn token(nonce: &str, step: &Step, index: usize) -> String {
    let text = format!("{nonce}\n{}\n{index}", step.address);
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}

fn build(steps: &[Step], marks: &Marks, links: &Links, courteous: bool) -> Result<Edges, Diagnostics> {
    let mut by_key = ByKey::default();
    let keys: Vec<String> = steps.iter().map(|s| resource_key(&s.address)).collect();
    for (index, step) in steps.iter().enumerate().filter(|(index, _)| !marks.apart[*index]) {
        let map = if step.action == Action::Delete { &mut by_key.deletes } else { &mut by_key.forward };
        map.entry(keys[index].clone()).or_default().push(index as NodeIndex);
    }
    let mut edges =
        Edges { steps: steps.len(), needs: vec![BTreeSet::new(); steps.len()], joins: Vec::new() };
    forward_edges(links, &by_key, &marks.late, &mut edges);
    if !by_key.deletes.is_empty() {
        delete_edges(steps, links, &by_key, courteous, &mut edges)?;
        replacement_edges(steps, &marks.apart, &keys, links, &by_key, &mut edges);
    }
    Ok(edges)
}

/// Creates, updates and reads wait for those of what they depend on, through blocks without steps.
fn forward_edges(links: &Links, by_key: &ByKey, late: &[bool], edges: &mut Edges) {
    let mut done: HashMap<&str, NodeIndex> = HashMap::new();
    for key in &links.order {
        let upstream: BTreeSet<NodeIndex> =
            links.wanted[key].iter().filter_map(|d| done.get(d.as_str()).copied()).collect();
        let own = by_key.forward.get(key).map(Vec::as_slice).unwrap_or_default();
        if own.is_empty() {
            done.extend(edges.join(upstream).map(|node| (key.as_str(), node)));
            continue;
        }
        let upstream = if own.len() > 1 { edges.join(upstream).into_iter().collect() } else { upstream };
        for step in own {
            edges.needs[*step as usize].extend(upstream.iter().copied());
        }
        let awaited = own.iter().copied().filter(|step| !late[*step as usize]).collect();
        done.extend(edges.join(awaited).map(|node| (key.as_str(), node)));
    }
}

/// Deletes wait for the deletes of what depends on them.
fn delete_edges(
    steps: &[Step],
    links: &Links,
    by_key: &ByKey,
    courteous: bool,
    edges: &mut Edges,
) -> Result<(), Diagnostics> {
    let mut dependents: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut dag: Dag<&str> = Dag::new();
    let mut ids: HashMap<&str, NodeId> = HashMap::new();
    let all = links.stored.iter().flat_map(|(k, deps)| deps.iter().map(move |d| (k.as_str(), d.as_str())));
    for (key, dependency) in all {
        dependents.entry(dependency).or_default().insert(key);
        for name in [key, dependency] {
            ids.entry(name).or_insert_with(|| dag.add(name));
        }
        // The one that depends is deleted first.
        dag.depend(ids[dependency], ids[key]);
    }
    for key in by_key.deletes.keys() {
        ids.entry(key.as_str()).or_insert_with(|| dag.add(key.as_str()));
    }
    let order = dag.order().map_err(|cycles| {
        let names: Vec<&str> = cycles[0].iter().map(|id| *dag.node(*id)).collect();
        Diagnostics::from(
            Diagnostic::error(
                2002,
                format!("the state says that these depend on each other: {}", names.join(", ")),
            )
            .detail("Such a state cannot be destroyed in any order. Please report it."),
        )
    })?;
    let mut done: HashMap<&str, NodeIndex> = HashMap::new();
    for id in order {
        let key = *dag.node(id);
        let behind: BTreeSet<NodeIndex> =
            dependents.get(key).into_iter().flatten().filter_map(|d| done.get(d).copied()).collect();
        let own = by_key.deletes.get(key).map(Vec::as_slice).unwrap_or_default();
        if own.is_empty() {
            done.extend(edges.join(behind).map(|node| (key, node)));
            continue;
        }
        let behind = if own.len() > 1 { edges.join(behind).into_iter().collect() } else { behind };
        let leaving: BTreeSet<NodeIndex> = dependents
            .get(key)
            .into_iter()
            .flatten()
            .flat_map(|d| by_key.forward.get(*d).into_iter().flatten().copied())
            .filter(|i| {
                let step = &steps[*i as usize];
                courteous && step.action == Action::Update && step.replacement.is_none()
            })
            .collect();
        for step in own {
            let needs = &mut edges.needs[*step as usize];
            needs.extend(behind.iter().copied());
            if steps[*step as usize].replacement.is_none() {
                needs.extend(leaving.iter().copied());
            }
        }
        done.extend(edges.join(own.iter().copied().collect()).map(|node| (key, node)));
    }
    Ok(())
}

/// The two halves of a replacement, and what has to move over between them.
fn replacement_edges(
    steps: &[Step],
    apart: &[bool],
    keys: &[String],
    links: &Links,
    by_key: &ByKey,
    edges: &mut Edges,
) {
    let mut dependents: HashMap<&str, Vec<&str>> = HashMap::new();
    for (key, dependencies) in &links.wanted {
        for dependency in dependencies {
            dependents.entry(dependency).or_default().push(key);
        }
    }
    let mut deletes: HashMap<&Address, usize> = HashMap::new();
    for (index, step) in steps.iter().enumerate() {
        if step.replacement.is_some() && step.action == Action::Delete && !apart[index] {
            deletes.insert(&step.address, index);
        }
    }
    for (create, step) in steps.iter().enumerate().filter(|(create, _)| !apart[*create]) {
        let Some(order) = step.replacement.filter(|_| step.action == Action::Create) else { continue };
        let Some(&delete) = deletes.get(&step.address) else { continue };
        match order {
            Replacement::DeleteFirst => {
                edges.needs[create].insert(delete as NodeIndex);
            }
            Replacement::CreateFirst => {
                edges.needs[delete].insert(create as NodeIndex);
                let over = dependents.get(keys[create].as_str()).into_iter().flatten();
                let moved = over.flat_map(|d| by_key.forward.get(*d).into_iter().flatten().copied());
                edges.needs[delete].extend(moved);
            }
        }
    }
}

/// The edges, or the steps of a circle.
fn acyclic(edges: Edges) -> Result<Edges, Vec<usize>> {
    let mut dag = Dag::new();
    for node in 0..edges.steps + edges.joins.len() {
        dag.add(node);
    }
    let needs = edges.needs.iter().map(|n| n.iter().copied().collect::<Vec<_>>());
    for (node, needs) in needs.chain(edges.joins.iter().cloned()).enumerate() {
        for need in needs {
            dag.depend(NodeId(node as u32), NodeId(need));
        }
    }
    let cycle = match dag.order() {
        Ok(_) => return Ok(edges),
        Err(cycles) => cycles.into_iter().next().unwrap_or_default(),
    };
    Err(cycle.into_iter().map(NodeId::index).filter(|node| *node < edges.steps).collect())
}

fn circle(steps: &[Step], cycle: &[usize]) -> Diagnostics {
    let replaced: BTreeSet<String> =
        steps.iter().filter(|s| s.replacement.is_some()).map(|s| s.address.to_string()).collect();
    let named: Vec<String> = cycle.iter().map(|index| steps[*index].address.to_string()).collect();
    let advice = match replaced.is_empty() {
        true => "Use -target to take them apart, and please report it.".to_owned(),
        false => format!(
            "It comes from replacements: {}. Set create_before_destroy on none or on all of them, or use -target.",
            replaced.into_iter().collect::<Vec<_>>().join(", ")
        ),
    };
    Diagnostic::error(2003, "the steps of this plan wait for each other in a circle")
        .detail(format!("These do: {}. {advice}", named.join(", ")))
        .into()
}

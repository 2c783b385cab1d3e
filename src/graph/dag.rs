use std::collections::hash_map::Entry;

use petgraph::algo::{kosaraju_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use petgraph::{Direction, Incoming, Outgoing};

/// A node's number, counted from 0 in the order of [`Dag::add`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl NodeId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Nodes and what each depends on. May hold cycles until [`Dag::order`] has looked.
#[derive(Clone, Debug, Default)]
pub struct Dag<N> {
    /// Edges go from what must be done first to what waits for it.
    graph: DiGraph<N, ()>,
}

impl<N> Dag<N> {
    pub fn new() -> Self {
        Self { graph: DiGraph::new() }
    }

    pub fn add(&mut self, node: N) -> NodeId {
        NodeId(self.graph.add_node(node).index() as u32)
    }

    /// Says that `node` comes after `dependency`. The caller keeps edges unique where there are many.
    pub fn depend(&mut self, node: NodeId, dependency: NodeId) {
        self.graph.add_edge(NodeIndex::new(dependency.index()), NodeIndex::new(node.index()), ());
    }

    pub fn node(&self, id: NodeId) -> &N {
        &self.graph[NodeIndex::new(id.index())]
    }

    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<N> {
        (0..self.len() as u32).map(NodeId)
    }

    /// What the node waits for.
    pub fn dependencies(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.neighbours(id, Incoming)
    }

    /// What waits for the node.
    pub fn dependents(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.neighbours(id, Outgoing)
    }

    fn neighbours(&self, id: NodeId, direction: Direction) -> impl Iterator<Item = NodeId> + '_ {
        self.graph.neighbors_directed(NodeIndex::new(id.index()), direction).map(|n| NodeId(n.index() as u32))
    }

    /// All nodes, dependencies first; or every cycle, each as the nodes on it in the order in
    /// which they wait for each other.
    pub fn order(&self) -> Result<Vec<NodeId>, Vec<Vec<NodeId>>> {
        match toposort(&self.graph, None) {
            Ok(order) => Ok(order.into_iter().map(|n| NodeId(n.index() as u32)).collect()),
            Err(_) => Err(self.cycles()),
        }
    }

    fn cycles(&self) -> Vec<Vec<NodeId>> {
        let loops_on_itself = |n: NodeIndex| self.graph.edges(n).any(|e| e.target() == n);
        let mut cycles: Vec<Vec<NodeId>> = kosaraju_scc(&self.graph)
            .into_iter()
            .filter(|component| component.len() > 1 || loops_on_itself(component[0]))
            .map(|component| self.walk_cycle(&component))
            .collect();
        cycles.sort();
        cycles
    }

    /// One simple cycle inside a strongly connected component, from its smallest node.
    fn walk_cycle(&self, component: &[NodeIndex]) -> Vec<NodeId> {
        let start = *component.iter().min().expect("a component has nodes");
        let inside: std::collections::HashSet<NodeIndex> = component.iter().copied().collect();
        let mut came_from = std::collections::HashMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for next in self.graph.neighbors_directed(node, Incoming).filter(|n| inside.contains(n)) {
                if next == start {
                    let mut path = vec![node];
                    while let Some(&before) = came_from.get(path.last().expect("not empty")) {
                        path.push(before);
                    }
                    path.reverse();
                    return path.into_iter().map(|n| NodeId(n.index() as u32)).collect();
                }
                if let Entry::Vacant(place) = came_from.entry(next) {
                    place.insert(node);
                    queue.push_back(next);
                }
            }
        }
        unreachable!("a strongly connected component has a cycle through each node")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cycle_is_named_in_waiting_order() {
        let mut dag = Dag::new();
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|n| dag.add(n));
        dag.depend(a, b);
        dag.depend(b, c);
        dag.depend(c, a);
        dag.depend(d, a);
        assert_eq!(dag.order(), Err(vec![vec![a, b, c]]));
    }

    #[test]
    fn a_node_on_itself_is_a_cycle() {
        let mut dag = Dag::new();
        let a = dag.add("a");
        dag.depend(a, a);
        assert_eq!(dag.order(), Err(vec![vec![a]]));
    }

    #[test]
    fn a_chain_of_100_000_needs_no_deep_stack() {
        let mut dag = Dag::new();
        let nodes: Vec<NodeId> = (0..100_000).map(|i| dag.add(i)).collect();
        for pair in nodes.windows(2) {
            dag.depend(pair[0], pair[1]);
        }
        let order = dag.order().expect("no cycle");
        assert_eq!((order[0], order[99_999]), (nodes[99_999], nodes[0]));
        dag.depend(nodes[99_999], nodes[0]);
        assert_eq!(dag.order().expect_err("a cycle")[0].len(), 100_000);
    }

    proptest! {
        /// Edges from higher to lower numbers only can never make a cycle.
        #[test]
        fn dependencies_come_first(edges in prop::collection::vec((0u32..60, 0u32..60), 0..300)) {
            let mut dag = Dag::new();
            for i in 0..60u32 {
                dag.add(i);
            }
            for (a, b) in edges.into_iter().filter(|(a, b)| a > b) {
                dag.depend(NodeId(a), NodeId(b));
            }
            let order = dag.order().expect("no cycle");
            let place: Vec<usize> =
                dag.ids().map(|id| order.iter().position(|o| *o == id).expect("is in the order")).collect();
            for id in dag.ids() {
                for dependency in dag.dependencies(id) {
                    prop_assert!(place[dependency.index()] < place[id.index()]);
                }
            }
        }
    }
}

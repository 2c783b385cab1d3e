use super::{Dag, NodeId};

/// Which nodes can be worked on, as others get done (Kahn's algorithm).
#[derive(Clone, Debug)]
pub struct Ready {
    /// By node: how many dependencies are not done yet.
    waiting_for: Vec<u32>,
    left: usize,
}

impl Ready {
    /// The queue, and the nodes that wait for nothing.
    pub fn new<N>(dag: &Dag<N>) -> (Self, Vec<NodeId>) {
        let waiting_for: Vec<u32> = dag.ids().map(|id| dag.dependencies(id).count() as u32).collect();
        let first = dag.ids().filter(|id| waiting_for[id.index()] == 0).collect();
        (Self { left: waiting_for.len(), waiting_for }, first)
    }

    /// Marks a node as done and adds those that wait for nothing any more.
    pub fn done<N>(&mut self, dag: &Dag<N>, id: NodeId, ready: &mut Vec<NodeId>) {
        self.left -= 1;
        for dependent in dag.dependents(id) {
            let waiting = &mut self.waiting_for[dependent.index()];
            *waiting -= 1;
            if *waiting == 0 {
                ready.push(dependent);
            }
        }
    }

    /// How many nodes are not done.
    pub fn left(&self) -> usize {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diamond_opens_step_by_step() {
        let mut dag = Dag::new();
        let [top, left, right, bottom] = ["top", "left", "right", "bottom"].map(|n| dag.add(n));
        dag.depend(left, top);
        dag.depend(right, top);
        dag.depend(bottom, left);
        dag.depend(bottom, right);
        let (mut ready, first) = Ready::new(&dag);
        assert_eq!(first, [top]);
        let mut open = Vec::new();
        ready.done(&dag, top, &mut open);
        open.sort();
        assert_eq!(open, [left, right]);
        open.clear();
        ready.done(&dag, left, &mut open);
        assert!(open.is_empty());
        ready.done(&dag, right, &mut open);
        assert_eq!(open, [bottom]);
        ready.done(&dag, bottom, &mut open);
        assert_eq!(ready.left(), 0);
    }
}

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use mprov_sdk::{Diagnostic, Diagnostics, Name, Span};

use super::Kinds;
use super::tree::{ProviderPlace, Tree, TreeId, join_path};
use crate::config::eval::{body_references, references};
use crate::config::{
    Body, Condition, Expr, ProviderRef, Reference, Repeat, ResourceBlock, ResourceId, Subject,
};
use crate::graph::{Dag, NodeId};

/// What is evaluated in its turn, for all instances of its module at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    Variable(TreeId, Name),
    Local(TreeId, Name),
    Output(TreeId, Name),
    Resource(TreeId, ResourceId),
    Provider(ProviderPlace),
    /// Makes the instances of a called module.
    Call(TreeId),
}

/// The graph of a configuration, its order, and for each resource node the resource nodes it
/// depends on directly (through any number of locals, variables, outputs and providers).
pub struct Nodes {
    pub dag: Dag<Node>,
    pub order: Vec<NodeId>,
    pub by_node: HashMap<Node, NodeId>,
    /// Nodes named by a data source's (or its module call's) `depends_on`.
    pub explicit: HashMap<NodeId, Vec<NodeId>>,
    /// Nodes whose own values read `generation.previous`.
    pub reads_previous: HashSet<NodeId>,
}

struct Builder<'a> {
    tree: &'a Tree,
    kinds: &'a Kinds,
    dag: Dag<Node>,
    by_node: HashMap<Node, NodeId>,
    edges: BTreeSet<(NodeId, NodeId)>,
    explicit: HashMap<NodeId, Vec<NodeId>>,
    reads_previous: HashSet<NodeId>,
    diagnostics: Diagnostics,
}

impl Nodes {
    pub fn new(tree: &Tree, kinds: &Kinds) -> Result<Self, Diagnostics> {
        let mut builder = Builder {
            tree,
            kinds,
            dag: Dag::new(),
            by_node: HashMap::new(),
            edges: BTreeSet::new(),
            explicit: HashMap::new(),
            reads_previous: HashSet::new(),
            diagnostics: Diagnostics::new(),
        };
        builder.add_nodes();
        builder.add_edges();
        if builder.diagnostics.has_errors() {
            return Err(builder.diagnostics.sorted());
        }
        for (node, dependency) in &builder.edges {
            builder.dag.depend(*node, *dependency);
        }
        match builder.dag.order() {
            Ok(order) => Ok(Self {
                dag: builder.dag,
                order,
                by_node: builder.by_node,
                explicit: builder.explicit,
                reads_previous: builder.reads_previous,
            }),
            Err(cycles) => {
                Err(cycles.iter().map(|cycle| cycle_diagnostic(tree, &builder.dag, cycle)).collect())
            }
        }
    }

    /// For each node: the resource nodes that it depends on directly; for a resource node, not
    /// itself.
    pub fn resource_dependencies(&self) -> Vec<BTreeSet<NodeId>> {
        let mut through: Vec<BTreeSet<NodeId>> = vec![BTreeSet::new(); self.dag.len()];
        for &id in &self.order {
            let mut found = BTreeSet::new();
            for dependency in self.dag.dependencies(id) {
                match self.dag.node(dependency) {
                    Node::Resource(..) => {
                        found.insert(dependency);
                    }
                    _ => found.extend(through[dependency.index()].iter().copied()),
                }
            }
            through[id.index()] = found;
        }
        through
    }
}

impl Builder<'_> {
    fn add(&mut self, node: Node) -> NodeId {
        if let Some(id) = self.by_node.get(&node) {
            return *id;
        }
        let id = self.dag.add(node.clone());
        self.by_node.insert(node, id);
        id
    }

    fn add_nodes(&mut self) {
        for tree in self.tree.ids() {
            let module = self.tree.module(tree).clone();
            if tree != Tree::ROOT {
                self.add(Node::Call(tree));
            }
            for name in module.variables.keys() {
                self.add(Node::Variable(tree, name.clone()));
            }
            for name in module.locals.keys() {
                self.add(Node::Local(tree, name.clone()));
            }
            for reference in module.providers.keys() {
                self.add(Node::Provider(ProviderPlace { tree, reference: reference.clone() }));
            }
            for id in module.resources.keys() {
                self.add(Node::Resource(tree, id.clone()));
            }
            for name in module.outputs.keys() {
                self.add(Node::Output(tree, name.clone()));
            }
        }
    }

    fn add_edges(&mut self) {
        for tree in self.tree.ids() {
            let module = self.tree.module(tree).clone();
            let call = (tree != Tree::ROOT).then(|| self.by_node[&Node::Call(tree)]);
            if let Some(call) = call {
                self.call_edges(tree, call);
            }
            for (name, variable) in &module.variables {
                let id = self.by_node[&Node::Variable(tree, name.clone())];
                self.edges.extend(call.map(|c| (id, c)));
                if let Some((caller, _)) = self.tree.get(tree).caller.clone() {
                    let argument = self.tree.call(tree).and_then(|c| c.arguments.get(name)).cloned();
                    self.expression(caller, id, argument.as_ref());
                }
                // A validation may speak of the variable itself; that is no dependency.
                for condition in &variable.validations {
                    for expr in [&condition.condition, &condition.error_message] {
                        let (found, diagnostics) = references(expr);
                        self.diagnostics.extend(diagnostics);
                        let others =
                            found.into_iter().filter(|r| r.subject != Subject::Variable(name.clone()));
                        for reference in others {
                            self.reference(tree, id, &reference);
                        }
                    }
                }
            }
            for (name, local) in &module.locals {
                let id = self.by_node[&Node::Local(tree, name.clone())];
                self.edges.extend(call.map(|c| (id, c)));
                self.expression(tree, id, Some(&local.expr));
            }
            for (name, output) in &module.outputs {
                let id = self.by_node[&Node::Output(tree, name.clone())];
                self.edges.extend(call.map(|c| (id, c)));
                self.expression(tree, id, Some(&output.expr));
                self.conditions(tree, id, &output.preconditions);
                self.explicit(tree, id, &output.depends_on);
            }
            for (reference, block) in &module.providers {
                let place = ProviderPlace { tree, reference: reference.clone() };
                let id = self.by_node[&Node::Provider(place.clone())];
                self.edges.extend(call.map(|c| (id, c)));
                self.body(tree, id, &block.body);
                self.provider_uses(&place, id);
            }
            for block in module.resources.values() {
                let id = self.by_node[&Node::Resource(tree, block.id.clone())];
                self.edges.extend(call.map(|c| (id, c)));
                self.resource_edges(tree, id, block);
            }
        }
    }

    fn call_edges(&mut self, tree: TreeId, id: NodeId) {
        let Some((caller, _)) = self.tree.get(tree).caller.clone() else { return };
        if caller != Tree::ROOT {
            let outer = self.by_node[&Node::Call(caller)];
            self.edges.insert((id, outer));
        }
        let Some(call) = self.tree.call(tree) else { return };
        let (repeat, depends_on) = (call.repeat.clone(), call.depends_on.clone());
        self.repeat(caller, id, &repeat);
        self.explicit(caller, id, &depends_on);
        // Their values decide which generation there is.
        let on = call.rollout.iter().flat_map(|r| &r.on);
        let deciding: Vec<Expr> = on.filter_map(|(name, _)| call.arguments.get(name)).cloned().collect();
        for expr in &deciding {
            self.expression(caller, id, Some(expr));
        }
    }

    fn resource_edges(&mut self, tree: TreeId, id: NodeId, block: &ResourceBlock) {
        self.repeat(tree, id, &block.repeat);
        self.body(tree, id, &block.body);
        self.explicit(tree, id, &block.depends_on);
        for expr in &block.lifecycle.replace_triggered_by {
            self.expression(tree, id, Some(expr));
        }
        self.conditions(tree, id, &block.lifecycle.preconditions);
        let own = Subject::Resource(block.id.clone());
        for condition in &block.lifecycle.postconditions {
            for expr in [&condition.condition, &condition.error_message] {
                let (found, diagnostics) = references(expr);
                self.diagnostics.extend(diagnostics);
                for reference in found.into_iter().filter(|r| r.subject != own) {
                    self.reference(tree, id, &reference);
                }
            }
        }
        // An unknown type is told when the block is held against its schema.
        let Some(kind) = self.kinds.get(block.id.mode, &block.id.kind) else { return };
        let default = ProviderRef { name: kind.provider_name.into(), alias: None };
        let reference = block.provider.as_ref().map_or(default, |(r, _)| r.clone());
        let place = self.tree.provider_place(tree, &reference);
        let provider = self.provider_node(place);
        self.edges.insert((id, provider));
    }

    /// The node of a configuration, made where no block is written for it.
    fn provider_node(&mut self, place: ProviderPlace) -> NodeId {
        if let Some(id) = self.by_node.get(&Node::Provider(place.clone())) {
            return *id;
        }
        let id = self.add(Node::Provider(place.clone()));
        self.provider_uses(&place, id);
        id
    }

    fn provider_uses(&mut self, place: &ProviderPlace, id: NodeId) {
        for used in used_places(self.tree, self.kinds, place) {
            let used = self.provider_node(used);
            self.edges.insert((id, used));
        }
    }

    fn repeat(&mut self, tree: TreeId, id: NodeId, repeat: &Repeat) {
        match repeat {
            Repeat::Once => {}
            Repeat::Count(expr) | Repeat::ForEach(expr) => self.expression(tree, id, Some(expr)),
        }
    }

    fn conditions(&mut self, tree: TreeId, id: NodeId, conditions: &[Condition]) {
        // A condition is no value of the block: it may look back without anything being cloned.
        let reads = self.reads_previous.contains(&id);
        for condition in conditions {
            self.expression(tree, id, Some(&condition.condition));
            self.expression(tree, id, Some(&condition.error_message));
        }
        if !reads {
            self.reads_previous.remove(&id);
        }
    }

    fn expression(&mut self, tree: TreeId, id: NodeId, expr: Option<&Expr>) {
        let Some(expr) = expr else { return };
        let (found, diagnostics) = references(expr);
        self.diagnostics.extend(diagnostics);
        for reference in &found {
            self.reference(tree, id, reference);
        }
    }

    fn body(&mut self, tree: TreeId, id: NodeId, body: &Body) {
        let (found, diagnostics) = body_references(body);
        self.diagnostics.extend(diagnostics);
        for reference in &found {
            self.reference(tree, id, reference);
        }
    }

    fn explicit(&mut self, tree: TreeId, id: NodeId, references: &[Reference]) {
        for reference in references {
            let before = self.edges.len();
            let targets = self.targets(tree, &reference.subject, None, reference.span);
            self.edges.extend(targets.iter().map(|t| (id, *t)));
            if self.edges.len() > before {
                self.explicit.entry(id).or_default().extend(targets);
            }
        }
    }

    fn reference(&mut self, tree: TreeId, id: NodeId, reference: &Reference) {
        let named = reference.attribute.as_deref();
        if reference.subject == Subject::Generation && matches!(named, None | Some("previous")) {
            self.reads_previous.insert(id);
        }
        let targets = self.targets(tree, &reference.subject, reference.attribute.as_ref(), reference.span);
        self.edges.extend(targets.into_iter().map(|t| (id, t)));
    }

    /// The nodes that a reference means. A whole module means all its outputs, and when it is
    /// named without any attribute in `depends_on`, all its resources too.
    fn targets(
        &mut self,
        tree: TreeId,
        subject: &Subject,
        attribute: Option<&Name>,
        span: Span,
    ) -> Vec<NodeId> {
        let node = match subject {
            Subject::Variable(name) => Node::Variable(tree, name.clone()),
            Subject::Local(name) => Node::Local(tree, name.clone()),
            Subject::Resource(id) => Node::Resource(tree, id.clone()),
            Subject::Module(name) => return self.module_targets(tree, name, attribute),
            Subject::Each(_)
            | Subject::CountIndex
            | Subject::Path(_)
            | Subject::SelfObject
            | Subject::Generation
            | Subject::Mprov(_) => {
                return Vec::new();
            }
        };
        if let Some(id) = self.by_node.get(&node) {
            return vec![*id];
        }
        let what = describe(self.tree, &node);
        self.diagnostics.push(
            Diagnostic::error(1101, format!("{what} is not declared"))
                .at(span)
                .detail("Declare it in this module, or correct the name."),
        );
        Vec::new()
    }

    fn module_targets(&mut self, tree: TreeId, name: &Name, attribute: Option<&Name>) -> Vec<NodeId> {
        let Some(child) = self.tree.child(tree, name) else { return Vec::new() };
        if let Some(output) = attribute.and_then(|a| self.by_node.get(&Node::Output(child, a.clone()))) {
            return vec![*output];
        }
        let module = self.tree.module(child).clone();
        let mut nodes: Vec<Node> =
            module.outputs.keys().map(|name| Node::Output(child, name.clone())).collect();
        nodes.push(Node::Call(child));
        if attribute.is_none() {
            nodes.extend(module.resources.keys().map(|id| Node::Resource(child, id.clone())));
        }
        let mut targets: Vec<NodeId> = nodes.iter().map(|n| self.by_node[n]).collect();
        if attribute.is_none() {
            for name in module.calls.keys() {
                targets.extend(self.module_targets(child, name, None));
            }
        }
        targets
    }
}

/// The configurations through which a provider reaches machines and containers.
pub fn used_places(tree: &Tree, kinds: &Kinds, place: &ProviderPlace) -> Vec<ProviderPlace> {
    let Some(provider) = kinds.provider(&place.reference.name) else { return Vec::new() };
    let mut used: BTreeMap<Name, ProviderRef> = provider
        .schema()
        .uses
        .iter()
        .map(|name| (Name::from(*name), ProviderRef { name: (*name).into(), alias: None }))
        .collect();
    if let Some(block) = tree.module(place.tree).providers.get(&place.reference) {
        used.extend(block.uses.iter().map(|(r, _)| (r.name.clone(), r.clone())));
    }
    used.values().map(|reference| tree.provider_place(place.tree, reference)).collect()
}

/// A node as the user knows it.
pub fn describe(tree: &Tree, node: &Node) -> String {
    match node {
        Node::Variable(t, name) => join_path(&tree.get(*t).path, format!("var.{name}")),
        Node::Local(t, name) => join_path(&tree.get(*t).path, format!("local.{name}")),
        Node::Output(t, name) => join_path(&tree.get(*t).path, format!("output.{name}")),
        Node::Resource(t, id) => join_path(&tree.get(*t).path, id),
        Node::Provider(place) => {
            join_path(&tree.get(place.tree).path, format!("provider.{}", place.reference))
        }
        Node::Call(t) => tree.get(*t).path.clone(),
    }
}

fn cycle_diagnostic(tree: &Tree, dag: &Dag<Node>, cycle: &[NodeId]) -> Diagnostic {
    let names: Vec<String> = cycle.iter().map(|id| describe(tree, dag.node(*id))).collect();
    let span = cycle.iter().find_map(|id| node_span(tree, dag.node(*id)));
    let chain = names.iter().chain(names.first()).map(String::as_str).collect::<Vec<_>>().join(" -> ");
    Diagnostic::error(2001, format!("these depend on each other: {}", names.join(", ")))
        .at(span)
        .detail(format!("Each needs the next: {chain}. Remove one of the references."))
}

fn node_span(tree: &Tree, node: &Node) -> Option<Span> {
    match node {
        Node::Variable(t, name) => tree.module(*t).variables.get(name).map(|v| v.span),
        Node::Local(t, name) => tree.module(*t).locals.get(name).map(|l| l.span),
        Node::Output(t, name) => tree.module(*t).outputs.get(name).map(|o| o.span),
        Node::Resource(t, id) => tree.module(*t).resources.get(id).map(|r| r.span),
        Node::Provider(place) => tree.module(place.tree).providers.get(&place.reference).map(|p| p.span),
        Node::Call(t) => tree.call(*t).map(|c| c.span),
    }
}

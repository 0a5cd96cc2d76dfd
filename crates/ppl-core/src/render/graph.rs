//! The graph of a program, and what of it is shown.

use std::collections::{BTreeMap, BTreeSet};

use ppl_tensor::Shape;

use crate::{FrameKind, Site, SiteKind, Statement, Trace};

/// The graph of a program: a Bayesian network with plates. Made by [`render_model`](crate::render_model).
///
/// Pictures show latent sites, observed ones (grey) and factors (black); on demand parameters (without an outline),
/// deterministic values (dashed) and the list of distributions. Where a deterministic value is not shown, edges lead from
/// what it depends on to what depends on it. A dashed edge is a [`Dependence::Read`], a dotted one a
/// [`Dependence::Step`].
#[derive(Debug, Clone, Default)]
pub struct ModelGraph {
    nodes: Vec<Node>,
    plates: Vec<Plate>,
    edges: Edges,
    params: bool,
    deterministic: bool,
    distributions: bool,
}

/// A statement of the program.
#[derive(Debug, Clone)]
pub struct Node {
    /// Name of the site.
    pub name: String,
    /// What kind of statement it is.
    pub kind: SiteKind,
    /// Name of its distribution.
    pub distribution: Option<String>,
    /// Of a parameter: name of its constraint.
    pub constraint: Option<String>,
    /// Shape of one row's value.
    pub shape: Shape,
    /// The innermost plate around, by its number in [`ModelGraph::plates`].
    pub plate: Option<usize>,
}

/// A plate, or a scan. One that is opened in different plates is there once in each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plate {
    /// Name of the plate.
    pub name: String,
    /// Plate or scan.
    pub kind: FrameKind,
    /// Number of rows in use.
    pub size: usize,
    /// Number of all rows.
    pub population: usize,
    /// The plate around it, by its number.
    pub within: Option<usize>,
}

/// How one statement depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependence {
    /// The other's value enters the statement's value or log density.
    Value,
    /// The program had read the other's value ([`Tensor::to_scalar`](ppl_tensor::Tensor::to_scalar) and its kin) before
    /// the statement: numbers in it, or whether it is there at all, may depend on that.
    Read,
    /// Both are in a scan, and a value of the other is carried to the statement from an earlier step. The other may come
    /// later in the program, or be the statement itself.
    Step,
}

/// A dependence, by the numbers of its ends in [`ModelGraph::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The statement whose value is used.
    pub from: usize,
    /// The statement that depends on it.
    pub to: usize,
    /// How.
    pub dependence: Dependence,
}

impl ModelGraph {
    /// The sites and plates of a run.
    pub(super) fn of(trace: &Trace) -> Self {
        let mut names: Vec<String> = Vec::new();
        for plate in trace.sites().flat_map(plates_around) {
            if !names.contains(&plate.name) {
                names.push(plate.name);
            }
        }
        let mut graph = Self::default();
        for site in trace.sites() {
            // Plates that cross are nested in one order wherever they meet.
            let mut around: Vec<Plate> = plates_around(site).collect();
            around.sort_by_key(|plate| names.iter().position(|name| *name == plate.name));
            let plate = around.into_iter().fold(None, |within, plate| {
                let plate = Plate { within, ..plate };
                let known = graph.plates.iter().position(|known| *known == plate);
                Some(known.unwrap_or_else(|| {
                    graph.plates.push(plate);
                    graph.plates.len() - 1
                }))
            });
            graph.nodes.push(node(site, plate));
        }
        graph
    }

    /// Adds a dependence; one by value counts more than one by reading.
    pub(super) fn connect(&mut self, from: usize, to: usize, dependence: Dependence) {
        add(&mut self.edges, from, to, dependence);
    }

    /// Whether parameters are shown; not at first.
    #[must_use]
    pub fn with_params(self, params: bool) -> Self {
        Self { params, ..self }
    }

    /// Whether deterministic values are shown; not at first.
    #[must_use]
    pub fn with_deterministic(self, deterministic: bool) -> Self {
        Self { deterministic, ..self }
    }

    /// Whether the distributions of sites and the constraints of parameters are listed; not at first.
    #[must_use]
    pub fn with_distributions(self, distributions: bool) -> Self {
        Self { distributions, ..self }
    }

    /// All statements but choices of rows, shown or not, in their order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// All plates with a statement inside, outer ones first.
    pub fn plates(&self) -> &[Plate] {
        &self.plates
    }

    /// All direct dependences, those on deterministic values and parameters among them.
    pub fn edges(&self) -> impl Iterator<Item = Edge> {
        self.edges.iter().map(|(&(from, to, _), &dependence)| Edge { from, to, dependence })
    }

    /// What is shown.
    pub(super) fn view(&self) -> View<'_> {
        let shown = |node: &Node| match node.kind {
            SiteKind::Param => self.params,
            SiteKind::Deterministic => self.deterministic,
            _ => true,
        };
        let nodes: Vec<usize> = (0..self.nodes.len()).filter(|&node| shown(&self.nodes[node])).collect();
        let edges = self.contracted(&nodes);
        let mut used = vec![false; self.plates.len()];
        for &node in &nodes {
            let around = std::iter::successors(self.nodes[node].plate, |&plate| self.plates[plate].within);
            around.for_each(|plate| used[plate] = true);
        }
        let nodes: Vec<&Node> = nodes.iter().map(|&node| &self.nodes[node]).collect();
        let legend =
            if self.distributions { nodes.iter().filter_map(|node| node.law()).collect() } else { vec![] };
        let plates = (0..self.plates.len()).filter(|&plate| used[plate]).collect();
        View { graph: self, nodes, plates, edges, legend }
    }

    /// Dependences among some nodes, by their places there, directly or by way of nodes that are not among them.
    fn contracted(&self, nodes: &[usize]) -> Vec<Edge> {
        let place = |node: usize| nodes.iter().position(|&shown| shown == node);
        let mut edges = BTreeMap::new();
        for (from, &start) in nodes.iter().enumerate() {
            let (mut open, mut seen) = (vec![(start, Dependence::Value)], BTreeSet::new());
            while let Some((node, before)) = open.pop() {
                for (&(_, to, _), &dependence) in self.edges.range((node, 0, false)..(node + 1, 0, false)) {
                    let dependence = dependence.max(before);
                    match place(to) {
                        Some(to) => add(&mut edges, from, to, dependence),
                        None if seen.insert((to, dependence)) => open.push((to, dependence)),
                        None => {}
                    }
                }
            }
        }
        edges.into_iter().map(|((from, to, _), dependence)| Edge { from, to, dependence }).collect()
    }
}

/// Dependences by beginning, end, and whether they are of an earlier step.
type Edges = BTreeMap<(usize, usize, bool), Dependence>;

/// Of several dependences between two statements in one step, that by value counts.
fn add(edges: &mut Edges, from: usize, to: usize, dependence: Dependence) {
    let known = edges.entry((from, to, dependence == Dependence::Step)).or_insert(dependence);
    *known = dependence.min(*known);
}

fn plates_around(site: &Site) -> impl Iterator<Item = Plate> {
    site.frames.iter().filter(|frame| frame.kind != FrameKind::Replica).map(|frame| Plate {
        name: frame.name.clone(),
        kind: frame.kind,
        size: frame.axis.size,
        population: frame.population,
        within: None,
    })
}

fn node(site: &Site, plate: Option<usize>) -> Node {
    let (mut distribution_name, mut constraint_name) = (None, None);
    match &site.statement {
        Statement::Sample { distribution, .. } => distribution_name = Some(distribution.name().to_owned()),
        Statement::Param { constraint, .. } => {
            constraint_name = Some(constraint.as_ref().map_or_else(|| "real".to_owned(), |set| set.name()));
        }
        Statement::Deterministic | Statement::Factor | Statement::Subsample { .. } => {}
    }
    Node {
        name: site.name.clone(),
        kind: SiteKind::of(&site.statement),
        distribution: distribution_name,
        constraint: constraint_name,
        shape: site.value.shape(),
        plate,
    }
}

impl Node {
    /// Its line in the list of distributions.
    fn law(&self) -> Option<String> {
        let shape = if self.shape.rank() == 0 { String::new() } else { format!(" {}", self.shape) };
        match (&self.distribution, &self.constraint) {
            (Some(distribution), _) => Some(format!("{} ~ {distribution}{shape}", self.name)),
            (_, Some(constraint)) => Some(format!("{} ∈ {constraint}{shape}", self.name)),
            _ => None,
        }
    }
}

impl Plate {
    /// Its label: name and number of rows.
    pub(super) fn label(&self) -> String {
        if self.kind == FrameKind::Scan {
            format!("{} × {} steps", self.name, self.size)
        } else if self.size == self.population {
            format!("{} × {}", self.name, self.size)
        } else {
            format!("{} × {} of {}", self.name, self.size, self.population)
        }
    }
}

/// What of a graph is shown.
pub(super) struct View<'a> {
    graph: &'a ModelGraph,
    pub(super) nodes: Vec<&'a Node>,
    /// Numbers of plates.
    pub(super) plates: Vec<usize>,
    /// By places in `nodes`.
    pub(super) edges: Vec<Edge>,
    pub(super) legend: Vec<String>,
}

impl View<'_> {
    pub(super) fn plate(&self, number: usize) -> &Plate {
        &self.graph.plates[number]
    }

    /// The nodes directly in a plate, or in none, by their places.
    pub(super) fn nodes_in(&self, plate: Option<usize>) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().map(|node| &**node).enumerate().filter(move |(_, node)| node.plate == plate)
    }

    /// The plates directly in a plate, or in none.
    pub(super) fn plates_in(&self, within: Option<usize>) -> impl Iterator<Item = usize> {
        self.plates.iter().copied().filter(move |&plate| self.plate(plate).within == within)
    }
}

/// A name without control characters, which no format can show; line breaks stay.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

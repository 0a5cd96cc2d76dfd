//! Graphviz's language.

use std::fmt::Write;

use super::graph::{Dependence, ModelGraph, View, printable};
use crate::SiteKind;

impl ModelGraph {
    /// The graph in Graphviz's DOT language: `dot -Tpdf`.
    pub fn to_dot(&self) -> String {
        let view = self.view();
        let mut text =
            "digraph {\n  node [fontname=\"Helvetica\"];\n  graph [fontname=\"Helvetica\"];\n".to_owned();
        write_plate(&mut text, &view, None, 1);
        for edge in &view.edges {
            let style = match edge.dependence {
                Dependence::Value => "",
                Dependence::Read => " [style=dashed]",
                Dependence::Step => " [style=dotted, constraint=false]",
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  n{} -> n{}{style};", edge.from, edge.to);
        }
        if !view.legend.is_empty() {
            // `\l` ends a line that is set left.
            let lines: String = view.legend.iter().map(|line| escape(line) + "\\l").collect();
            let _ = writeln!(text, "  legend [shape=plaintext, label=\"{lines}\"];");
        }
        text.push_str("}\n");
        text
    }
}

fn write_plate(text: &mut String, view: &View<'_>, plate: Option<usize>, depth: usize) {
    let indent = "  ".repeat(depth);
    for (number, node) in view.nodes_in(plate) {
        let _ = writeln!(text, "{indent}n{number} [label=\"{}\", {}];", escape(&node.name), style(node.kind));
    }
    for inner in view.plates_in(plate) {
        let label = escape(&view.plate(inner).label());
        // Graphviz draws a box around subgraphs whose names begin with `cluster`.
        let _ = writeln!(text, "{indent}subgraph cluster_{inner} {{");
        let _ = writeln!(text, "{indent}  label=\"{label}\"; labelloc=b; labeljust=r; style=rounded;");
        write_plate(text, view, Some(inner), depth + 1);
        let _ = writeln!(text, "{indent}}}");
    }
}

fn style(kind: SiteKind) -> &'static str {
    match kind {
        SiteKind::Latent | SiteKind::Subsample => "shape=ellipse, style=filled, fillcolor=white",
        SiteKind::Observed => "shape=ellipse, style=filled, fillcolor=lightgrey",
        SiteKind::Param => "shape=plain",
        SiteKind::Deterministic => "shape=ellipse, style=\"filled,dashed\", fillcolor=white",
        SiteKind::Factor => "shape=box, style=filled, fillcolor=black, fontcolor=white",
    }
}

/// A text inside quotes, where backslashes begin escapes and ampersands begin entities.
fn escape(text: &str) -> String {
    printable(text).replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;").replace('\n', "\\n")
}

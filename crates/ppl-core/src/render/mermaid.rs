//! Mermaid's language, which code forges and notebooks draw.

use std::fmt::Write;

use super::graph::{Dependence, ModelGraph, Node, View, printable};
use crate::SiteKind;

impl ModelGraph {
    /// The graph as a Mermaid flowchart.
    pub fn to_mermaid(&self) -> String {
        let view = self.view();
        let mut text = "flowchart TB\n".to_owned();
        write_plate(&mut text, &view, None, 1);
        for edge in &view.edges {
            let arrow = match edge.dependence {
                Dependence::Value => "-->",
                Dependence::Read => "-.->",
                Dependence::Step => "-. step .->",
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  n{} {arrow} n{}", edge.from, edge.to);
        }
        if !view.legend.is_empty() {
            let lines: Vec<String> = view.legend.iter().map(|line| escape(line)).collect();
            let _ = writeln!(text, "  legend[\"{}\"]:::plain", lines.join("<br/>"));
        }
        for (class, style) in [
            ("latent", "fill:#fff,stroke:#333"),
            ("observed", "fill:#ccc,stroke:#333"),
            ("plain", "fill:none,stroke:none"),
            ("deterministic", "fill:#fff,stroke:#333,stroke-dasharray:4"),
            ("factor", "fill:#333,stroke:#333,color:#fff"),
        ] {
            if text.contains(&format!(":::{class}\n")) {
                let _ = writeln!(text, "  classDef {class} {style}");
            }
        }
        text
    }
}

fn write_plate(text: &mut String, view: &View<'_>, plate: Option<usize>, depth: usize) {
    let indent = "  ".repeat(depth);
    for (number, node) in view.nodes_in(plate) {
        let _ = writeln!(text, "{indent}n{number}{}", shape(node));
    }
    for inner in view.plates_in(plate) {
        let _ = writeln!(text, "{indent}subgraph p{inner}[\"{}\"]", escape(&view.plate(inner).label()));
        write_plate(text, view, Some(inner), depth + 1);
        let _ = writeln!(text, "{indent}end");
    }
}

fn shape(node: &Node) -> String {
    let label = escape(&node.name);
    match node.kind {
        SiteKind::Latent | SiteKind::Subsample => format!("([\"{label}\"]):::latent"),
        SiteKind::Observed => format!("([\"{label}\"]):::observed"),
        SiteKind::Param => format!("[\"{label}\"]:::plain"),
        SiteKind::Deterministic => format!("([\"{label}\"]):::deterministic"),
        SiteKind::Factor => format!("[\"{label}\"]:::factor"),
    }
}

/// A text inside quotes. Mermaid reads Markdown and HTML there, and has no escapes but character codes: punctuation that
/// may mean something becomes one, unless it stands between letters or digits where it means itself.
fn escape(text: &str) -> String {
    let chars: Vec<char> = printable(text).chars().collect();
    let is_word =
        |place: Option<usize>| place.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphanumeric());
    let mut escaped = String::new();
    for (at, &c) in chars.iter().enumerate() {
        let within_word = is_word(at.checked_sub(1)) && is_word(Some(at + 1));
        match c {
            '\n' => escaped.push_str("<br/>"),
            '_' | '-' | '.' if within_word => escaped.push(c),
            ' ' | ',' | '(' | ')' | '=' | '/' => escaped.push(c),
            _ if c.is_ascii_punctuation() => {
                let _ = write!(escaped, "#{};", u32::from(c));
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

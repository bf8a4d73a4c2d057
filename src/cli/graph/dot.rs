//! The language of Graphviz.

use std::fmt::Write as _;

use super::map::Map;
use crate::cli::output::escape;

/// Writes a map.
pub(super) fn dot(map: &Map<'_>) -> String {
    let mut dot = String::from("digraph flows {\n  rankdir=LR;\n  node [shape=box];\n");
    for (number, island) in map.islands.iter().enumerate() {
        let _ = writeln!(dot, "  subgraph cluster_{number} {{");
        let _ = writeln!(dot, "    label={};", quoted(&island.name));
        for party in &island.parties {
            let _ = writeln!(dot, "    n{party} [label={}];", quoted(map.parties[*party].name()));
        }
        dot.push_str("  }\n");
    }
    for link in &map.links {
        let label = quoted_lines(&link.labels());
        let color = if link.has_drops() { ", color=red, fontcolor=red, style=dashed" } else { "" };
        let _ = writeln!(dot, "  n{} -> n{} [label={label}{color}];", link.from, link.to);
    }
    dot.push_str("}\n");
    dot
}

fn quoted(text: &str) -> String {
    quoted_lines(&[text.to_owned()])
}

/// Backslashes begin escapes of Graphviz, too.
fn quoted_lines(lines: &[String]) -> String {
    let safe = |line: &String| escape(line).replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", lines.iter().map(safe).collect::<Vec<_>>().join("\\n"))
}

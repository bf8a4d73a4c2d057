//! Matrices as text that other programs draw, and as pictures.

use std::{collections::BTreeMap, fmt::Write};

use super::{build::Matrix, item::Item};
use crate::policy::{
    cluster::Actor,
    judge::{Packet, Verdict},
};

/// Writes a matrix as comma-separated values (RFC 4180).
pub fn csv(matrix: &Matrix<'_>, packets: &[Packet]) -> String {
    let mut text =
        "from,to,protocol,port,egress,ingress,verdict,egressRule,ingressRule\n".to_owned();
    matrix.for_each(packets, |item| {
        for field in [item.from, item.to, &item.protocol] {
            add_field(&mut text, field);
        }
        let _ = write!(text, "{},", item.port);
        for verdict in [item.egress, item.ingress, item.verdict] {
            add_field(&mut text, verdict.name());
        }
        for rule in [&item.egress_rule, &item.ingress_rule] {
            let words = rule.as_ref().map_or_else(String::new, |rule| {
                let namespace = rule.namespace.as_deref().unwrap_or_default();
                format!("{} {namespace}/{} {}", rule.kind, rule.name, rule.rule)
            });
            add_field(&mut text, &words);
        }
        text.pop();
        text.push('\n');
    });
    text
}

/// Adds a field and a comma.
fn add_field(text: &mut String, field: &str) {
    if field.contains([',', '"', '\n']) {
        let _ = write!(text, "\"{}\"", field.replace('"', "\"\""));
    } else {
        text.push_str(field);
    }
    text.push(',');
}

/// Groups what passes by pair: verdict and ports.
fn passing<'m>(
    matrix: &'m Matrix<'_>,
    packets: &[Packet],
) -> BTreeMap<(&'m str, &'m str), Vec<Item<'m>>> {
    let mut pairs: BTreeMap<_, Vec<Item<'m>>> = BTreeMap::new();
    matrix.for_each(packets, |item| {
        if !item.verdict.is_denied() {
            pairs.entry((item.from, item.to)).or_default().push(item);
        }
    });
    pairs
}

/// Writes what passes as a Graphviz graph.
pub fn dot(matrix: &Matrix<'_>, packets: &[Packet]) -> String {
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = "digraph policy {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    for ((from, to), items) in passing(matrix, packets) {
        let label = if items.len() == packets.len() {
            "all".to_owned()
        } else {
            let ports: Vec<String> = items.iter().map(port).collect();
            ports.join(" ")
        };
        let _ = writeln!(text, "  {} -> {} [label={}];", quote(from), quote(to), quote(&label));
    }
    text.push_str("}\n");
    text
}

fn port(item: &Item<'_>) -> String {
    format!("{}/{}", item.port, item.protocol.to_ascii_lowercase())
}

/// Side of a cell, and width of a character of names, in pixels.
const CELL: usize = 22;
const CHARACTER: usize = 7;

/// Draws a matrix: a row per sender, a column per receiver; a cell says what its ports come to.
pub fn svg(matrix: &Matrix<'_>, actors: &[Actor], packets: &[Packet]) -> String {
    let index: BTreeMap<&str, usize> =
        actors.iter().enumerate().map(|(n, actor)| (actor.name.as_str(), n)).collect();
    let widest = actors.iter().map(|actor| actor.name.len()).max().unwrap_or(0);
    let margin = widest * CHARACTER + 16;
    let side = margin + actors.len() * CELL + 8;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{side}\" height=\"{side}\" font-family=\"monospace\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (n, actor) in actors.iter().enumerate() {
        let (middle, name) = (margin + n * CELL + CELL / 2 + 4, escape_xml(&actor.name));
        let _ = write!(
            text,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{name}</text>\n<text transform=\"translate({middle},{}) rotate(-90)\">{name}</text>\n",
            margin - 6,
            margin - 6
        );
    }
    let mut cells: BTreeMap<(usize, usize), Vec<Item<'_>>> = BTreeMap::new();
    matrix.for_each(packets, |item| {
        cells.entry((index[item.from], index[item.to])).or_default().push(item);
    });
    for ((from, to), items) in cells {
        let (x, y) = (margin + to * CELL, margin + from * CELL);
        let details: Vec<String> =
            items.iter().map(|item| format!("{} {}", port(item), item.verdict.name())).collect();
        let _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{size}\" height=\"{size}\" fill=\"{}\"><title>{} to {}: {}</title></rect>",
            colour(&items),
            escape_xml(items[0].from),
            escape_xml(items[0].to),
            details.join(", "),
            size = CELL - 2,
        );
    }
    text.push_str("</svg>\n");
    text
}

/// Green: all pass. Red: none does. Between them: some do, or a proxy or a log has its say.
fn colour(items: &[Item<'_>]) -> &'static str {
    let denied = items.iter().filter(|item| item.verdict.is_denied()).count();
    let plain = |item: &Item<'_>| matches!(item.verdict, Verdict::Allow | Verdict::None);
    match denied {
        0 if items.iter().all(plain) => "#4caf50",
        0 => "#2196f3",
        all if all == items.len() => "#e57373",
        _ => "#ffb300",
    }
}

fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

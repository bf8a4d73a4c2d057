//! Mermaid, which Markdown viewers draw.

use std::fmt::Write as _;

use super::map::Map;
use crate::cli::output::escape;

/// Writes a map.
pub(super) fn mermaid(map: &Map<'_>) -> String {
    let mut text = String::from("flowchart LR\n");
    for (number, island) in map.islands.iter().enumerate() {
        let _ = writeln!(text, "  subgraph s{number}[\"{}\"]", safe(&island.name));
        for party in &island.parties {
            let _ = writeln!(text, "    n{party}[\"{}\"]", safe(map.parties[*party].name()));
        }
        text.push_str("  end\n");
    }
    for link in &map.links {
        let labels: Vec<String> = link.labels().iter().map(|label| safe(label)).collect();
        let _ = writeln!(text, "  n{} -->|\"{}\"| n{}", link.from, labels.join("<br>"), link.to);
    }
    for (number, _) in map.links.iter().enumerate().filter(|(_, link)| link.has_drops()) {
        let _ = writeln!(text, "  linkStyle {number} stroke:red,color:red");
    }
    text
}

/// Everything that may mean something to Mermaid or to HTML is written as its number.
fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in escape(text).chars() {
        if c.is_alphanumeric() || " -_./:,*+".contains(c) {
            safe.push(c);
        } else {
            let _ = write!(safe, "#{};", u32::from(c));
        }
    }
    safe
}

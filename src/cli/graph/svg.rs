//! SVG that needs nothing else to be read.

use std::fmt::Write as _;

use super::{
    layout::{Area, BOX_HEIGHT, CHAR, LINE, Layout, layout},
    map::{Link, Map},
};
use crate::cli::output::escape;

/// Fonts and colours; they can be read in print and by people who see no red.
const STYLE: &str = "\
text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #1b1f24 }
.island { fill: #f6f8fa; stroke: #d0d7de }
.name { font-weight: bold }
.party { fill: #ffffff; stroke: #57606a }
.link { fill: none; stroke: #57606a }
.drops { fill: none; stroke: #cf222e; stroke-dasharray: 6 3 }
.label { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; font-size: 11px; text-anchor: middle }
.bad { fill: #cf222e }
";

/// Draws a map.
pub(super) fn svg(map: &Map<'_>) -> String {
    let names: Vec<String> =
        map.parties.iter().map(|party| escape(party.name()).into_owned()).collect();
    let layout = layout(map, &names);
    let Layout { width, height, .. } = layout;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>Who speaks with whom</title>\n\
         <style>\n{STYLE}</style>\n<defs>\n"
    );
    for (id, color) in [("to", "#57606a"), ("drop", "#cf222e")] {
        let _ = writeln!(
            svg,
            "<marker id=\"{id}\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" \
             markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"{color}\"/></marker>"
        );
    }
    svg.push_str("</defs>\n");
    for (island, area) in map.islands.iter().zip(&layout.islands) {
        rectangle(&mut svg, "island", area);
        text(&mut svg, "name", (area.x + 12, area.y + 20), &escape(&island.name));
    }
    for (index, name) in names.iter().enumerate() {
        let area = &layout.boxes[index];
        rectangle(&mut svg, "party", area);
        text(&mut svg, "", (area.x + CHAR, area.y + BOX_HEIGHT / 2 + 4), name);
    }
    for (number, link) in map.links.iter().enumerate() {
        draw(&mut svg, map, &layout, number, link);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(svg: &mut String, map: &Map<'_>, layout: &Layout, number: usize, link: &Link) {
    let (from, to) = (layout.boxes[link.from], layout.boxes[link.to]);
    let (x1, y1) = (from.x + from.width, from.y + BOX_HEIGHT / 2);
    let (x2, y2) = (to.x, to.y + BOX_HEIGHT / 2);
    // Links to the left leave on the right and go around.
    let bend = if x2 > x1 { (x2 - x1) / 2 } else { 60 + (x1 - x2) / 6 };
    let lift = if link.from == link.to { 44 } else { 0 };
    let (c1, c2) = (x1 + bend, x2.saturating_sub(bend));
    let (b1, b2) = (y1.saturating_sub(lift), y2.saturating_sub(lift));
    let (class, marker) = if link.has_drops() { ("drops", "drop") } else { ("link", "to") };
    let (source, destination) = (map.parties[link.from], map.parties[link.to]);
    let labels = link.labels();
    let title = format!("{source} to {destination}: {}", labels.join("; "));
    let _ = writeln!(
        svg,
        "<path class=\"{class}\" marker-end=\"url(#{marker})\" \
         d=\"M{x1} {y1}C{c1} {b1} {c2} {b2} {x2} {y2}\"><title>{}</title></path>",
        xml(&escape(&title))
    );
    // Labels of links that run side by side are not all in the middle.
    let eighths = 3 + number % 3;
    let at = |a: usize, b: usize, c: usize, d: usize| {
        let rest = 8 - eighths;
        (a * rest.pow(3)
            + 3 * b * rest.pow(2) * eighths
            + 3 * c * rest * eighths.pow(2)
            + d * eighths.pow(3))
            / 512
    };
    let (x, y) = (at(x1, c1, c2, x2), at(y1, b1, b2, y2));
    for (line, label) in labels.iter().enumerate() {
        let class = if label.contains(" dropped") { "label bad" } else { "label" };
        text(svg, class, (x, (y + line * LINE).saturating_sub(4)), label);
    }
}

fn rectangle(svg: &mut String, class: &str, area: &Area) {
    let Area { x, y, width, height } = area;
    let _ = writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
    );
}

fn text(svg: &mut String, class: &str, (x, y): (usize, usize), content: &str) {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    let _ = writeln!(svg, "<text{class} x=\"{x}\" y=\"{y}\">{}</text>", xml(content));
}

/// Makes text safe between tags and in attributes.
fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

//! SVG that needs nothing else to be read.

use std::fmt::Write as _;

use super::{
    label::Labels,
    layout::{Area, BOX_HEIGHT, CHAR, COLUMN_GAP, LINE, MARGIN, layout},
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

/// Draws a map: links pass behind the boxes, labels are in front of everything.
pub(super) fn svg(map: &Map<'_>) -> String {
    let names: Vec<String> =
        map.parties.iter().map(|party| escape(party.name()).into_owned()).collect();
    let layout = layout(map, &names);
    let mut labels = Labels::new(&layout.boxes);
    let (mut back, mut front) = (String::new(), String::new());
    let mut height = layout.height;
    for (island, area) in map.islands.iter().zip(&layout.islands) {
        rectangle(&mut back, "island", area);
        text(&mut front, "name", (area.x + 12, area.y + 20), &escape(&island.name));
    }
    for link in &map.links {
        let curve = Curve::of(layout.boxes[link.from], layout.boxes[link.to]);
        stroke(&mut back, map, link, &curve);
        let lines = link.labels();
        let area = labels.place(&lines, curve.middle());
        height = height.max(area.y + area.height + MARGIN);
        for (number, line) in lines.iter().enumerate() {
            let class = if line.contains(" dropped") { "label bad" } else { "label" };
            let at = (area.x + area.width / 2, area.y + (number + 1) * LINE - 3);
            text(&mut front, class, at, line);
        }
    }
    for (area, name) in layout.boxes.iter().zip(&names) {
        rectangle(&mut back, "party", area);
        text(&mut back, "", (area.x + CHAR, area.y + BOX_HEIGHT / 2 + 4), name);
    }
    format!("{}{back}{front}</svg>\n", head(layout.width, height))
}

fn head(width: usize, height: usize) -> String {
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
    svg
}

/// The way of a link: two ends, and two points that bend it.
struct Curve([(usize, usize); 4]);

impl Curve {
    /// From the right side of one box to the left side of the other. Long ways sag, so that they can be told
    /// apart from what they pass; ways to the left and to oneself go around.
    fn of(from: Area, to: Area) -> Self {
        let start = (from.x + from.width, from.y + BOX_HEIGHT / 2);
        let end = (to.x, to.y + BOX_HEIGHT / 2);
        let width = end.0.abs_diff(start.0);
        let bend = if end.0 > start.0 { width / 2 } else { 60 + width / 6 };
        let sag = match (start.0 < end.0, width) {
            (true, 0..=COLUMN_GAP) => 0,
            (true, _) => width / 8,
            (false, _) => 44 + width / 8,
        };
        let one = (start.0 + bend, start.1 + sag);
        let other = (end.0.saturating_sub(bend), end.1 + sag);
        Self([start, one, other, end])
    }

    fn middle(&self) -> (usize, usize) {
        let Self([a, b, c, d]) = self;
        let mean = |a: usize, b: usize, c: usize, d: usize| (a + 3 * b + 3 * c + d) / 8;
        (mean(a.0, b.0, c.0, d.0), mean(a.1, b.1, c.1, d.1))
    }
}

fn stroke(svg: &mut String, map: &Map<'_>, link: &Link, curve: &Curve) {
    let (class, marker) = if link.has_drops() { ("drops", "drop") } else { ("link", "to") };
    let (source, destination) = (map.parties[link.from], map.parties[link.to]);
    let title = format!("{source} to {destination}: {}", link.labels().join("; "));
    let Curve([(x1, y1), (x2, y2), (x3, y3), (x4, y4)]) = curve;
    let _ = writeln!(
        svg,
        "<path class=\"{class}\" marker-end=\"url(#{marker})\" \
         d=\"M{x1} {y1}C{x2} {y2} {x3} {y3} {x4} {y4}\"><title>{}</title></path>",
        xml(&escape(&title))
    );
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

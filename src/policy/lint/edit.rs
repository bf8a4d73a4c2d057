//! Putting things into YAML whose layout is known by spans only: into a map, into a list, out of a list.

use super::finding::Edit;
use crate::policy::text::{Entry, Mark, Node, Span, Value};

/// What is put into a list: once for `[…]`, once for lines that begin with a dash.
#[derive(Clone, Debug)]
pub(super) struct Snippet {
    /// In one line.
    pub(super) flow: String,
    /// In lines, indented as if the first one stood at the margin.
    pub(super) block: String,
}

impl Snippet {
    /// Makes one that looks the same in both.
    pub(super) fn line(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { flow: text.clone(), block: text }
    }
}

fn at(mark: Mark, text: String) -> Edit {
    Edit { span: Span { start: mark, end: mark }, text }
}

fn cut(start: Mark, end: Mark) -> Edit {
    Edit { span: Span { start, end }, text: String::new() }
}

fn indent(mark: Mark) -> String {
    " ".repeat(mark.column.saturating_sub(1) as usize)
}

fn starts_line(mark: Mark) -> bool {
    mark.line > 0
}

/// Tells whether something stands inside of what holds it: what an alias or `<<` brings does not.
fn is_inside(outer: &Node, inner: Span) -> bool {
    outer.span.start <= inner.start && inner.end <= outer.span.end && starts_line(inner.start)
}

/// Tells whether a collection has brackets: then it ends after its last child.
pub(super) fn is_flow(node: &Node) -> bool {
    let last = match &node.value {
        Value::List(items) => items.last().map(|item| item.span.end),
        Value::Map(entries) => entries.last().map(|entry| entry.node.span.end),
        _ => None,
    };
    last.is_none_or(|end| end < node.span.end)
}

/// Adds an entry at the head of a map.
pub(super) fn add_entry(map: &Node, key: &str, value: &str) -> Option<Edit> {
    let Value::Map(entries) = &map.value else { return None };
    let Some(first) = entries.first() else {
        return is_inside(map, map.span)
            .then(|| Edit { span: map.span, text: format!("{{{key}: {value}}}") });
    };
    if !is_inside(map, first.key_span) {
        return None;
    }
    let start = first.key_span.start;
    let after = if is_flow(map) { ", ".to_owned() } else { format!("\n{}", indent(start)) };
    Some(at(start, format!("{key}: {value}{after}")))
}

/// Adds an item to a list.
pub(super) fn add_item(list: &Node, item: &Snippet) -> Option<Edit> {
    let Value::List(items) = &list.value else { return None };
    let Some(last) = items.last() else {
        return is_inside(list, list.span)
            .then(|| Edit { span: list.span, text: format!("[{}]", item.flow) });
    };
    if !is_inside(list, last.span) {
        return None;
    }
    if is_flow(list) {
        return Some(at(last.span.end, format!(", {}", item.flow)));
    }
    // Behind the last item there may be comments, before the first dash there are none.
    let start = dash(list, &items[0])?;
    let margin = indent(start);
    let lines = item.block.replace('\n', &format!("\n{margin}  "));
    Some(at(start, format!("- {lines}\n{margin}")))
}

/// Returns where the first dash of a list is. The span of a list that stands as far left as its key
/// begins with its first item.
fn dash(list: &Node, first: &Node) -> Option<Mark> {
    let start = list.span.start;
    if start < first.span.start {
        return Some(start);
    }
    Some(Mark { line: start.line, column: start.column.checked_sub(2).filter(|&c| c > 0)? })
}

/// Takes an item out of a list that has others.
pub(super) fn drop_item(list: &Node, n: usize) -> Option<Edit> {
    let Value::List(items) = &list.value else { return None };
    let item = items.get(n).filter(|item| items.len() > 1 && is_inside(list, item.span))?;
    if is_flow(list) {
        return Some(match items.get(n + 1) {
            Some(next) => cut(item.span.start, next.span.start),
            None => cut(items[n - 1].span.end, item.span.end),
        });
    }
    let line = |line| Mark { line, column: 1 };
    Some(cut(line(item.span.start.line), line(item.span.end.line + 1)))
}

/// Moves lines of a block to the left, so that its key stands in a column.
pub(super) fn dedent(entry: &Entry, column: u32) -> Option<Vec<Edit>> {
    let by = entry.key_span.start.column.checked_sub(column).filter(|by| *by > 0)?;
    let mut lines = vec![entry.key_span.start.line];
    lines_of(&entry.node, &mut lines);
    lines.sort_unstable();
    lines.dedup();
    let cut = |line| cut(Mark { line, column: 1 }, Mark { line, column: 1 + by });
    Some(lines.into_iter().map(cut).collect())
}

/// Collects the lines on which something of a node begins.
fn lines_of(node: &Node, lines: &mut Vec<u32>) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| lines_of(item, lines)),
        Value::Map(entries) => {
            for entry in entries {
                lines.push(entry.key_span.start.line);
                lines_of(&entry.node, lines);
            }
        }
        _ => {}
    }
    lines.push(node.span.start.line);
}

/// Puts a span in quotes.
pub(super) fn quote(span: Span) -> Vec<Edit> {
    ["\"".to_owned(), "\"".to_owned()]
        .into_iter()
        .zip([span.start, span.end])
        .map(|(text, mark)| at(mark, text))
        .collect()
}

/// Writes a text as a scalar, in quotes where YAML would read something else.
pub(super) fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
        );
    if is_plain { text.to_owned() } else { format!("{text:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{lint::apply, text};

    fn root(text: &str) -> Node {
        text::parse("f.yaml", text).expect("it is YAML").remove(0).root
    }

    fn changed(text: &str, change: impl Fn(&Node) -> Option<Edit>) -> String {
        let root = root(text);
        let target = root.get("x").expect("there");
        change(target).map_or_else(|| "unchanged".to_owned(), |edit| apply(text, &[edit]))
    }

    #[test]
    fn entries() {
        let add = |text: &str| changed(text, |map| add_entry(map, "k", "[v]"));
        assert_eq!(add("x: {}\n"), "x: {k: [v]}\n");
        assert_eq!(add("x: { a: 1 } # c\n"), "x: { k: [v], a: 1 } # c\n");
        assert_eq!(add("x:\n  # c\n  a: 1 # d\n"), "x:\n  # c\n  k: [v]\n  a: 1 # d\n");
        assert_eq!(add("y: &y {a: 1}\nx:\n  <<: *y\n"), "unchanged");
        assert_eq!(add("y: &y\n  a: 1\nx: *y\n"), "unchanged");
    }

    #[test]
    fn items() {
        let item = Snippet { flow: "{k: v, l: m}".into(), block: "k: v\nl: m".into() };
        let add = |text: &str| changed(text, |list| add_item(list, &item));
        assert_eq!(add("x: []\n"), "x: [{k: v, l: m}]\n");
        assert_eq!(add("x: [a, {b: c}]\n"), "x: [a, {b: c}, {k: v, l: m}]\n");
        assert_eq!(add("x:\n- a # c\n"), "x:\n- k: v\n  l: m\n- a # c\n");
        let nested = "x:\n  # c\n  - k: v\n    l: m\n  - a: 1\n";
        assert_eq!(add("x:\n  # c\n  - a: 1\n"), nested);
    }

    #[test]
    fn items_go() {
        let drop = |text: &str, n: usize| changed(text, |list| drop_item(list, n));
        assert_eq!(drop("x: [a, b, c]\n", 0), "x: [b, c]\n");
        assert_eq!(drop("x: [a, {b: c}]\n", 1), "x: [a]\n");
        assert_eq!(drop("x:\n- a: 1\n  b: 2 # c\n# d\n- e\n", 0), "x:\n# d\n- e\n");
        assert_eq!(drop("x:\n- a\n- b:\n  - c\ny: 1\n", 1), "x:\n- a\ny: 1\n");
        assert_eq!(drop("x: [a]\n", 0), "unchanged");
    }

    #[test]
    fn blocks_move() {
        let text = "x:\n    k: # c\n    - a: [1,\n       2]\n\n      b: 3\n";
        let root = root(text);
        let entry = &root.get("x").expect("there").entries()[0];
        let moved = apply(text, &dedent(entry, 3).expect("it stands further right"));
        assert_eq!(moved, "x:\n  k: # c\n  - a: [1,\n     2]\n\n    b: 3\n");
    }
}

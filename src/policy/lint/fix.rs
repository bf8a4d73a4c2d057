//! Changing the text: by spans, so that comments and layout stay.

use std::sync::Arc;

use super::finding::{Edit, Finding, Safety};
use crate::policy::{
    parse::{ProblemCode, Settings, parse},
    rule::{Policy, Rule},
    text::{self, Document, Mark, Node},
};

/// Makes changes to a text. Of changes that overlap, the first one is made.
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let lines = Lines::new(text);
    let mut places: Vec<(usize, usize, &str)> = edits
        .iter()
        .map(|edit| (lines.offset(edit.span.start), lines.offset(edit.span.end), &*edit.text))
        .collect();
    places.sort_by_key(|(start, end, _)| (*start, *end));
    places.dedup();
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (start, end, new) in places {
        if start < done || end < start {
            continue;
        }
        out.push_str(&text[done..start]);
        out.push_str(new);
        done = end;
    }
    out.push_str(&text[done..]);
    out
}

/// Where lines begin, to find places.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let after = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(n, _)| n + 1);
        Self { text, starts: std::iter::once(0).chain(after).collect() }
    }

    fn offset(&self, mark: Mark) -> usize {
        let line = (mark.line as usize).saturating_sub(1);
        let Some(&start) = self.starts.get(line) else { return self.text.len() };
        // A mark at the beginning is not counted as a column of the first line.
        let start = if line == 0 && self.text.starts_with('\u{feff}') { start + 3 } else { start };
        let column = (mark.column as usize).saturating_sub(1);
        let rest = &self.text[start..];
        rest.char_indices().nth(column).map_or(self.text.len(), |(n, _)| start + n)
    }
}

/// Returns the changes of findings in a text that change no verdict that is in force.
pub fn safe_edits<'f>(
    text: &str,
    findings: impl Iterator<Item = &'f Finding>,
    settings: &Settings,
) -> Vec<Edit> {
    let fixes = findings.filter_map(|finding| finding.fix.as_ref());
    let fixes: Vec<&[Edit]> =
        fixes.filter(|fix| fix.safety == Safety::Safe).map(|fix| &*fix.edits).collect();
    let all: Vec<Edit> = fixes.concat();
    // All of them are tried at once, as there may be thousands.
    if is_safe(text, &all, settings) {
        return all;
    }
    fixes.into_iter().filter(|edits| is_safe(text, edits, settings)).flatten().cloned().collect()
}

/// Tells whether changes are safe: the text is still YAML, objects that were accepted say the same as
/// before, and no object is worse than before.
fn is_safe(text: &str, edits: &[Edit], settings: &Settings) -> bool {
    let (before, after) = (text::parse("", text), text::parse("", &apply(text, edits)));
    let (Ok(before), Ok(after)) = (before, after) else { return false };
    before.len() == after.len()
        && before.iter().zip(&after).all(|(before, after)| {
            let (before, after) = (objects(before), objects(after));
            before.len() == after.len()
                && before
                    .iter()
                    .zip(&after)
                    .all(|(before, after)| is_no_worse(before, after, settings))
        })
}

fn objects(document: &Document) -> Vec<Document> {
    let items = document.root.get("items").map(Node::items).unwrap_or_default();
    if items.is_empty() {
        return vec![document.clone()];
    }
    let one = |root: &Node| Document { file: Arc::clone(&document.file), root: root.clone() };
    items.iter().map(one).collect()
}

fn is_no_worse(before: &Document, after: &Document, settings: &Settings) -> bool {
    match (parse(before, settings), parse(after, settings)) {
        (Some(before), Some(after)) => match (&before.policy, &after.policy) {
            (Some(before), Some(after)) => meaning(before) == meaning(after),
            (None, _) => {
                let count = |problems: &[crate::policy::parse::Problem]| {
                    problems.iter().filter(|p| p.code != ProblemCode::UnknownPeer).count()
                };
                count(&after.problems) <= count(&before.problems)
            }
            (Some(_), None) => false,
        },
        (None, None) => true,
        _ => false,
    }
}

/// What a policy says, without where.
fn meaning(policy: &Policy) -> Vec<String> {
    let text = |rule: &Rule| {
        let Rule { subject, direction, turn, peers, ports, action, isolates, .. } = rule;
        format!("{subject:?} {direction:?} {turn:?} {peers:?} {ports:?} {action:?} {isolates}")
    };
    policy.rules.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::text::Span;

    #[test]
    fn edits_keep_what_is_around_them() {
        let at = |line, column| Mark { line, column };
        let edit = |start, end, text: &str| Edit { span: Span { start, end }, text: text.into() };
        let text = "a: ä # one\nb: [x, y] # two\n";
        let edits = [edit(at(2, 8), at(2, 9), "z"), edit(at(1, 4), at(1, 5), "\"ö\"")];
        assert_eq!(apply(text, &edits), "a: \"ö\" # one\nb: [x, z] # two\n");
        assert_eq!(apply(text, &[]), text);
    }
}

//! Changing the text: by spans, so that comments and layout stay.

use std::{collections::BTreeMap, sync::Arc};

use super::finding::{Edit, Finding, Fix, Safety};
use crate::policy::{
    parse::{ProblemCode, Settings, parse},
    rule::{Policy, Rule},
    text::{self, Document, Lines, Mark, Node},
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

/// Returns the changes of findings in a text, as far as they are as safe as asked for.
pub fn edits<'f>(
    text: &str,
    findings: impl Iterator<Item = &'f Finding>,
    settings: &Settings,
    most: Safety,
) -> Vec<Edit> {
    let mut fixes: Vec<&Fix> = findings.filter_map(|finding| finding.fix.as_ref()).collect();
    fixes.sort_by_key(|fix| fix.safety);
    let mut taken = BTreeMap::new();
    fixes.retain(|fix| fix.safety <= most && take(&mut taken, &fix.edits));
    let mut chosen = Vec::new();
    for class in fixes.chunk_by(|a, b| a.safety == b.safety) {
        let classes: Vec<&[Edit]> = class.iter().map(|fix| &*fix.edits).collect();
        let holds: Check = if class[0].safety == Safety::Safe { is_no_change } else { is_no_loss };
        choose(text, &classes, settings, holds, &mut chosen);
    }
    chosen
}

/// Notes the places that a fix changes; `false` if another fix changes them, too.
fn take(taken: &mut BTreeMap<Mark, Mark>, edits: &[Edit]) -> bool {
    let is_free = |edit: &Edit| {
        let (start, end) = (edit.span.start, edit.span.end);
        let before = taken.range(..=start).next_back();
        let after = taken.range(start..).next();
        let is_apart = before.is_none_or(|(_, before)| *before <= start)
            && after.is_none_or(|(after, _)| end <= *after);
        // What several fixes put into one place, or change in the same way, is done once.
        is_apart || taken.get(&start) == Some(&end)
    };
    let all = edits.iter().all(is_free);
    if all {
        for Edit { span, .. } in edits {
            let end = taken.entry(span.start).or_insert(span.end);
            *end = span.end.max(*end);
        }
    }
    all
}

type Check = fn(&Document, &Document, &Settings) -> bool;

/// Adds fixes to those chosen: all at once, as there may be thousands, or else by halves, until what
/// does not hold is left out.
fn choose(
    text: &str,
    fixes: &[&[Edit]],
    settings: &Settings,
    holds: Check,
    chosen: &mut Vec<Edit>,
) {
    let all: Vec<Edit> = chosen.iter().cloned().chain(fixes.concat()).collect();
    if holds_everywhere(text, &apply(text, &all), settings, holds) {
        *chosen = all;
    } else if fixes.len() > 1 {
        let (some, rest) = fixes.split_at(fixes.len() / 2);
        choose(text, some, settings, holds, chosen);
        choose(text, rest, settings, holds, chosen);
    }
}

/// Tells whether something holds of every object before and after. The text must be what it was: YAML,
/// and JSON if it was that.
fn holds_everywhere(before: &str, after: &str, settings: &Settings, holds: Check) -> bool {
    let is_json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if before.trim_start().starts_with(['{', '[']) && is_json(before) && !is_json(after) {
        return false;
    }
    let (Ok(before), Ok(after)) = (text::parse("", before), text::parse("", after)) else {
        return false;
    };
    before.len() == after.len()
        && before.iter().zip(&after).all(|(before, after)| {
            let (before, after) = (objects(before), objects(after));
            before.len() == after.len()
                && before.iter().zip(&after).all(|(before, after)| holds(before, after, settings))
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

/// Tells whether an object that was accepted says the same as before, and one that was not is no worse.
fn is_no_change(before: &Document, after: &Document, settings: &Settings) -> bool {
    is_no_worse(before, after, settings, |before, after| meaning(before) == meaning(after))
}

/// Tells whether an object that was accepted still is, and one that was not is no worse.
fn is_no_loss(before: &Document, after: &Document, settings: &Settings) -> bool {
    is_no_worse(before, after, settings, |_, _| true)
}

fn is_no_worse(
    before: &Document,
    after: &Document,
    settings: &Settings,
    goes_with: impl Fn(&Policy, &Policy) -> bool,
) -> bool {
    match (parse(before, settings), parse(after, settings)) {
        (Some(before), Some(after)) => match (&before.policy, &after.policy) {
            (Some(before), Some(after)) => goes_with(before, after),
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

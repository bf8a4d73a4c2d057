//! Findings that people do not want to hear of: comments in the text, annotations of objects.
//!
//! `# skep-lint: disable=NP2006,NP3002 reason` after something is about that line and what is below it,
//! by indentation; on a line of its own, about the next line and what is below that; before the first
//! line of a document, about all of it.

use std::collections::HashMap;

use super::{code::Code, corpus::Corpus, finding::Finding};

const COMMENT: &str = "# skep-lint: disable=";
const ANNOTATION: &str = "skep.io/lint-ignore";

/// The comments of one file.
#[derive(Debug, Default)]
pub struct Suppressions {
    /// First and last line, and the codes.
    ranges: Vec<(u32, u32, Vec<String>)>,
}

impl Suppressions {
    /// Finds the comments of a text.
    pub fn read(text: &str) -> Self {
        if !text.contains(COMMENT) {
            return Self::default();
        }
        let lines: Vec<&str> = text.lines().collect();
        let mut ranges = Vec::new();
        for (n, line) in lines.iter().enumerate() {
            let Some(at) = line.find(COMMENT) else { continue };
            if !line[..at].is_empty() && !line[..at].ends_with(char::is_whitespace) {
                continue;
            }
            let rest = &line[at + COMMENT.len()..];
            let list = rest.split_whitespace().next().unwrap_or_default();
            let choices: Vec<String> = list.split(',').map(str::to_owned).collect();
            let is_alone = line[..at].trim().is_empty();
            let start = if is_alone { next_line(&lines, n + 1) } else { Some(n) };
            let Some(start) = start else { continue };
            let last = if is_alone && is_head(&lines, start) {
                document_end(&lines, start)
            } else {
                block_end(&lines, start)
            };
            ranges.push((number(start), number(last), choices));
        }
        Self { ranges }
    }

    /// Tells whether a comment is about a finding.
    pub fn cover(&self, finding: &Finding) -> bool {
        let line = finding.span.start.line;
        self.ranges.iter().any(|(first, last, choices)| {
            (*first..=*last).contains(&line) && names(choices, finding.code)
        })
    }

    /// Returns what no code is called.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let choices = self.ranges.iter().flat_map(|(_, _, choices)| choices);
        choices.map(String::as_str).filter(|choice| !super::code::is_choice(choice))
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

fn is_blank(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

fn is_mark(line: &str) -> bool {
    line.starts_with("---") || line.starts_with("...")
}

fn next_line(lines: &[&str], from: usize) -> Option<usize> {
    (from..lines.len()).find(|&n| !is_blank(lines[n]) && !is_mark(lines[n]))
}

/// Tells whether a line is the first of its document.
fn is_head(lines: &[&str], at: usize) -> bool {
    lines[..at].iter().rev().take_while(|line| !is_mark(line)).all(|line| is_blank(line))
}

fn document_end(lines: &[&str], from: usize) -> usize {
    (from..lines.len()).find(|&n| is_mark(lines[n])).unwrap_or(lines.len()) - 1
}

/// Returns the last line that is indented more than the first one.
fn block_end(lines: &[&str], start: usize) -> usize {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = indent(lines[start]);
    let is_item = lines[start].trim_start().starts_with('-');
    let mut last = start;
    for (n, line) in lines.iter().enumerate().skip(start + 1) {
        if is_blank(line) {
            continue;
        }
        // Items of a list may stand as far left as the key that they belong to.
        let is_own_item = !is_item && indent(line) == own && line.trim_start().starts_with("- ");
        if is_mark(line) || (indent(line) <= own && !is_own_item) {
            break;
        }
        last = n;
    }
    last
}

/// Returns the codes that annotations name, by object.
pub(super) fn annotations(corpus: &Corpus) -> HashMap<String, Vec<String>> {
    let read = |object: &super::corpus::Object| {
        let text = object.document.root.at(&["metadata", "annotations", ANNOTATION])?;
        let list = text.text()?.split([',', ' ']).filter(|part| !part.is_empty());
        Some((object.parsed.reference.to_string(), list.map(str::to_owned).collect()))
    };
    corpus.objects.iter().filter_map(read).collect()
}

/// Tells whether choices name a code.
pub(super) fn names(choices: &[String], code: &Code) -> bool {
    choices.iter().any(|choice| code.is_meant_by(choice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_about_what_is_below_them() {
        let text = "\
a: 1
b: # skep-lint: disable=NP1 why
  c: 2
  # skep-lint: disable=NP2,NP3
  d:
  - e
  f: 3
---
# skep-lint: disable=NP4
g: 1
h: 2
---
x: \"no# skep-lint: disable=NP5\"
";
        let ranges: Vec<(u32, u32, String)> = Suppressions::read(text)
            .ranges
            .into_iter()
            .map(|(first, last, codes)| (first, last, codes.join(" ")))
            .collect();
        assert_eq!(
            ranges,
            [(2, 7, "NP1".into()), (5, 6, "NP2 NP3".into()), (10, 11, "NP4".into())]
        );
    }
}

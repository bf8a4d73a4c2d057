//! For people: the source line with carets, why, and what to do.

use std::{collections::BTreeMap, fmt::Write};

use super::command::{Report, level};
use crate::{
    cli::output::{Output, Tone, escape},
    policy::{
        lint::{Finding, Safety},
        parse::Severity,
    },
};

/// The lines of all files, and the one that was shown last: generated manifests have lines of megabytes,
/// with thousands of findings each.
struct Lines<'t> {
    by_file: BTreeMap<&'t str, Vec<&'t str>>,
    place: (String, u32),
    chars: Vec<char>,
}

impl Lines<'_> {
    /// Returns the characters of a line.
    fn at(&mut self, file: &str, number: u32) -> Option<&[char]> {
        if self.place.1 != number || self.place.0 != file {
            let line = self.by_file.get(file)?.get((number as usize).checked_sub(1)?)?;
            self.chars = line.trim_end().chars().collect();
            self.place = (file.to_owned(), number);
        }
        Some(&self.chars)
    }
}

pub(super) fn text(out: &Output, report: &Report<'_>) -> String {
    let mut text = String::new();
    let by_file = report.texts.iter().map(|(name, text)| (&**name, text.lines().collect()));
    let (by_file, place) = (by_file.collect(), (String::new(), 0));
    let mut lines = Lines { by_file, place, chars: Vec::new() };
    for finding in report.findings {
        write_finding(out, finding, &mut lines, &mut text);
    }
    let _ = writeln!(text, "{}", summary(report.findings));
    text
}

fn summary(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "No findings.".to_owned();
    }
    let plural = |count: usize, word: &str| {
        let ending = if count == 1 || word == "info" || word == "pedantic" { "" } else { "s" };
        format!("{count} {word}{ending}")
    };
    let mut told = Vec::new();
    for severity in [Severity::Error, Severity::Warn, Severity::Info, Severity::Pedantic] {
        match findings.iter().filter(|finding| finding.severity == severity).count() {
            0 => {}
            count => told.push(plural(count, level(severity))),
        }
    }
    let fixes = |safety| {
        findings.iter().filter(|f| f.fix.as_ref().is_some_and(|fix| fix.safety == safety)).count()
    };
    let mended = match (fixes(Safety::Safe), fixes(Safety::Unsafe)) {
        (0, 0) => String::new(),
        (safe, 0) => format!(" --fix mends {safe}."),
        (0, more) => format!(" --fix --unsafe-fixes mends {more}."),
        (safe, more) => format!(" --fix mends {safe}, with --unsafe-fixes {more} more."),
    };
    format!("{}: {}.{mended}", plural(findings.len(), "finding"), told.join(", "))
}

fn write_finding(out: &Output, finding: &Finding, lines: &mut Lines<'_>, text: &mut String) {
    let tone = match finding.severity {
        Severity::Error => Tone::Bad,
        Severity::Warn => Tone::Warn,
        Severity::Info | Severity::Pedantic => Tone::Plain,
    };
    let head = format!("{}[{}]", level(finding.severity), finding.code.id);
    let _ = writeln!(text, "{}: {}", out.paint(&head, tone), escape(&finding.message));
    let file = &*finding.object.file;
    let start = finding.span.start;
    let object = escape(&finding.object.to_string()).into_owned();
    if file.is_empty() {
        let _ = writeln!(text, "  --> {object} {}", escape(&finding.path));
    } else {
        let place = format!("{file}:{}:{}", start.line, start.column);
        let _ = writeln!(text, "  --> {} ({object})", escape(&place));
    }
    if let Some(line) = lines.at(file, start.line) {
        source(out, finding, line, tone, text);
    }
    for note in &finding.notes {
        let _ = writeln!(text, "   = {}", escape(note));
    }
    text.push('\n');
}

/// Columns of a source line that are shown, and those of them in front of the finding.
const WIDTH: usize = 160;
const BEFORE: usize = 60;

fn source(out: &Output, finding: &Finding, line: &[char], tone: Tone, text: &mut String) {
    let (start, end) = (finding.span.start, finding.span.end);
    let number = start.line.to_string();
    let gutter = " ".repeat(number.len());
    let first = (start.column.max(1) as usize - 1).min(line.len());
    let last = if end.line == start.line { end.column.max(1) as usize - 1 } else { line.len() };
    let skipped = if line.len() > WIDTH { first.saturating_sub(BEFORE) } else { 0 };
    let rest = &line[skipped..];
    let shown: String = rest.iter().take(WIDTH).collect();
    let head = if skipped > 0 { "…" } else { "" };
    let tail = if rest.len() > WIDTH { "…" } else { "" };
    let first = first - skipped;
    let last = last.saturating_sub(skipped).min(rest.len()).min(WIDTH);
    let carets = "^".repeat(last.saturating_sub(first).max(1));
    let margin = " ".repeat(first + head.chars().count());
    let _ = writeln!(text, " {gutter} |");
    let _ = writeln!(text, " {number} | {head}{}{tail}", escape(&shown));
    let _ = writeln!(text, " {gutter} | {margin}{}", out.paint(&carets, tone));
}

//! For people: the source line with carets, why, and what to do.

use std::fmt::Write;

use super::command::{Report, level};
use crate::{
    cli::output::{Output, Tone, escape},
    policy::{lint::Finding, parse::Severity},
};

pub(super) fn text(out: &Output, report: &Report<'_>) -> String {
    let mut text = String::new();
    for finding in report.findings {
        write_finding(out, finding, report, &mut text);
    }
    let count = |severity| report.findings.iter().filter(|f| f.severity == severity).count();
    let _ = writeln!(
        text,
        "{}",
        summary(&[
            (count(Severity::Error), "error"),
            (count(Severity::Warn), "warning"),
            (count(Severity::Info), "note"),
            (count(Severity::Pedantic), "matter of taste"),
        ])
    );
    text
}

fn summary(counts: &[(usize, &str)]) -> String {
    let told =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| match (*count, *word) {
            (1, word) => format!("1 {word}"),
            (count, "matter of taste") => format!("{count} matters of taste"),
            (count, word) => format!("{count} {word}s"),
        });
    let told: Vec<String> = told.collect();
    if told.is_empty() { "No findings.".to_owned() } else { format!("{}.", told.join(", ")) }
}

fn write_finding(out: &Output, finding: &Finding, report: &Report<'_>, text: &mut String) {
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
    let lines = report.texts.get(file).and_then(|t| t.lines().nth(start.line.max(1) as usize - 1));
    if let Some(line) = lines.filter(|_| start.line > 0) {
        source(out, finding, line, tone, text);
    }
    for note in &finding.notes {
        let _ = writeln!(text, "   = {}", escape(note));
    }
    text.push('\n');
}

fn source(out: &Output, finding: &Finding, line: &str, tone: Tone, text: &mut String) {
    let (start, end) = (finding.span.start, finding.span.end);
    let number = start.line.to_string();
    let gutter = " ".repeat(number.len());
    let shown = escape(line.trim_end());
    let width = line.trim_end().chars().count();
    let first = (start.column.max(1) as usize - 1).min(width);
    let last =
        if end.line == start.line { (end.column.max(1) as usize - 1).min(width) } else { width };
    let carets = "^".repeat(last.saturating_sub(first).max(1));
    let _ = writeln!(text, " {gutter} |");
    let _ = writeln!(text, " {number} | {shown}");
    let _ = writeln!(text, " {gutter} | {}{}", " ".repeat(first), out.paint(&carets, tone));
}

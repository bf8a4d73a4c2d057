//! Annotations of GitHub Actions: workflow commands, one a line.

use std::fmt::Write;

use super::command::Report;
use crate::policy::parse::Severity;

pub(super) fn text(report: &Report<'_>) -> String {
    let mut text = String::new();
    for finding in report.findings {
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Warn => "warning",
            Severity::Info | Severity::Pedantic => "notice",
        };
        let title = property(&format!("{} {}", finding.code.id, finding.code.name));
        let mut message = format!("{}: {}", finding.object, finding.message);
        for note in &finding.notes {
            message.push('\n');
            message.push_str(note);
        }
        let place = match &*finding.object.file {
            "" => String::new(),
            file => {
                let (start, end) = (finding.span.start, finding.span.end);
                format!(
                    "file={},line={},endLine={},col={},",
                    property(file),
                    start.line,
                    end.line.max(start.line),
                    start.column
                )
            }
        };
        let _ = writeln!(text, "::{level} {place}title={title}::{}", data(&message));
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

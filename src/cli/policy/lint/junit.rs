//! A JUnit report: a suite per file, a case per finding.

use std::fmt::Write;

use super::command::{Report, level};

pub(super) fn text(report: &Report<'_>) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let count = report.findings.len();
    let _ = writeln!(
        text,
        "<testsuites name=\"skep policy lint\" tests=\"{}\" failures=\"{count}\">",
        count.max(1)
    );
    for group in report.findings.chunk_by(|a, b| a.object.file == b.object.file) {
        let file = match &*group[0].object.file {
            "" => "cluster",
            file => file,
        };
        let count = group.len();
        let _ = writeln!(
            text,
            "  <testsuite name=\"{}\" tests=\"{count}\" failures=\"{count}\">",
            escape(file)
        );
        for finding in group {
            let line = finding.span.start.line;
            let _ = writeln!(
                text,
                "    <testcase name=\"{} {} {line}\" classname=\"{}\">\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>",
                finding.code.id,
                finding.code.name,
                escape(&finding.object.to_string()),
                level(finding.severity),
                escape(&finding.message),
                escape(&finding.notes.join("\n")),
            );
        }
        text.push_str("  </testsuite>\n");
    }
    if report.findings.is_empty() {
        text.push_str("  <testsuite name=\"skep policy lint\" tests=\"1\" failures=\"0\">\n    <testcase name=\"no findings\"/>\n  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// XML has no control characters, escaped or not.
fn escape(text: &str) -> String {
    let text: String =
        text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

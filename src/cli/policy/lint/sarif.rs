//! SARIF 2.1.0 (OASIS), for code scanning.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::command::Report;
use crate::{
    cli::{error::Error, output::EncodeError},
    policy::{
        lint::{CODES, Code, Finding},
        parse::Severity,
        text::Span,
    },
};

pub(super) fn text(report: &Report<'_>) -> Result<String, Error> {
    let used: BTreeSet<&str> = report.findings.iter().map(|finding| finding.code.id).collect();
    let rules: Vec<Value> = CODES.iter().filter(|code| used.contains(code.id)).map(rule).collect();
    let results: Vec<Value> = report.findings.iter().map(result).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "skep",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    Ok(serde_json::to_string_pretty(&log).map_err(EncodeError::from)? + "\n")
}

fn rule(code: &Code) -> Value {
    json!({
        "id": code.id,
        "name": code.name,
        "shortDescription": {"text": code.name},
        "help": {"text": code.page(), "markdown": code.page()},
        "defaultConfiguration": {"level": level(code.severity)},
    })
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warn => "warning",
        Severity::Info | Severity::Pedantic => "note",
    }
}

fn region(span: Span) -> Value {
    json!({
        "startLine": span.start.line.max(1),
        "startColumn": span.start.column.max(1),
        "endLine": span.end.line.max(span.start.line).max(1),
        "endColumn": span.end.column.max(1),
    })
}

fn result(finding: &Finding) -> Value {
    let object = finding.object.to_string();
    let uri = match &*finding.object.file {
        "" => format!("cluster/{}", object.replace(' ', "/")),
        file => file.replace('\\', "/"),
    };
    let mut message = finding.message.clone();
    for note in &finding.notes {
        message.push('\n');
        message.push_str(note);
    }
    let mut result = json!({
        "ruleId": finding.code.id,
        "level": level(finding.severity),
        "message": {"text": message},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": uri}, "region": region(finding.span)},
            "logicalLocations": [{"fullyQualifiedName": format!("{object} {}", finding.path)}],
        }],
        "partialFingerprints": {"skepLint/v1": fingerprint(finding)},
    });
    if let Some(fix) = &finding.fix {
        let replacements: Vec<Value> = fix
            .edits
            .iter()
            .map(|edit| json!({"deletedRegion": region(edit.span), "insertedContent": {"text": edit.text}}))
            .collect();
        result["fixes"] = json!([{
            "description": {"text": finding.code.name},
            "artifactChanges": [{"artifactLocation": {"uri": uri}, "replacements": replacements}],
        }]);
    }
    result
}

/// Stays the same when lines move.
fn fingerprint(finding: &Finding) -> String {
    let text =
        format!("{}\n{}\n{}\n{}", finding.code.id, finding.object, finding.path, finding.message);
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

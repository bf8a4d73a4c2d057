//! For scripts.

use serde::Serialize;

use super::command::Report;
use crate::{
    api::API_VERSION,
    cli::{error::Error, output::EncodeError},
    policy::{
        lint::{Edit, Finding, Fix},
        parse::Severity,
    },
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'a> {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    code: &'static str,
    name: &'static str,
    severity: Severity,
    message: &'a str,
    notes: &'a [String],
    kind: &'static str,
    namespace: Option<&'a str>,
    object: &'a str,
    path: &'a str,
    file: Option<&'a str>,
    line: Option<u32>,
    column: Option<u32>,
    end_line: Option<u32>,
    end_column: Option<u32>,
    fix: Option<FixView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FixView<'a> {
    safety: &'static str,
    edits: Vec<EditView<'a>>,
}

/// Text in the place of a span, whose end is exclusive.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EditView<'a> {
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    text: &'a str,
}

pub(super) fn text(report: &Report<'_>) -> Result<String, Error> {
    let items = report.findings.iter().map(item).collect();
    let view = View { api_version: API_VERSION, kind: "PolicyFindingList", items };
    Ok(serde_json::to_string_pretty(&view).map_err(EncodeError::from)? + "\n")
}

fn item(finding: &Finding) -> Item<'_> {
    let file = (!finding.object.file.is_empty()).then_some(&*finding.object.file);
    let (start, end) = (finding.span.start, finding.span.end);
    Item {
        code: finding.code.id,
        name: finding.code.name,
        severity: finding.severity,
        message: &finding.message,
        notes: &finding.notes,
        kind: finding.object.kind.name(),
        namespace: finding.object.namespace.as_deref(),
        object: &finding.object.name,
        path: &finding.path,
        line: file.map(|_| start.line),
        column: file.map(|_| start.column),
        end_line: file.map(|_| end.line),
        end_column: file.map(|_| end.column),
        file,
        fix: finding.fix.as_ref().map(fix),
    }
}

fn fix(Fix { safety, edits }: &Fix) -> FixView<'_> {
    FixView { safety: safety.name(), edits: edits.iter().map(edit).collect() }
}

fn edit(Edit { span, text }: &Edit) -> EditView<'_> {
    EditView {
        line: span.start.line,
        column: span.start.column,
        end_line: span.end.line,
        end_column: span.end.column,
        text,
    }
}

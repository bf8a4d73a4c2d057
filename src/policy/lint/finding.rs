//! What lint has to say.

use std::sync::Arc;

use super::code::{self, Code};
use crate::policy::{
    parse::Severity,
    rule::PolicyRef,
    text::{Node, Span},
};

/// A finding: what, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which code.
    pub code: &'static Code,
    /// How bad it is here.
    pub severity: Severity,
    /// The policy.
    pub object: Arc<PolicyRef>,
    /// Where in the file.
    pub span: Span,
    /// Path in the object.
    pub path: String,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// Witnesses, and what to do.
    pub notes: Vec<String>,
    /// A change of the text that mends it.
    pub fix: Option<Fix>,
}

/// Whether a fix may be made without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safety {
    /// No verdict that is in force changes.
    Safe,
    /// Verdicts change.
    Unsafe,
    /// One of several ways to mend it; only people can choose.
    Display,
}

impl Safety {
    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
            Self::Display => "display",
        }
    }
}

/// A change of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Whether it may be made without asking.
    pub safety: Safety,
    /// What is put where; spans do not overlap.
    pub edits: Vec<Edit>,
}

/// Text in the place of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What goes.
    pub span: Span,
    /// What comes.
    pub text: String,
}

impl Finding {
    /// Starts a finding at a node.
    pub(super) fn new(
        id: &str,
        object: &Arc<PolicyRef>,
        (node, path): (&Node, &str),
        message: impl Into<String>,
    ) -> Self {
        let code = code::of(id);
        Self {
            code,
            severity: code.severity,
            object: Arc::clone(object),
            span: node.span,
            path: path.to_owned(),
            message: message.into(),
            notes: Vec::new(),
            fix: None,
        }
    }

    pub(super) fn at(mut self, span: Span) -> Self {
        self.span = span;
        self
    }

    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds the change of one span.
    pub(super) fn fix(self, safety: Safety, span: Span, text: impl Into<String>) -> Self {
        self.edits(safety, vec![Edit { span, text: text.into() }])
    }

    /// Adds a change, if there is one.
    pub(super) fn edits(mut self, safety: Safety, edits: impl IntoIterator<Item = Edit>) -> Self {
        let edits: Vec<Edit> = edits.into_iter().collect();
        if !edits.is_empty() {
            self.fix = Some(Fix { safety, edits });
        }
        self
    }
}

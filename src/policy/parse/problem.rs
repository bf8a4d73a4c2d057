//! What is wrong with an object.

use std::{fmt, sync::Arc};

use serde::Serialize;

use crate::policy::text::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A matter of taste.
    Pedantic,
    /// Worth knowing.
    Info,
    /// Very likely a mistake.
    Warn,
    /// The object is rejected, or does not do what it says.
    Error,
}

/// Kinds of problems that parsing finds; their codes are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemCode {
    /// The object breaks a rule of its kind.
    Rejected,
    /// A field that the kind does not have.
    UnknownField,
    /// A plain scalar that YAML 1.1 reads as a boolean stands where text must.
    YamlBoolean,
    /// No rules at all.
    NoRules,
    /// Layer 7 rules of a kind that is gone; without them the rule would allow more.
    RemovedLayer7,
    /// A peer of a kind that is not known here.
    UnknownPeer,
}

impl ProblemCode {
    /// Returns the code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Rejected => "NP1001",
            Self::UnknownField | Self::UnknownPeer => "NP1002",
            Self::NoRules => "NP1004",
            Self::YamlBoolean => "NP1007",
            Self::RemovedLayer7 => "NP5004",
        }
    }

    /// Returns how bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::UnknownPeer => Severity::Warn,
            _ => Severity::Error,
        }
    }
}

/// Something wrong with an object, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem.
    pub code: ProblemCode,
    /// What is wrong, as a sentence.
    pub message: String,
    /// Path of the field, such as `spec.ingress[0].toPorts`.
    pub path: String,
    /// The file; empty for objects of a cluster.
    pub file: Arc<str>,
    /// Where in the file.
    pub span: Span,
    /// What to write instead of a key there.
    pub rename: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}:{}:{}: ", self.file, self.span.start.line, self.span.start.column)?;
        }
        write!(f, "{}: {}", self.path, self.message)
    }
}

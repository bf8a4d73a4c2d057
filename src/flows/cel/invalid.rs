//! Why an expression is refused.

use super::kind::Kind;

/// An expression makes no sense, or could cost too much.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {problem}")]
pub struct InvalidExpression {
    /// Where, in characters from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Something else was expected.
    #[error("{found} where {wanted} should be")]
    Unexpected {
        /// What stands there.
        found: String,
        /// What should.
        wanted: &'static str,
    },
    /// A text without its second quote.
    #[error("the text that begins here does not end")]
    OpenText,
    /// A backslash with something that it does not go with.
    #[error("\\{0} stands for nothing")]
    Escape(char),
    /// A number that no type holds.
    #[error("{0} is not a number that CEL can hold")]
    Number(String),
    /// Too many characters.
    #[error("{count} characters, but an expression has {limit} at most")]
    TooLong {
        /// How many there are.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// Parentheses, operators or calls in each other.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// How deep is allowed.
        limit: usize,
    },
    /// A macro that goes through a list in another one in another one.
    #[error("lists are gone through at most {limit} deep")]
    TooManyLoops {
        /// How deep is allowed.
        limit: usize,
    },
    /// Patterns are costly.
    #[error("more than {limit} patterns in one expression")]
    TooManyPatterns {
        /// How many are allowed.
        limit: usize,
    },
    /// A part of CEL that is not there.
    #[error("{0} cannot be used in filters")]
    Unsupported(&'static str),
    /// No such field.
    #[error("{message} has no field {name}{}", hint(.nearest))]
    Field {
        /// Name of the message.
        message: String,
        /// What was asked for.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// Something that has no fields.
    #[error("{kind} has no fields, so no {name}")]
    NoFields {
        /// What it is.
        kind: Kind,
        /// What was asked for.
        name: String,
    },
    /// No such variable or enum.
    #[error("{name} is not known; the flow is _flow{}", hint(.nearest))]
    Name {
        /// What was asked for.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// No such value of an enum.
    #[error("{of} has no value {name}{}", hint(.nearest))]
    Constant {
        /// The enum.
        of: String,
        /// What was asked for.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// No such function.
    #[error("there is no function {name}{}", hint(.nearest))]
    Function {
        /// What was called.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// An operator or function that does not go with what it is given.
    #[error("{what} does not take {}", list(.given))]
    Overload {
        /// The operator or function.
        what: &'static str,
        /// What it is given.
        given: Vec<Kind>,
    },
    /// `has()` of something that is no field.
    #[error("has() takes a field, such as has(_flow.l4.TCP)")]
    Has,
    /// A macro without a variable.
    #[error("{0}() takes the name of a variable first, such as x in labels.{0}(x, ...)")]
    Variable(&'static str),
    /// A pattern that cannot be compiled.
    #[error("{0:?} is not a regular expression, or too large a one")]
    Pattern(String),
    /// It does not say yes or no.
    #[error("the expression gives {0}, but a filter needs bool")]
    NotBool(Kind),
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default()
}

fn list(given: &[Kind]) -> String {
    let given: Vec<String> = given.iter().map(ToString::to_string).collect();
    if given.is_empty() { "nothing".to_owned() } else { given.join(" and ") }
}

/// Returns the name that was probably meant.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let close = |other: &&str| {
        let distance =
            strsim::damerau_levenshtein(&name.to_ascii_lowercase(), &other.to_ascii_lowercase());
        (distance <= 1 + name.len() / 4).then_some(distance)
    };
    let near = names.filter_map(|other| close(&other).map(|distance| (distance, other)));
    near.min().map(|(_, other)| other.to_owned())
}

impl Problem {
    pub(super) const fn at(self, at: usize) -> InvalidExpression {
        InvalidExpression { column: at + 1, problem: self }
    }
}

//! Why a filter is refused.

use crate::flows::InvalidExpression;

/// A filter makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilter {
    /// A value that the field does not take.
    #[error("{field}: {value:?} is not {expected}")]
    Value {
        /// Name of the field on the wire.
        field: &'static str,
        /// What was given.
        value: String,
        /// What the field takes.
        expected: &'static str,
    },
    /// A field about HTTP in a filter that lets no HTTP pass.
    #[error("{field} asks for HTTP, which is event type 129, but event_type has {kind} only")]
    NoHttp {
        /// Name of the field on the wire.
        field: &'static str,
        /// The first event type that is asked for.
        kind: i32,
    },
    /// An expression that makes no sense, or could cost too much.
    #[error("experimental.cel_expression: {expression:?}: {reason}")]
    Expression {
        /// What was given.
        expression: String,
        /// What is wrong with it, and where.
        reason: InvalidExpression,
    },
    /// Too many expressions.
    #[error("{count} expressions, but at most {limit} are allowed")]
    TooManyExpressions {
        /// How many there are.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// Too many of them.
    #[error("{count} filters, but at most {limit} are allowed")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// Too many alternatives in one field.
    #[error("{field} has {count} values, but at most {limit} are allowed")]
    TooLong {
        /// Name of the field on the wire.
        field: &'static str,
        /// How many there are.
        count: usize,
        /// How many may be.
        limit: usize,
    },
}

/// Most values of one field: a reader must not make every flow expensive.
const MAX_VALUES: usize = 1024;

/// Checks each value of a field.
pub(super) fn each<V, T>(
    field: &'static str,
    values: &[V],
    expected: &'static str,
    parse: impl Fn(&V) -> Option<T>,
) -> Result<Vec<T>, InvalidFilter>
where
    V: ToString,
{
    bounded(field, values)?;
    let one = |value: &V| {
        parse(value).ok_or_else(|| InvalidFilter::Value {
            field,
            value: value.to_string(),
            expected,
        })
    };
    values.iter().map(one).collect()
}

/// Takes values that need no check but of their number.
pub(super) fn all<T: Clone>(field: &'static str, values: &[T]) -> Result<Vec<T>, InvalidFilter> {
    bounded(field, values).map(<[T]>::to_vec)
}

fn bounded<'a, T>(field: &'static str, values: &'a [T]) -> Result<&'a [T], InvalidFilter> {
    let count = values.len();
    if count > MAX_VALUES {
        return Err(InvalidFilter::TooLong { field, count, limit: MAX_VALUES });
    }
    Ok(values)
}

/// No element means that the field does not matter.
pub(super) fn any<T>(wanted: &[T], matches: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(matches)
}

//! Values while an expression is evaluated.

use std::{borrow::Cow, cmp::Ordering, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::fuel::Fuel;

/// A value; text and messages are parts of the flow where that can be.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Cow<'a, str>),
    Time(Timestamp),
    Span(SignedDuration),
    List(Arc<[Self]>),
    /// A message as bytes; one that is absent is one without fields.
    Message(&'a [u8]),
}

impl<'a> Value<'a> {
    /// Returns the same without a copy of its text.
    pub(super) fn shared(&'a self) -> Self {
        match self {
            Self::Text(text) => Self::Text(Cow::Borrowed(text)),
            other => other.clone(),
        }
    }

    /// Returns how much there is to compare or to copy.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len() / 16,
            Self::Message(bytes) => bytes.len() / 16,
            Self::List(list) => list.len(),
            _ => 0,
        }
    }

    /// Tells whether both are the same; what is of different types never is, but for numbers. Lists may hold lists
    /// many times, so each comparison costs.
    pub(super) fn equals(&self, other: &Self, fuel: &mut Fuel) -> Option<bool> {
        fuel.spend(1 + self.size().min(other.size()))?;
        Some(match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Message(one), Self::Message(other)) => one == other,
            (Self::List(one), Self::List(other)) => {
                if one.len() != other.len() {
                    return Some(false);
                }
                for (one, other) in one.iter().zip(&**other) {
                    if !one.equals(other, fuel)? {
                        return Some(false);
                    }
                }
                true
            }
            _ => self.order(other) == Some(Ordering::Equal),
        })
    }

    /// Returns which is less, if they can be compared.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => Some(one.cmp(other)),
            (Self::Text(one), Self::Text(other)) => Some(one.cmp(other)),
            (Self::Time(one), Self::Time(other)) => Some(one.cmp(other)),
            (Self::Span(one), Self::Span(other)) => Some(one.cmp(other)),
            _ => match (self.whole(), other.whole()) {
                (Some(one), Some(other)) => Some(one.cmp(&other)),
                _ => self.number()?.partial_cmp(&other.number()?),
            },
        }
    }

    fn whole(&self) -> Option<i128> {
        match self {
            Self::Int(number) => Some((*number).into()),
            Self::Uint(number) => Some((*number).into()),
            _ => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "as CEL compares whole numbers with others")]
    fn number(&self) -> Option<f64> {
        match self {
            Self::Double(number) => Some(*number),
            other => other.whole().map(|number| number as f64),
        }
    }
}

//! What parts of an expression are, as far as it is known before there is a flow.

use std::fmt;

use crate::hubble::schema::{self, Field, Message};

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool,
    /// Yes, no, or nobody knows.
    MaybeBool,
    /// A signed number; enums are such.
    Int,
    /// One that is never negative: ports, identities.
    Uint,
    /// Floating point.
    Double,
    /// Text.
    Text,
    /// A moment.
    Time,
    /// A time that passes.
    Span,
    /// Several of one type.
    List(Box<Self>),
    /// A part of a flow.
    Message(&'static Message),
    /// Only the flow tells.
    Dyn,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::MaybeBool => "a bool that may be null",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::Text => "string",
            Self::Time => "timestamp",
            Self::Span => "duration",
            Self::List(of) => return write!(f, "list({of})"),
            Self::Message(message) => message.name.trim_start_matches('.'),
            Self::Dyn => "dyn",
        })
    }
}

impl Kind {
    /// Returns the type of a field; none for what expressions cannot hold.
    pub(super) fn of(field: &Field) -> Option<Self> {
        let one = match &field.kind {
            schema::Kind::Bool => Self::Bool,
            schema::Kind::Int | schema::Kind::Enum(_) => Self::Int,
            schema::Kind::Uint => Self::Uint,
            schema::Kind::Text => Self::Text,
            schema::Kind::Message(name) => match name.as_str() {
                ".google.protobuf.Timestamp" => Self::Time,
                ".google.protobuf.BoolValue" => Self::MaybeBool,
                name if name.starts_with(".flow.") => Self::Message(schema::message(name)?),
                _ => return None,
            },
            schema::Kind::Other => return None,
        };
        // Lists of numbers would be packed.
        let is_list = matches!(one, Self::Text | Self::Message(_));
        match field.repeated {
            true if is_list => Some(Self::List(one.into())),
            true => None,
            false => Some(one),
        }
    }

    pub(super) const fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }

    /// Tells whether it may stand where `wanted` is needed.
    pub(super) fn is(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Dyn, _) | (_, Self::Dyn) | (Self::MaybeBool, Self::Bool) => true,
            (Self::List(one), Self::List(other)) => one.is(other),
            (one, other) => one == other,
        }
    }

    /// Tells whether both may be equal. Numbers are compared whatever their type, so that a port need not be `80u`.
    pub(super) fn compares(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(one), Self::List(other)) => one.compares(other),
            (Self::Null, Self::Message(_) | Self::MaybeBool)
            | (Self::Message(_) | Self::MaybeBool, Self::Null) => true,
            (one, other) => {
                one.is(other) || other.is(one) || (one.is_number() && other.is_number())
            }
        }
    }

    /// Tells whether one can be less than the other.
    pub(super) fn orders(&self, other: &Self) -> bool {
        let ordered = |kind: &Self| {
            kind.is_number()
                || matches!(
                    kind,
                    Self::Bool | Self::MaybeBool | Self::Text | Self::Time | Self::Span | Self::Dyn
                )
        };
        ordered(self) && ordered(other) && self.compares(other)
    }
}

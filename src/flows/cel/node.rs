//! An expression that was checked.

use regex::Regex;

use super::{kind::Kind, syntax::Operator, value::Value};
use crate::hubble::schema::Field;

/// A part of it.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Constant(Value<'static>),
    /// The flow.
    Flow,
    /// A variable of a macro, the outermost first.
    Variable(usize),
    Field(Box<Node>, &'static Field, Kind),
    Has(Box<Node>, &'static Field),
    Not(Box<Node>),
    Negate(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    If(Box<[Node; 3]>),
    Binary(Operator, Box<[Node; 2]>),
    List(Vec<Node>),
    Loop(Loop, Box<Looped>),
    Text(TextTest, Box<[Node; 2]>),
    Matches(Box<Node>, Regex),
    Size(Box<Node>),
    Convert(Conversion, Box<Node>),
    /// A part of a moment.
    Part(TimePart, Box<Node>),
}

/// A list that is gone through.
#[derive(Clone, Debug)]
pub(super) struct Looped {
    pub(super) list: Node,
    pub(super) body: Node,
    /// Which elements count, for `map` with three arguments.
    pub(super) only: Option<Node>,
}

/// Macros that go through a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loop {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// What one text may be to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

/// Types as functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conversion {
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Time,
    Span,
    Dyn,
}

/// What can be asked of a moment, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimePart {
    Year,
    Month,
    Day,
    Date,
    WeekDay,
    YearDay,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

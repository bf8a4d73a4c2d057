//! An expression as it is written.

use super::literal::Literal;

/// A part of an expression.
#[derive(Debug)]
pub(super) struct Expr {
    /// Where it stands, for messages.
    pub(super) at: usize,
    /// How many parts are in each other: what walks the tree needs that much stack.
    pub(super) depth: usize,
    pub(super) what: What,
}

/// Sorts of parts.
#[derive(Debug)]
pub(super) enum What {
    Literal(Literal),
    /// A variable, or the beginning of an enum's name; a dot before it is kept.
    Name(String),
    Select(Box<Expr>, String),
    Call {
        of: Option<Box<Expr>>,
        name: String,
        args: Vec<Expr>,
    },
    List(Vec<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    /// All of them, so that long chains are not deep.
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Binary(Operator, Box<[Expr; 2]>),
    If(Box<[Expr; 3]>),
}

/// Operators with two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Index,
}

impl Operator {
    /// Returns the operator and how tightly it binds.
    pub(super) fn of(symbol: &str) -> Option<(Self, usize)> {
        Some(match symbol {
            "==" => (Self::Equal, 1),
            "!=" => (Self::Unequal, 1),
            "<" => (Self::Less, 1),
            "<=" => (Self::AtMost, 1),
            ">" => (Self::More, 1),
            ">=" => (Self::AtLeast, 1),
            "in" => (Self::In, 1),
            "+" => (Self::Add, 2),
            "-" => (Self::Subtract, 2),
            "*" => (Self::Multiply, 3),
            "/" => (Self::Divide, 3),
            "%" => (Self::Remainder, 3),
            _ => return None,
        })
    }

    /// Returns it as it is written.
    pub(super) const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Index => "[]",
        }
    }
}

impl What {
    /// Returns the depth of the deepest part.
    pub(super) fn depth(&self) -> usize {
        let deepest =
            |parts: &[Expr]| parts.iter().map(|part| part.depth).max().unwrap_or_default();
        match self {
            Self::Literal(_) | Self::Name(_) => 0,
            Self::Select(of, _) | Self::Not(of) | Self::Negate(of) => of.depth,
            Self::Call { of, args, .. } => deepest(args).max(of.as_ref().map_or(0, |of| of.depth)),
            Self::List(parts) | Self::All(parts) | Self::Any(parts) => deepest(parts),
            Self::Binary(_, parts) => deepest(&parts[..]),
            Self::If(parts) => deepest(&parts[..]),
        }
    }
}

//! Checks a tree against the fields of flows: what is unknown or cannot be is refused before there is a flow.

use super::{
    invalid::{InvalidExpression, Problem, nearest},
    kind::Kind,
    literal::Literal,
    node::Node,
    syntax::{Expr, Operator, What},
    value::Value,
};
use crate::hubble::schema::{self, Field};

/// The package in which names of enums are looked for.
const PACKAGE: &str = ".flow";
/// The variable that holds the flow; `flow` is the package.
const FLOW: &str = "_flow";

pub(super) type Checked<T = (Node, Kind)> = Result<T, InvalidExpression>;

/// What is known at a place of the tree.
#[derive(Default)]
pub(super) struct Checker {
    /// Variables of macros, the outermost first.
    pub(super) scope: Vec<(String, Kind)>,
    /// Patterns so far.
    pub(super) patterns: usize,
}

impl Checker {
    pub(super) fn check(&mut self, expr: &Expr) -> Checked {
        if let Some((is_negative, number)) = expr.signed() {
            return int(is_negative, number).map_err(|problem| problem.at(expr.at));
        }
        match &expr.what {
            What::Literal(literal) => Ok(constant(literal)),
            What::Name(name) => self.name(expr, name),
            What::Select(of, name) => self.select(expr, of, name),
            What::Call { of, name, args } => self.call(expr, of.as_deref(), name, args),
            What::List(parts) => self.list(parts),
            What::Not(of) => Ok((Node::Not(self.need(of, "!", &Kind::Bool)?.into()), Kind::Bool)),
            What::Negate(of) => self.negate(expr, of),
            What::All(parts) => Ok((Node::All(self.conditions(parts, "&&")?), Kind::Bool)),
            What::Any(parts) => Ok((Node::Any(self.conditions(parts, "||")?), Kind::Bool)),
            What::Binary(operator, parts) => self.binary(expr.at, *operator, parts),
            What::If(parts) => self.choice(parts),
        }
    }

    /// Checks an argument that must have a type.
    pub(super) fn need(&mut self, expr: &Expr, what: &'static str, wanted: &Kind) -> Checked<Node> {
        let (node, kind) = self.check(expr)?;
        if kind.is(wanted) { Ok(node) } else { Err(refuse(expr.at, what, [kind])) }
    }

    fn conditions(&mut self, parts: &[Expr], what: &'static str) -> Checked<Vec<Node>> {
        parts.iter().map(|part| self.need(part, what, &Kind::Bool)).collect()
    }

    fn name(&self, expr: &Expr, name: &str) -> Checked {
        if let Some(at) = self.scope.iter().rposition(|(known, _)| known == name) {
            return Ok((Node::Variable(at), self.scope[at].1.clone()));
        }
        if name == FLOW {
            let flow = schema::message(".flow.Flow").expect("the package has flows");
            return Ok((Node::Flow, Kind::Message(flow)));
        }
        let enums = schema::enumerations().filter_map(|name| name.strip_prefix(".flow."));
        let names = enums.chain([FLOW]).chain(self.scope.iter().map(|(name, _)| name.as_str()));
        let nearest = nearest(name, names);
        Err(Problem::Name { name: name.to_owned(), nearest }.at(expr.at))
    }

    fn select(&mut self, expr: &Expr, of: &Expr, name: &str) -> Checked {
        if let Some((of, values)) = self.enumeration(of) {
            let value = values.iter().find(|(known, _)| known == name);
            let Some((_, number)) = value else {
                let nearest = nearest(name, values.iter().map(|(name, _)| name.as_str()));
                return Err(Problem::Constant { of, name: name.to_owned(), nearest }.at(expr.at));
            };
            return Ok((Node::Constant(Value::Int((*number).into())), Kind::Int));
        }
        let (of, field, kind) = self.field(expr, of, name)?;
        Ok((Node::Field(of.into(), field, kind.clone()), kind))
    }

    /// Checks a field of something.
    pub(super) fn field(
        &mut self,
        expr: &Expr,
        of: &Expr,
        name: &str,
    ) -> Checked<(Node, &'static Field, Kind)> {
        let (node, kind) = self.check(of)?;
        let Kind::Message(message) = kind else {
            return Err(Problem::NoFields { kind, name: name.to_owned() }.at(expr.at));
        };
        let Some(field) = message.field(name) else {
            let nearest = nearest(name, message.fields.iter().map(|field| field.name.as_str()));
            let message = message.name.trim_start_matches('.').to_owned();
            return Err(Problem::Field { message, name: name.to_owned(), nearest }.at(expr.at));
        };
        let unsupported = || Problem::Unsupported("fields of such a type").at(expr.at);
        Ok((node, field, Kind::of(field).ok_or_else(unsupported)?))
    }

    /// Returns the enum that a chain of names stands for, and its values.
    fn enumeration(&self, expr: &Expr) -> Option<(String, &'static [(String, i32)])> {
        let mut names = Vec::new();
        let mut part = expr;
        while let What::Select(of, name) = &part.what {
            names.push(name.as_str());
            part = of;
        }
        let What::Name(first) = &part.what else { return None };
        let is_variable = first == FLOW || self.scope.iter().any(|(known, _)| known == first);
        if is_variable {
            return None;
        }
        names.push(first);
        names.reverse();
        let name = names.join(".");
        let full = match name.strip_prefix('.') {
            Some(_) => [name.clone(), String::new()],
            None => [format!("{PACKAGE}.{name}"), format!(".{name}")],
        };
        full.iter().find_map(|full| schema::enumeration(full)).map(|values| (name, values))
    }

    fn list(&mut self, parts: &[Expr]) -> Checked {
        let checked: Vec<_> =
            parts.iter().map(|part| self.check(part)).collect::<Result<_, _>>()?;
        let (nodes, kinds): (Vec<_>, Vec<_>) = checked.into_iter().unzip();
        let first = kinds.first().cloned().unwrap_or(Kind::Dyn);
        let kind = if kinds.iter().all(|kind| *kind == first) { first } else { Kind::Dyn };
        Ok((Node::List(nodes), Kind::List(kind.into())))
    }

    fn negate(&mut self, expr: &Expr, of: &Expr) -> Checked {
        let (node, kind) = self.check(of)?;
        if !matches!(kind, Kind::Int | Kind::Double | Kind::Dyn) {
            return Err(refuse(expr.at, "-", [kind]));
        }
        Ok((Node::Negate(node.into()), kind))
    }

    fn choice(&mut self, parts: &[Expr; 3]) -> Checked {
        let [condition, yes, no] = parts;
        let condition = self.need(condition, "?:", &Kind::Bool)?;
        let ((yes, kind), (no, other)) = (self.check(yes)?, self.check(no)?);
        let kind = match (kind.is(&other), other.is(&kind)) {
            (true, _) => other,
            (_, true) => kind,
            _ => return Err(refuse(parts[0].at, "?:", [kind, other])),
        };
        Ok((Node::If(Box::new([condition, yes, no])), kind))
    }

    fn binary(&mut self, at: usize, operator: Operator, parts: &[Expr; 2]) -> Checked {
        let ((left, one), (right, other)) = (self.check(&parts[0])?, self.check(&parts[1])?);
        let kind = result(operator, &one, &other);
        let kind = kind.ok_or_else(|| refuse(at, operator.symbol(), [one, other]))?;
        Ok((Node::Binary(operator, Box::new([left, right])), kind))
    }
}

/// Returns what an operator makes of two types, if it takes them.
fn result(operator: Operator, one: &Kind, other: &Kind) -> Option<Kind> {
    use Operator::{
        Add, AtLeast, AtMost, Divide, Equal, In, Index, Less, More, Multiply, Remainder, Subtract,
        Unequal,
    };
    match (operator, one, other) {
        (Equal | Unequal, ..) => one.compares(other).then_some(Kind::Bool),
        (Less | AtMost | More | AtLeast, ..) => one.orders(other).then_some(Kind::Bool),
        (In, _, Kind::List(of)) => one.compares(of).then_some(Kind::Bool),
        (In, _, Kind::Dyn) => Some(Kind::Bool),
        (Index, Kind::List(of), Kind::Int | Kind::Uint | Kind::Dyn) => Some((**of).clone()),
        (Index | In, ..) => None,
        (_, Kind::Dyn, _) | (_, _, Kind::Dyn) => Some(Kind::Dyn),
        (Add | Subtract | Multiply | Divide | Remainder, Kind::Int, Kind::Int) => Some(Kind::Int),
        (Add | Subtract | Multiply | Divide | Remainder, Kind::Uint, Kind::Uint) => {
            Some(Kind::Uint)
        }
        (Add | Subtract | Multiply | Divide, Kind::Double, Kind::Double) => Some(Kind::Double),
        (Add, Kind::Text, Kind::Text) => Some(Kind::Text),
        (Add, Kind::List(_), Kind::List(_)) => {
            Some(if one == other { one.clone() } else { Kind::List(Kind::Dyn.into()) })
        }
        (Add, Kind::Time, Kind::Span)
        | (Add, Kind::Span, Kind::Time)
        | (Subtract, Kind::Time, Kind::Span) => Some(Kind::Time),
        (Add | Subtract, Kind::Span, Kind::Span) | (Subtract, Kind::Time, Kind::Time) => {
            Some(Kind::Span)
        }
        _ => None,
    }
}

/// Makes the error about what an operator or function does not take.
pub(super) fn refuse(
    at: usize,
    what: &'static str,
    given: impl IntoIterator<Item = Kind>,
) -> InvalidExpression {
    Problem::Overload { what, given: given.into_iter().collect() }.at(at)
}

fn int(is_negative: bool, number: u64) -> Result<(Node, Kind), Problem> {
    let sign = if is_negative { "-" } else { "" };
    let wide = if is_negative { -i128::from(number) } else { i128::from(number) };
    let number = i64::try_from(wide).map_err(|_| Problem::Number(format!("{sign}{number}")))?;
    Ok((Node::Constant(Value::Int(number)), Kind::Int))
}

fn constant(literal: &Literal) -> (Node, Kind) {
    let (value, kind) = match literal {
        Literal::Null => (Value::Null, Kind::Null),
        Literal::Bool(yes) => (Value::Bool(*yes), Kind::Bool),
        // With its sign, it has been read already.
        Literal::Int(number) => (Value::Int(number.cast_signed()), Kind::Int),
        Literal::Uint(number) => (Value::Uint(*number), Kind::Uint),
        Literal::Double(number) => (Value::Double(*number), Kind::Double),
        Literal::Text(text) => (Value::Text(text.clone().into()), Kind::Text),
    };
    (Node::Constant(value), kind)
}

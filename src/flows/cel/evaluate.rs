//! Evaluates an expression over one flow. None is CEL's error: a list that is too short, a number that is too large,
//! or no fuel left.

use std::cmp::Ordering;

use super::{
    arithmetic::{convert, part_of, reckon},
    fuel::Fuel,
    node::{Loop, Looped, Node, TextTest},
    read,
    syntax::Operator,
    value::Value,
};

/// Largest text or list that an expression may make.
const MAX_MADE: usize = 1 << 14;

/// One evaluation.
pub(super) struct Run<'a, 'f> {
    pub(super) flow: &'a [u8],
    pub(super) fuel: &'f mut Fuel,
    /// Variables of macros, the outermost first.
    pub(super) variables: Vec<Value<'a>>,
}

impl<'a> Run<'a, '_> {
    pub(super) fn value(&mut self, node: &'a Node) -> Option<Value<'a>> {
        self.fuel.spend(1)?;
        Some(match node {
            Node::Constant(value) => value.shared(),
            Node::Flow => Value::Message(self.flow),
            Node::Variable(at) => {
                let value = self.variables.get(*at)?.clone();
                self.made(value)?
            }
            Node::Field(of, field, kind) => {
                let message = self.message(of)?;
                let value = read::read(message, field, kind)?;
                self.fuel.spend(value.size())?;
                value
            }
            Node::Has(of, field) => Value::Bool(read::is_there(self.message(of)?, field)),
            Node::Not(of) => Value::Bool(!self.is_true(of)?),
            Node::Negate(of) => match self.value(of)? {
                Value::Int(number) => Value::Int(number.checked_neg()?),
                Value::Double(number) => Value::Double(-number),
                _ => return None,
            },
            Node::All(parts) => Value::Bool(!self.any(parts, false)?),
            Node::Any(parts) => Value::Bool(self.any(parts, true)?),
            Node::If(parts) => {
                let [condition, yes, no] = &**parts;
                return if self.is_true(condition)? { self.value(yes) } else { self.value(no) };
            }
            Node::Binary(operator, parts) => return self.binary(*operator, parts),
            Node::List(parts) => {
                let list = parts.iter().map(|part| self.value(part)).collect::<Option<Vec<_>>>()?;
                Value::List(list.into())
            }
            Node::Loop(kind, looped) => return self.go_through(*kind, looped),
            Node::Text(test, parts) => Value::Bool(self.test(*test, parts)?),
            Node::Matches(of, regex) => {
                let Value::Text(text) = self.value(of)? else { return None };
                self.fuel.spend(text.len())?;
                Value::Bool(regex.is_match(&text))
            }
            Node::Size(of) => match self.value(of)? {
                Value::Text(text) => {
                    self.fuel.spend(text.len() / 16)?;
                    Value::Int(text.chars().count().try_into().ok()?)
                }
                Value::List(list) => Value::Int(list.len().try_into().ok()?),
                _ => return None,
            },
            Node::Convert(to, of) => {
                let value = self.value(of)?;
                self.fuel.spend(value.size())?;
                convert(*to, value)?
            }
            Node::Part(part, of) => match self.value(of)? {
                Value::Time(time) => Value::Int(part_of(*part, time)),
                _ => return None,
            },
        })
    }

    fn is_true(&mut self, node: &'a Node) -> Option<bool> {
        match self.value(node)? {
            Value::Bool(yes) => Some(yes),
            _ => None,
        }
    }

    /// Looking for a field means to go through the message.
    fn message(&mut self, node: &'a Node) -> Option<&'a [u8]> {
        let Value::Message(message) = self.value(node)? else { return None };
        self.fuel.spend(message.len() / 64)?;
        Some(message)
    }

    /// Accounts for something that was made or copied.
    fn made(&mut self, value: Value<'a>) -> Option<Value<'a>> {
        let is_large = match &value {
            Value::Text(text) => text.len() > MAX_MADE,
            Value::List(list) => list.len() > MAX_MADE,
            _ => false,
        };
        self.fuel.spend(value.size())?;
        (!is_large).then_some(value)
    }

    /// Tells whether one of the parts is `wanted`, or not: `true` for `||`. A part that fails matters only when no
    /// other decides.
    fn any(&mut self, parts: &'a [Node], wanted: bool) -> Option<bool> {
        let mut failed = false;
        for part in parts {
            match self.is_true(part) {
                Some(found) if found == wanted => return Some(true),
                Some(_) => {}
                None => failed = true,
            }
        }
        (!failed).then_some(false)
    }

    fn binary(&mut self, operator: Operator, parts: &'a [Node; 2]) -> Option<Value<'a>> {
        let (left, right) = (self.value(&parts[0])?, self.value(&parts[1])?);
        let ordered = |wanted: &[Ordering]| {
            left.order(&right).map(|order| Value::Bool(wanted.contains(&order)))
        };
        self.fuel.spend(left.size().min(right.size()))?;
        match operator {
            Operator::Equal => left.equals(&right, self.fuel).map(Value::Bool),
            Operator::Unequal => left.equals(&right, self.fuel).map(|same| Value::Bool(!same)),
            Operator::Less => ordered(&[Ordering::Less]),
            Operator::AtMost => ordered(&[Ordering::Less, Ordering::Equal]),
            Operator::More => ordered(&[Ordering::Greater]),
            Operator::AtLeast => ordered(&[Ordering::Greater, Ordering::Equal]),
            Operator::In => {
                let Value::List(list) = right else { return None };
                for one in list.iter() {
                    if one.equals(&left, self.fuel)? {
                        return Some(Value::Bool(true));
                    }
                }
                Some(Value::Bool(false))
            }
            Operator::Index => {
                let Value::List(list) = left else { return None };
                let at = match right {
                    Value::Int(at) => usize::try_from(at).ok()?,
                    Value::Uint(at) => usize::try_from(at).ok()?,
                    _ => return None,
                };
                list.get(at).cloned()
            }
            _ => {
                self.fuel.spend(left.size() + right.size())?;
                let value = reckon(operator, left, right)?;
                self.made(value)
            }
        }
    }

    fn test(&mut self, test: TextTest, parts: &'a [Node; 2]) -> Option<bool> {
        let (Value::Text(text), Value::Text(other)) =
            (self.value(&parts[0])?, self.value(&parts[1])?)
        else {
            return None;
        };
        self.fuel.spend((text.len() + other.len()) / 16)?;
        Some(match test {
            TextTest::Contains => text.contains(&*other),
            TextTest::StartsWith => text.starts_with(&*other),
            TextTest::EndsWith => text.ends_with(&*other),
        })
    }

    fn go_through(&mut self, kind: Loop, looped: &'a Looped) -> Option<Value<'a>> {
        let Value::List(list) = self.value(&looped.list)? else { return None };
        let mut made = Vec::new();
        let (mut count, mut failed) = (0, false);
        for element in list.iter() {
            self.variables.push(element.clone());
            let is_wanted = looped.only.as_ref().map_or(Some(true), |only| self.is_true(only));
            let value = is_wanted.map(|wanted| wanted.then(|| self.value(&looped.body)));
            self.variables.pop();
            match (kind, value) {
                (Loop::Exists, Some(Some(Some(Value::Bool(true))))) => {
                    return Some(Value::Bool(true));
                }
                (Loop::All, Some(Some(Some(Value::Bool(false))))) => {
                    return Some(Value::Bool(false));
                }
                (Loop::ExistsOne, Some(Some(Some(Value::Bool(yes))))) => count += usize::from(yes),
                (Loop::Filter, Some(Some(Some(Value::Bool(yes))))) => {
                    made.extend(yes.then(|| element.clone()));
                }
                (Loop::Map, Some(Some(Some(value)))) => made.push(value),
                (Loop::All | Loop::Exists, Some(Some(Some(Value::Bool(_))))) | (_, Some(None)) => {}
                (Loop::All | Loop::Exists, _) => failed = true,
                _ => return None,
            }
        }
        match kind {
            Loop::All | Loop::Exists => (!failed).then_some(Value::Bool(kind == Loop::All)),
            Loop::ExistsOne => Some(Value::Bool(count == 1)),
            Loop::Filter | Loop::Map => self.made(Value::List(made.into())),
        }
    }
}

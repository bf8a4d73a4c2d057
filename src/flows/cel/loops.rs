//! Checks macros that go through lists.

use super::{
    check::{Checked, Checker, refuse},
    invalid::Problem,
    kind::Kind,
    node::{Loop, Looped, Node},
    syntax::{Expr, What},
};

/// Loops in each other: one more and long lists would take a power more of time.
const MAX_LOOPS: usize = 2;

pub(super) const NAMES: [(&str, Loop); 5] = [
    ("all", Loop::All),
    ("exists", Loop::Exists),
    ("exists_one", Loop::ExistsOne),
    ("filter", Loop::Filter),
    ("map", Loop::Map),
];

/// Returns the macro of a name.
pub(super) fn named(name: &str) -> Option<(&'static str, Loop)> {
    NAMES.iter().find(|(known, _)| *known == name).copied()
}

impl Checker {
    pub(super) fn go_through(
        &mut self,
        expr: &Expr,
        of: &Expr,
        (name, kind): (&'static str, Loop),
        args: &[Expr],
    ) -> Checked {
        let (only, variable, body) = match args {
            [variable, body] => (None, variable, body),
            [variable, only, body] if kind == Loop::Map => (Some(only), variable, body),
            _ => return Err(Problem::Variable(name).at(expr.at)),
        };
        let What::Name(variable) = &variable.what else {
            return Err(Problem::Variable(name).at(variable.at));
        };
        let (list, listed) = self.check(of)?;
        let element = match &listed {
            Kind::List(of) => (**of).clone(),
            Kind::Dyn => Kind::Dyn,
            _ => return Err(refuse(expr.at, name, [listed])),
        };
        if self.scope.len() == MAX_LOOPS {
            return Err(Problem::TooManyLoops { limit: MAX_LOOPS }.at(expr.at));
        }
        self.scope.push((variable.clone(), element));
        let only = only.map(|only| self.need(only, name, &Kind::Bool)).transpose()?;
        let (body, made) = match kind {
            Loop::Map => self.check(body)?,
            _ => (self.need(body, name, &Kind::Bool)?, Kind::Bool),
        };
        self.scope.pop();
        let made = match kind {
            Loop::All | Loop::Exists | Loop::ExistsOne => Kind::Bool,
            Loop::Filter => listed,
            Loop::Map => Kind::List(made.into()),
        };
        Ok((Node::Loop(kind, Box::new(Looped { list, body, only })), made))
    }
}

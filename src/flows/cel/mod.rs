//! Expressions over a flow, in the Common Expression Language as Hubble has it.
//!
//! Text becomes tokens ([`token`]) and a tree ([`parser`], [`syntax`]); the tree is checked against the fields of
//! flows ([`check`], [`call`]) and becomes what is evaluated ([`node`], [`evaluate`]). Readers send expressions, so
//! length, depth and loops are bounded before, and work and memory of each evaluation while it goes ([`Fuel`]):
//! an expression can cost a reader its answer, but never the agent its time.
//!
//! What flows have no use for is refused by name: maps, bytes, messages made by an expression, patterns that are
//! computed, and the functions of CEL's extensions.

mod arithmetic;
mod call;
mod check;
mod evaluate;
mod fuel;
mod invalid;
mod kind;
mod literal;
mod loops;
mod node;
mod parser;
mod program;
mod read;
mod syntax;
#[cfg(test)]
mod tests;
mod token;
mod value;

pub(super) use fuel::Fuel;
pub use invalid::{InvalidExpression, Problem};
pub(super) use program::Program;

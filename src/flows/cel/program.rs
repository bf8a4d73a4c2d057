//! An expression, ready.

use super::{
    check::Checker,
    evaluate::Run,
    fuel::Fuel,
    invalid::{InvalidExpression, Problem},
    kind::Kind,
    node::Node,
    parser::parse,
    value::Value,
};

/// An expression that says whether a flow passes.
#[derive(Clone, Debug)]
pub(in crate::flows) struct Program(Node);

impl Program {
    /// Reads and checks an expression.
    ///
    /// # Errors
    /// When it makes no sense, could cost too much, or does not say yes or no.
    pub(in crate::flows) fn compile(text: &str) -> Result<Self, InvalidExpression> {
        let expr = parse(text)?;
        let (node, kind) = Checker::default().check(&expr)?;
        if !kind.is(&Kind::Bool) {
            return Err(Problem::NotBool(kind).at(expr.at));
        }
        Ok(Self(node))
    }

    /// Tells whether it is true of a flow, given as bytes. What fails is not, as in Hubble.
    pub(in crate::flows) fn is_true(&self, flow: &[u8], fuel: &mut Fuel) -> bool {
        let value = Run { flow, fuel, variables: Vec::new() }.value(&self.0);
        matches!(value, Some(Value::Bool(true)))
    }
}

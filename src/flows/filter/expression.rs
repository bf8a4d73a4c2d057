//! What expressions say of a flow.

use super::{InvalidFilter, subject::Subject};
use crate::{
    flows::cel::{Fuel, Program},
    hubble::flow::FlowFilter,
};

/// The rule by expressions: one of them must be true.
#[derive(Clone, Debug)]
pub(super) struct Expressions(Vec<Program>);

/// What the expressions of all filters share for one flow: without any, nothing is made.
#[derive(Debug, Default)]
pub(super) struct Asked {
    flow: Option<Vec<u8>>,
    fuel: Fuel,
}

impl Expressions {
    /// Returns how many a filter has.
    pub(super) fn count(filter: &FlowFilter) -> usize {
        filter.experimental.as_ref().map_or(0, |experimental| experimental.cel_expression.len())
    }

    pub(super) fn compile(filter: &FlowFilter) -> Result<Self, InvalidFilter> {
        let texts =
            filter.experimental.iter().flat_map(|experimental| &experimental.cel_expression);
        let compile = |text: &String| {
            Program::compile(text)
                .map_err(|reason| InvalidFilter::Expression { expression: excerpt(text), reason })
        };
        texts.map(compile).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn matches(&self, flow: &impl Subject, asked: &mut Asked) -> bool {
        self.0.is_empty() || self.is_one_true(flow, asked)
    }

    fn is_one_true(&self, flow: &impl Subject, asked: &mut Asked) -> bool {
        let Asked { flow: made, fuel } = asked;
        let flow = made.get_or_insert_with(|| flow.encoded());
        self.0.iter().any(|program| program.is_true(flow, fuel))
    }
}

/// A message with all of a long expression would be no help.
fn excerpt(text: &str) -> String {
    const LENGTH: usize = 200;
    match text.char_indices().nth(LENGTH) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

//! Filters, checked and ready.

use super::{
    InvalidFilter,
    event::EventRules,
    expression::{Asked, Expressions},
    layer7::Layer7Rules,
    packet::PacketRules,
    side::Side,
    subject::Subject,
};
use crate::{
    flows::Request,
    hubble::flow::{Flow, FlowFilter},
};

/// Most filters of one sort: a reader must not make every flow expensive.
const MAX_FILTERS: usize = 256;

/// Most expressions of a request: all of them may be evaluated for each flow.
const MAX_EXPRESSIONS: usize = 64;

/// The filters of a request, checked.
#[derive(Clone, Debug)]
pub struct Matcher {
    since: Option<jiff::Timestamp>,
    until: Option<jiff::Timestamp>,
    allow: Vec<One>,
    deny: Vec<One>,
}

impl Matcher {
    /// Checks the filters of a request.
    ///
    /// # Errors
    /// When one makes no sense.
    pub fn compile(request: &Request) -> Result<Self, InvalidFilter> {
        let count = request.allow.len().max(request.deny.len());
        if count > MAX_FILTERS {
            return Err(InvalidFilter::TooMany { count, limit: MAX_FILTERS });
        }
        let expressions = request.allow.iter().chain(&request.deny).map(Expressions::count).sum();
        if expressions > MAX_EXPRESSIONS {
            let limit = MAX_EXPRESSIONS;
            return Err(InvalidFilter::TooManyExpressions { count: expressions, limit });
        }
        let all = |filters: &[FlowFilter]| {
            filters.iter().map(One::compile).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            since: request.since,
            until: request.until,
            allow: all(&request.allow)?,
            deny: all(&request.deny)?,
        })
    }

    /// Tells whether a flow passes.
    pub fn matches(&self, flow: &Flow) -> bool {
        self.passes(flow)
    }

    /// Tells whether something passes that is a flow, or would be one.
    pub(in crate::flows) fn passes(&self, flow: &impl Subject) -> bool {
        let mut asked = Asked::default();
        self.since.is_none_or(|since| flow.moment() >= since)
            && self.until.is_none_or(|until| flow.moment() <= until)
            && (self.allow.is_empty() || self.allow.iter().any(|one| one.matches(flow, &mut asked)))
            && !self.deny.iter().any(|one| one.matches(flow, &mut asked))
    }
}

/// One filter, checked: all parts must match.
#[derive(Clone, Debug)]
struct One {
    event: EventRules,
    packet: PacketRules,
    source: Side,
    destination: Side,
    layer7: Layer7Rules,
    /// They come last: what they look at has to be made.
    expressions: Expressions,
}

impl One {
    fn compile(filter: &FlowFilter) -> Result<Self, InvalidFilter> {
        Ok(Self {
            event: EventRules::compile(filter)?,
            packet: PacketRules::compile(filter)?,
            source: Side::source(filter)?,
            destination: Side::destination(filter)?,
            layer7: Layer7Rules::compile(filter)?,
            expressions: Expressions::compile(filter)?,
        })
    }

    fn matches(&self, flow: &impl Subject, asked: &mut Asked) -> bool {
        self.event.matches(flow)
            && self.packet.matches(flow)
            && self.source.matches(flow)
            && self.destination.matches(flow)
            && self.layer7.matches(flow)
            && self.expressions.matches(flow, asked)
    }
}

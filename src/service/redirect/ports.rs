//! Which port of the backend stands for which of the frontend.

use std::{num::NonZeroU16, sync::Arc};

use crate::service::{
    Protocol,
    finding::{Field, Finding, Reason},
    input::{PortId, RedirectPort},
};

/// A port of the frontend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FrontPort {
    pub(super) name: Arc<str>,
    pub(super) number: NonZeroU16,
    pub(super) protocol: Protocol,
}

/// A port of the frontend and the one that it leads to.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    pub(super) from: FrontPort,
    pub(super) to: &'a RedirectPort,
}

/// Pairs ports: one with one whatever their names, several by name. Protocols must be the same.
pub(super) fn pairs<'a>(
    from: &[FrontPort],
    to: &'a [RedirectPort],
    faults: &mut Vec<Finding>,
) -> Vec<Pair<'a>> {
    let by_name = from.len() > 1 || to.len() > 1;
    let mut pairs = Vec::with_capacity(from.len());
    for port in from {
        let is_it = |other: &&RedirectPort| {
            other.protocol == port.protocol && (!by_name || other.name == port.name)
        };
        let found = to.iter().find(is_it);
        let reason = match found {
            _ if by_name && port.name.is_empty() => Reason::Nameless,
            Some(to) => {
                pairs.push(Pair { from: port.clone(), to });
                continue;
            }
            None => Reason::NoBackendPort,
        };
        let place = Field::RedirectPort(PortId::Number(port.number), port.protocol);
        faults.push(Finding { place, reason });
    }
    pairs
}

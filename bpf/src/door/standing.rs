//! Through the door on what the connection's entry says, and nothing else.

use super::{
    admit::{Admitted, Destination, Local, Source, current},
    leg::Legs,
};
use crate::{
    abi::{CtKey, ct_flags},
    conntrack::Found,
    env::Entry,
};

/// Admits both legs of a packet between two pods of this node, if the entry of its connection says that
/// both are current. Whoever speaks with a service is not admitted here: its packets want more.
#[inline(always)]
pub fn standing<E: Entry>(
    found: &Found<E>,
    key: &CtKey,
    revision: u32,
    from: &Local,
    to: &Local,
) -> Option<(Admitted<Source>, Admitted<Destination>)> {
    if found.entry.flags() & ct_flags::SERVICE != 0 {
        return None;
    }
    let legs = Legs::read(&found.entry, found.way);
    // Between the two looks at the tag the kernel may have given the element to another key.
    if found.entry.tag() != key.tag() {
        return None;
    }
    let stale = legs.staleness(revision, (from, to.identity), (to, from.identity));
    Some((current(stale)?, current(stale)?))
}

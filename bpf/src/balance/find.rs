//! What an address and port stand for.

use super::Services;
use crate::abi::{Addr, FrontendKey, FrontendValue};

/// Finds the frontend of an address and port.
///
/// Node ports answer at every node, and who is inside the cluster need not go there: they are also
/// kept under the unspecified address. That one is asked for first, since few ports are node ports and
/// to find out whether an address is a node's, as `is_node` does, costs more.
#[inline(always)]
pub fn find<S: Services>(
    services: &S,
    (addr, port): (Addr, u16),
    proto: u8,
    scope: u8,
    is_node: impl FnOnce() -> bool,
) -> Option<&FrontendValue> {
    let key = FrontendKey { addr, port, proto, scope, reserved: 0 };
    if let Some(frontend) = services.frontend(&key) {
        return Some(frontend);
    }
    let anywhere = FrontendKey { addr: addr.unspecified(), ..key };
    services.frontend(&anywhere).filter(|_| is_node())
}

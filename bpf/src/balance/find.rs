//! What an address and port stand for.

use super::Services;
use crate::abi::{
    Addr, FrontendKey, FrontendValue, RANGE_PREFIX, RangeKey, frontend_flags, frontend_scope,
};

/// Finds the frontend of an address and port for a client.
///
/// Node ports answer at every node, and who is inside the cluster need not go there: they are also
/// kept under the unspecified address. That one is asked for first, since few ports are node ports and
/// to find out whether an address is a node's, as `is_node` does, costs more.
#[inline(always)]
pub fn find<S: Services>(
    services: &S,
    (addr, port): (Addr, u16),
    (proto, scope): (u8, u8),
    client: impl FnOnce() -> Addr,
    is_node: impl FnOnce() -> bool,
) -> Option<&FrontendValue> {
    let key = FrontendKey { addr, port, proto, scope, reserved: 0 };
    if let Some(frontend) = services.frontend(&key) {
        if frontend.flags & frontend_flags::PASSED_BY_BACKENDS == 0 {
            return Some(frontend);
        }
        return past_redirect(services, key, frontend, client());
    }
    let anywhere = FrontendKey { addr: addr.unspecified(), ..key };
    services.frontend(&anywhere).filter(|_| is_node())
}

/// Leads the backends of a redirect past it, to what there would be without it.
#[inline(always)]
fn past_redirect<'s, S: Services>(
    services: &'s S,
    key: FrontendKey,
    redirect: &'s FrontendValue,
    client: Addr,
) -> Option<&'s FrontendValue> {
    if is_in_range(services, redirect, client) {
        services.frontend(&FrontendKey { scope: frontend_scope::BEHIND, ..key })
    } else {
        Some(redirect)
    }
}

/// Tells whether a client may connect, by its address.
#[inline(always)]
pub(super) fn admits<S: Services>(services: &S, frontend: &FrontendValue, client: Addr) -> bool {
    frontend.flags & frontend_flags::RANGES == 0 || is_in_range(services, frontend, client)
}

/// Tells whether an address is in one of the ranges of a frontend.
#[inline(always)]
fn is_in_range<S: Services>(services: &S, frontend: &FrontendValue, addr: Addr) -> bool {
    let service_id = frontend.service_id;
    services.is_in_range(&RangeKey { prefix_len: RANGE_PREFIX + 128, service_id, addr })
}

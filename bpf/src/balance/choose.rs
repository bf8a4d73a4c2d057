//! Choosing among the backends of a frontend.

use super::Services;
use crate::abi::{
    Addr, AffinityKey, AffinityValue, BackendValue, FrontendValue, SlotKey, frontend_flags,
};

const SECOND: u64 = 1_000_000_000;

/// Who takes a new connection.
#[derive(Debug)]
pub enum Choice<'s> {
    /// A backend, and its number.
    Backend(u32, &'s BackendValue),
    /// Nobody, and the client is told so.
    Refuse,
    /// Nobody here; other nodes have backends.
    Drop,
}

/// Chooses who takes a new connection of `client`.
#[inline(always)]
pub fn choose<'s, S: Services>(
    services: &'s S,
    frontend: &FrontendValue,
    client: Addr,
) -> Choice<'s> {
    if frontend.backends == 0 {
        let drops = frontend.flags & frontend_flags::DROP_IF_EMPTY != 0;
        return if drops { Choice::Drop } else { Choice::Refuse };
    }
    let id = if frontend.affinity == 0 {
        any(services, frontend)
    } else {
        usual(services, frontend, client)
    };
    // Lists are written after backends and before their length: nothing is missing, unless programs
    // were stopped for longer than numbers rest.
    match id.and_then(|id| Some((id, services.backend(id)?))) {
        Some((id, backend)) => Choice::Backend(id, backend),
        None => Choice::Refuse,
    }
}

/// Returns any backend.
#[inline(always)]
fn any<S: Services>(services: &S, frontend: &FrontendValue) -> Option<u32> {
    // The upper half of the product is below the length, with no division.
    let slot = (u64::from(services.random()) * u64::from(frontend.backends)) >> 32;
    services.slot(&SlotKey { service_id: frontend.service_id, slot: slot as u32 })
}

/// Returns the client's backend, if it still takes connections and the client comes back in time;
/// otherwise any, which is the client's from then on.
#[inline(always)]
fn usual<S: Services>(services: &S, frontend: &FrontendValue, client: Addr) -> Option<u32> {
    let service_id = frontend.service_id;
    let key = AffinityKey { client, service_id, reserved: 0 };
    let now = services.now();
    let kept = services.affinity(&key).filter(|value| {
        let limit = u64::from(frontend.affinity) * SECOND;
        let member = SlotKey { service_id, slot: SlotKey::MEMBER | value.backend_id };
        now.saturating_sub(value.last_used) < limit && services.slot(&member).is_some()
    });
    let backend_id = match kept {
        Some(value) => value.backend_id,
        None => any(services, frontend)?,
    };
    services.put_affinity(&key, &AffinityValue { last_used: now, backend_id, reserved: 0 });
    Some(backend_id)
}

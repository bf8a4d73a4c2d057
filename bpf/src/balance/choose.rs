//! Choosing among the backends of a frontend.

use super::Services;
use crate::abi::{
    Addr, AffinityKey, AffinityValue, BackendValue, FrontendValue, ListBlock, ListKey, MemberKey,
    frontend_flags,
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

/// Chooses who takes a new connection of `client`. `draw` is any number if all backends will do, and the
/// connection's own where all nodes must choose the same one.
#[inline(always)]
pub fn choose<'s, S: Services>(
    services: &'s S,
    frontend: &FrontendValue,
    client: Addr,
    draw: u32,
) -> Choice<'s> {
    if frontend.places == 0 {
        let drops = frontend.flags & frontend_flags::DROP_IF_EMPTY != 0;
        return if drops { Choice::Drop } else { Choice::Refuse };
    }
    let id = if frontend.affinity == 0 {
        any(services, frontend, draw)
    } else {
        usual(services, frontend, client, draw)
    };
    // Lists are written after backends and before their length: nothing is missing, unless programs
    // were stopped for longer than numbers rest.
    match id.and_then(|id| Some((id, services.backend(id)?))) {
        Some((id, backend)) => Choice::Backend(id, backend),
        None => Choice::Refuse,
    }
}

/// Returns the backend at the drawn place of the frontend's list.
#[inline(always)]
fn any<S: Services>(services: &S, frontend: &FrontendValue, draw: u32) -> Option<u32> {
    const PLACES: u32 = ListBlock::PLACES as u32;
    let place = scaled(draw, frontend.places);
    let key = ListKey { list: frontend.list, block: place / PLACES };
    services.place(&key, (place % PLACES) as usize)
}

/// Scales a number of 32 bits to one below `limit`, with no division: the upper half of the product.
#[inline(always)]
fn scaled(draw: u32, limit: u32) -> u32 {
    ((u64::from(draw) * u64::from(limit)) >> 32) as u32
}

/// Returns the number that all nodes draw for a connection from outside: from the client's end, and of
/// the frontend only its port, as a node port has another address at every node.
#[inline(always)]
pub fn lot((client, port): (Addr, u16), frontend_port: u16, proto: u8) -> u32 {
    let [a, b] = client.words();
    let ports = u64::from(port) << 32 | u64::from(frontend_port) << 16 | u64::from(proto);
    // Multilinear, and then the finaliser of MurmurHash3: neighbouring ports end far apart.
    let mut hash = (a.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .wrapping_add(b.wrapping_mul(0xc2b2_ae3d_27d4_eb4f))
        .wrapping_add(ports.wrapping_mul(0x1656_67b1_9e37_79f9));
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (hash >> 32) as u32
}

/// Returns the client's backend, if it still takes connections and the client comes back in time;
/// otherwise any, which is the client's from then on.
#[inline(always)]
fn usual<S: Services>(
    services: &S,
    frontend: &FrontendValue,
    client: Addr,
    draw: u32,
) -> Option<u32> {
    let service_id = frontend.service_id;
    let key = AffinityKey { client, service_id, reserved: 0 };
    let now = services.now();
    let kept = services.affinity(&key).filter(|value| {
        let limit = u64::from(frontend.affinity) * SECOND;
        let member = MemberKey { service_id, backend_id: value.backend_id };
        now.saturating_sub(value.last_used) < limit && services.is_member(&member)
    });
    let backend_id = match kept {
        Some(value) => value.backend_id,
        None => any(services, frontend, draw)?,
    };
    services.put_affinity(&key, &AffinityValue { last_used: now, backend_id, reserved: 0 });
    Some(backend_id)
}

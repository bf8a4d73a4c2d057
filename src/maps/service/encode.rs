//! Keys and values of the maps of services.

use ipnet::IpNet;
use skep_bpf::abi::{
    self, BackendValue, FrontendValue, RANGE_PREFIX, RangeKey, frontend_flags, frontend_scope,
};

use crate::service::{
    BackendKey, Frontend, FrontendKey, Protocol, Scope, ServiceId, Vip, WhenEmpty, input::Affinity,
};

/// Returns the key of a frontend.
pub fn encode_frontend_key(key: &FrontendKey) -> abi::FrontendKey {
    abi::FrontendKey {
        addr: key.vip.address.into(),
        port: key.vip.port,
        proto: key.vip.protocol.number(),
        scope: match key.scope {
            Scope::Internal => frontend_scope::INTERNAL,
            Scope::External => frontend_scope::EXTERNAL,
            Scope::Behind => frontend_scope::BEHIND,
        },
        reserved: 0,
    }
}

/// Reads the key of a frontend; `None` if no agent writes such a key.
pub fn decode_frontend_key(key: &abi::FrontendKey) -> Option<FrontendKey> {
    let protocol = Protocol::from_number(key.proto)?;
    let scope = match key.scope {
        frontend_scope::INTERNAL => Scope::Internal,
        frontend_scope::EXTERNAL => Scope::External,
        frontend_scope::BEHIND => Scope::Behind,
        _ => return None,
    };
    Some(FrontendKey { vip: Vip { address: key.addr.into(), port: key.port, protocol }, scope })
}

/// Returns the entry of a frontend.
pub(super) fn frontend_value(frontend: &Frontend) -> FrontendValue {
    let mut flags = 0;
    if frontend.backends.when_empty == WhenEmpty::Drop {
        flags |= frontend_flags::DROP_IF_EMPTY;
    }
    if frontend.source_ranges.is_some() {
        flags |= frontend_flags::RANGES;
    }
    if frontend.passed_by_backends {
        flags |= frontend_flags::PASSED_BY_BACKENDS;
    }
    let backends = frontend.backends.candidates().len();
    FrontendValue {
        service_id: frontend.id.0,
        backends: u32::try_from(backends).unwrap_or(u32::MAX),
        flags,
        affinity: frontend.affinity.map_or(0, Affinity::seconds),
        ..FrontendValue::default()
    }
}

/// Returns the entries of a frontend's source ranges, or of the backends that pass it by; only those of its
/// family mean anything.
pub(super) fn range_keys(key: &FrontendKey, frontend: &Frontend) -> Vec<RangeKey> {
    let is_v4 = key.vip.address.is_ipv4();
    let own = frontend.source_ranges.iter().flat_map(|ranges| ranges.iter().copied());
    let backends = frontend.passed_by_backends.then_some(&frontend.backends.list);
    let backends = backends.into_iter().flatten().map(|backend| IpNet::from(backend.address));
    let mut keys: Vec<RangeKey> = own
        .chain(backends)
        .filter(|range| range.addr().is_ipv4() == is_v4)
        .map(|range| RangeKey {
            prefix_len: RANGE_PREFIX + if is_v4 { 96 } else { 0 } + u32::from(range.prefix_len()),
            service_id: frontend.id.0,
            addr: range.network().into(),
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Returns the entry of a backend.
pub fn encode_backend(key: &BackendKey) -> BackendValue {
    BackendValue {
        addr: key.address.into(),
        port: key.port,
        proto: key.protocol.number(),
        ..BackendValue::default()
    }
}

/// Reads the entry of a backend.
pub(super) fn decode_backend(value: &BackendValue) -> Option<BackendKey> {
    let protocol = Protocol::from_number(value.proto)?;
    Some(BackendKey { address: value.addr.into(), port: value.port, protocol })
}

/// Reads the number of a frontend.
pub(super) fn service_id(value: &FrontendValue) -> ServiceId {
    ServiceId(value.service_id)
}

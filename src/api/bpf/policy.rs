//! The policy maps, decoded.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use serde::{Deserialize, Serialize};
use skep_bpf::abi::{
    ADDR_PREFIX, Addr, CellVerdict, DeviceKind, PORT_PREFIX, PolicyCellKey, policy, scope,
};

use crate::{
    api::Listed,
    maps::{
        DeviceTable, HostTable, IdentityTable, MapError, MapStore, PolicyAddrTable,
        PolicyCellTable, PolicyIdentityTable, PolicyPortTable,
    },
    model::EndpointId,
};

/// One verdict of a policy: for whom, on which ports, and which rule says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BpfPolicy {
    /// Number of the policy on this node.
    pub policy: u32,
    /// Endpoints that have it for what they get; the host is 0.
    pub ingress_endpoints: Vec<u32>,
    /// Endpoints that have it for what they send.
    pub egress_endpoints: Vec<u32>,
    /// Identities that are meant; empty if those of `scope` that no other entry names are.
    pub identities: Vec<u32>,
    /// What the identities are: `unknown`, `pod`, `world` or `node`; `any` for identities of several.
    pub scope: String,
    /// Prefixes of addresses that are meant; empty if those that no other entry names are.
    pub addresses: Vec<String>,
    /// Ports as `80/tcp`, `8000-8007/tcp` or `any/udp`; empty if those that no other entry names are.
    pub ports: Vec<String>,
    /// `allow`, `deny`, `isolated`, `redirect`, `auth` or `audit`.
    pub verdict: String,
    /// Number of what decided; 0 if nothing did.
    pub rule_id: u32,
    /// What decided, in words.
    pub rule: String,
}

impl BpfPolicy {
    /// Reads the maps; `name` says what the number of a rule stands for.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn list(
        store: &impl MapStore,
        name: impl Fn(u32) -> Option<String>,
    ) -> Result<Vec<Self>, MapError> {
        let users = Users::read(store)?;
        let classes = Classes::read(store)?;
        let mut cells = store.entries::<PolicyCellTable>()?;
        cells.sort_by_key(|(key, _)| *key);
        let entry = |(key, cell): (PolicyCellKey, skep_bpf::abi::PolicyCell)| {
            let identities = classes.of(&classes.identities, key.policy, key.identity);
            let (ingress_endpoints, egress_endpoints) = users.of(key.policy);
            Self {
                policy: key.policy & !policy::BY_ADDRESS,
                ingress_endpoints,
                egress_endpoints,
                scope: classes.scope(key.identity, &identities),
                identities,
                addresses: classes.of(&classes.addresses, key.policy, key.address),
                ports: classes.of(&classes.ports, key.policy, key.port),
                verdict: verdict(cell.verdict).to_owned(),
                rule_id: cell.rule_id,
                rule: name(cell.rule_id).unwrap_or_default(),
            }
        };
        Ok(cells.into_iter().map(entry).collect())
    }
}

/// Which endpoints have which policy.
struct Users(BTreeMap<u32, (BTreeSet<u32>, BTreeSet<u32>)>);

impl Users {
    fn read(store: &impl MapStore) -> Result<Self, MapError> {
        let mut users: BTreeMap<u32, (BTreeSet<u32>, BTreeSet<u32>)> = BTreeMap::new();
        for (_, device) in store.entries::<DeviceTable>()? {
            if device.kind == DeviceKind::Pod as u32 {
                users.entry(device.ingress_policy).or_default().0.insert(device.endpoint_id);
                users.entry(device.egress_policy).or_default().1.insert(device.endpoint_id);
            }
        }
        let host = store.get::<HostTable>(&0)?.filter(|host| host.protected != 0);
        if let Some(host) = host {
            users.entry(host.ingress_policy).or_default().0.insert(EndpointId::HOST.0);
            users.entry(host.egress_policy).or_default().1.insert(EndpointId::HOST.0);
        }
        Ok(Self(users))
    }

    fn of(&self, policy: u32) -> (Vec<u32>, Vec<u32>) {
        let Some((ingress, egress)) = self.0.get(&policy) else { return Default::default() };
        (ingress.iter().copied().collect(), egress.iter().copied().collect())
    }
}

/// Members of classes, by policy and class.
type Members<T> = BTreeMap<(u32, u16), Vec<T>>;

struct Classes {
    identities: Members<u32>,
    addresses: Members<String>,
    ports: Members<String>,
    scopes: BTreeMap<u32, u32>,
}

impl Classes {
    fn read(store: &impl MapStore) -> Result<Self, MapError> {
        let mut identities: Members<u32> = BTreeMap::new();
        for (key, value) in store.entries::<PolicyIdentityTable>()? {
            identities.entry((key.policy, class(value))).or_default().push(key.identity);
        }
        identities.values_mut().for_each(|members| members.sort_unstable());
        let mut addresses: Members<String> = BTreeMap::new();
        for (key, value) in store.entries::<PolicyAddrTable>()? {
            let (policy, addr, len) = (key.policy, key.addr, key.prefix_len - ADDR_PREFIX);
            addresses.entry((policy, class(value))).or_default().push(prefix(addr, len));
        }
        let mut ports: Members<String> = BTreeMap::new();
        for (key, value) in store.entries::<PolicyPortTable>()? {
            let port = u16::from_be_bytes(key.port_be);
            let text = port_range(key.proto, port, key.prefix_len - PORT_PREFIX);
            ports.entry((key.policy, class(value))).or_default().push(text);
        }
        addresses.values_mut().chain(ports.values_mut()).for_each(|members| members.sort());
        let known = store.entries::<IdentityTable>()?;
        let scopes = known.into_iter().map(|(identity, value)| (identity, value.scope)).collect();
        Ok(Self { identities, addresses, ports, scopes })
    }

    fn of<T: Clone>(&self, members: &Members<T>, policy: u32, class: u16) -> Vec<T> {
        members.get(&(policy, class)).cloned().unwrap_or_default()
    }

    fn scope(&self, class: u16, identities: &[u32]) -> String {
        if u32::from(class) <= scope::NODE {
            return scope_name(class.into()).to_owned();
        }
        let scopes: BTreeSet<u32> =
            identities.iter().filter_map(|identity| self.scopes.get(identity).copied()).collect();
        match scopes.first() {
            Some(only) if scopes.len() == 1 => scope_name(*only).to_owned(),
            _ => "any".to_owned(),
        }
    }
}

fn class(value: u32) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

const fn scope_name(number: u32) -> &'static str {
    match number {
        scope::POD => "pod",
        scope::WORLD => "world",
        scope::NODE => "node",
        _ => "unknown",
    }
}

fn verdict(code: u8) -> &'static str {
    const NAMES: [(CellVerdict, &str); 7] = [
        (CellVerdict::Allow, "allow"),
        (CellVerdict::Deny, "deny"),
        (CellVerdict::Isolated, "isolated"),
        (CellVerdict::Redirect, "redirect"),
        (CellVerdict::Auth, "auth"),
        (CellVerdict::Audit, "audit"),
        (CellVerdict::Unlearned, "unlearned"),
    ];
    NAMES.iter().find(|(known, _)| *known as u8 == code).map_or("invalid", |(_, name)| name)
}

fn prefix(addr: Addr, len: u32) -> String {
    match IpAddr::from(addr) {
        IpAddr::V4(v4) if len >= 96 => format!("{v4}/{}", len - 96),
        other => format!("{other}/{len}"),
    }
}

fn port_range(proto: u8, port: u16, len: u32) -> String {
    let name = match proto {
        1 => "icmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        58 => "icmpv6".to_owned(),
        132 => "sctp".to_owned(),
        other => format!("protocol-{other}"),
    };
    let last = port | u16::try_from((1_u32 << 16_u32.saturating_sub(len)) - 1).unwrap_or(u16::MAX);
    match len {
        0 => format!("any/{name}"),
        16.. => format!("{port}/{name}"),
        _ => format!("{port}-{last}/{name}"),
    }
}

impl Listed for BpfPolicy {
    const KIND: &'static str = "BpfPolicyList";
    const PATH: &'static str = "/v1/bpf/policy";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_of_ports_and_addresses_read_as_people_write_them() {
        assert_eq!(port_range(6, 80, 16), "80/tcp");
        assert_eq!(port_range(6, 8000, 13), "8000-8007/tcp");
        assert_eq!(port_range(17, 0, 0), "any/udp");
        assert_eq!(port_range(47, 0, 0), "any/protocol-47");
        assert_eq!(prefix("10.0.0.0".parse::<IpAddr>().unwrap().into(), 104), "10.0.0.0/8");
        assert_eq!(prefix("2001:db8::".parse::<IpAddr>().unwrap().into(), 32), "2001:db8::/32");
    }
}

//! Compiled policies as map entries.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use skep_bpf::abi::{
    ADDR_PREFIX, CellVerdict as Verdict, PORT_PREFIX, PolicyAddrKey, PolicyCell, PolicyCellKey,
    PolicyIdentityKey, PolicyPortKey,
};

use super::{Entries, PolicyAddrTable, PolicyCellTable, PolicyIdentityTable, PolicyPortTable};
use crate::policy::compile::{Cell, CellKey, CellVerdict, Origin, Table};

const EVERY_V4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0);

/// The entries of one table.
#[derive(Debug, Default)]
pub struct PolicyEntries {
    /// Classes of identities.
    pub identities: Entries<PolicyIdentityTable>,
    /// Classes of addresses.
    pub addresses: Entries<PolicyAddrTable>,
    /// Classes of ports.
    pub ports: Entries<PolicyPortTable>,
    /// Verdicts.
    pub cells: Entries<PolicyCellTable>,
}

/// Returns the entries of a table under the number `policy`; `rule_id` numbers what decides.
pub fn encode(table: &Table, policy: u32, mut rule_id: impl FnMut(&Cell) -> u32) -> PolicyEntries {
    let identities = table.identities().iter().map(|(identity, class)| {
        (PolicyIdentityKey { policy, identity: identity.0 }, u32::from(*class))
    });
    let mut addresses = table.addresses().clone();
    if !addresses.is_empty() {
        // IPv4 addresses are mapped into ::/0, which says nothing about them.
        addresses.entry(EVERY_V4.into()).or_insert(0);
    }
    let addresses = addresses.into_iter().map(|(net, class)| {
        let mapped = if net.addr().is_ipv4() { 96 } else { 0 };
        let prefix_len = ADDR_PREFIX + mapped + u32::from(net.prefix_len());
        (PolicyAddrKey { prefix_len, policy, addr: net.network().into() }, u32::from(class))
    });
    let ports = table.ports().iter().map(|(ports, class)| {
        let key = PolicyPortKey {
            prefix_len: PORT_PREFIX + u32::from(ports.length),
            policy,
            proto: ports.protocol.number(),
            reserved: 0,
            port_be: ports.port.to_be_bytes(),
        };
        (key, u32::from(*class))
    });
    let cells = table
        .cells()
        .iter()
        .map(|(key, value)| (cell_key(policy, *key), cell(value, rule_id(value))));
    PolicyEntries {
        identities: identities.collect(),
        addresses: addresses.collect(),
        ports: ports.collect(),
        cells: cells.collect(),
    }
}

/// Returns the key of a combination of classes.
pub fn cell_key(policy: u32, (identity, address, port): CellKey) -> PolicyCellKey {
    PolicyCellKey { policy, identity, address, port, reserved: 0 }
}

/// Returns the value of a cell.
pub fn cell(cell: &Cell, rule_id: u32) -> PolicyCell {
    let verdict = match (cell.verdict, &cell.origin) {
        (CellVerdict::Allow, _) => Verdict::Allow,
        (CellVerdict::Deny, Origin::Rule(_)) => Verdict::Deny,
        (CellVerdict::Deny, Origin::Default) => Verdict::Isolated,
        (CellVerdict::Redirect, _) => Verdict::Redirect,
        (CellVerdict::Auth, _) => Verdict::Auth,
        (CellVerdict::Audit, _) => Verdict::Audit,
        (CellVerdict::Unlearned, _) => Verdict::Unlearned,
    };
    PolicyCell { verdict: verdict as u8, rule_id, ..PolicyCell::default() }
}

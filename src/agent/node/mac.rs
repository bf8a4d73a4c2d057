//! Made-up hardware addresses.

use rand::RngExt;

use crate::model::MacAddr;

/// Returns a locally administered, unicast address.
pub(in crate::agent) fn random_mac() -> MacAddr {
    let mut bytes: [u8; 6] = rand::rng().random();
    bytes[0] = (bytes[0] & 0xfc) | 0x02;
    MacAddr(bytes)
}

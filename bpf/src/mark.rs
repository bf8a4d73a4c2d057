//! The mark: what one program tells the next through the stack.

use crate::abi::{Config, mark};

/// Returns the kind in a mark.
#[inline(always)]
pub fn kind(config: &Config, value: u32) -> u32 {
    (value >> (config.mark_shift & 31)) & 0xf
}

/// Returns the identity in a mark of a kind that carries one.
#[inline(always)]
pub fn identity(value: u32) -> u32 {
    value >> 16
}

/// Makes a mark: sent by a pod with this identity and admitted.
#[inline(always)]
pub fn admitted(config: &Config, identity: u32) -> u32 {
    of_kind(config, mark::POD) | identity << 16
}

/// Makes a mark: on its way to a pod of this node, from this identity, and admitted. Identities that only
/// this node knows have more bits than a mark has room for; they follow from the address.
#[inline(always)]
pub fn arrived(config: &Config, identity: u32) -> u32 {
    if identity >> 16 == 0 { admitted(config, identity) } else { of_kind(config, mark::ADDRESSED) }
}

/// Makes a mark: from this identity, and to be looked at once more where the underlay comes in.
#[inline(always)]
pub fn handed_on(config: &Config, identity: u32) -> u32 {
    of_kind(config, mark::HANDED_ON) | identity << 16
}

/// Makes a mark of a kind that carries nothing.
#[inline(always)]
pub fn of_kind(config: &Config, kind: u32) -> u32 {
    kind << (config.mark_shift & 31)
}

/// Tells whether a kind says that another program of this node admitted the packet.
#[inline(always)]
pub fn vouches(kind: u32) -> bool {
    matches!(kind, mark::POD | mark::SNAT_DONE | mark::OVERLAY | mark::RETURNED)
}

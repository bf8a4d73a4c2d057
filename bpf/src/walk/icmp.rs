//! Reading what an ICMP error quotes.

use crate::{
    abi::{DropReason, Family},
    packet::{
        Kind, Packet,
        ip::{self, Extent},
    },
    state::State,
};

/// Bytes of an ICMP header.
const HEADER: u32 = 8;

/// Parses what an ICMP error quotes into the state; other packets quote nothing.
#[inline(always)]
pub(super) fn read_if_error<P: Packet>(pkt: &P, st: &mut State) -> Result<(), DropReason> {
    if !matches!(st.packet.kind, Kind::Error) {
        return Ok(());
    }
    let family = if st.packet.is_v4() { Family::V4 } else { Family::V6 };
    ip::parse(pkt, family, st.packet.l4 + HEADER, Extent::Quoted, &mut st.quoted)
        .map_err(|_| DropReason::CtCannotCreate)
}

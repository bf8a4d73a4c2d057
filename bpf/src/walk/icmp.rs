//! Reading what an ICMP error quotes.

use crate::{
    abi::{DropReason, Family},
    packet::{
        Packet,
        ip::{self, Extent},
    },
    state::State,
};

/// Bytes of an ICMP header.
const HEADER: u32 = 8;

/// Parses the quoted packet into the state.
#[inline(always)]
pub(super) fn read_quoted<P: Packet>(pkt: &P, st: &mut State) -> Result<(), DropReason> {
    let family = if st.packet.is_v4() { Family::V4 } else { Family::V6 };
    ip::parse(pkt, family, st.packet.l4 + HEADER, Extent::Quoted, &mut st.quoted)
        .map_err(|_| DropReason::CtCannotCreate)
}

//! Where a destination is, and who owns an address.

use crate::{
    abi::{Addr, Config, IpcacheKey, IpcacheValue, Mode, identity, ipcache_flags, node_flags},
    env::Env,
    packet::Parsed,
    state::State,
};

/// What an address outside the pods of this node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// This node itself.
    Host,
    /// In this node's pod CIDR, but nobody's.
    Stale,
    /// A pod of another node, or an address of its pod CIDR.
    RemotePod,
    /// Another node.
    RemoteNode {
        /// Its agent accepts pod sources.
        ready: bool,
    },
    /// Outside the cluster.
    World,
}

impl Place {
    /// Tells whether services may have addresses there.
    #[inline(always)]
    pub fn may_be_service(self) -> bool {
        matches!(self, Self::World) || self.is_node()
    }

    /// Returns it as a number, for [`Env::blur`].
    #[inline(always)]
    pub fn bits(self) -> u32 {
        match self {
            Self::Host => 0,
            Self::Stale => 1,
            Self::RemotePod => 2,
            Self::RemoteNode { ready: false } => 3,
            Self::RemoteNode { ready: true } => 4,
            Self::World => 5,
        }
    }

    /// Reads it from a number.
    #[inline(always)]
    pub fn from_bits(bits: u32) -> Self {
        match bits {
            0 => Self::Host,
            1 => Self::Stale,
            2 => Self::RemotePod,
            3 => Self::RemoteNode { ready: false },
            4 => Self::RemoteNode { ready: true },
            _ => Self::World,
        }
    }

    /// Tells whether it is a node.
    #[inline(always)]
    pub fn is_node(self) -> bool {
        matches!(self, Self::Host | Self::RemoteNode { .. })
    }
}

/// Looks up the owner of an address.
#[inline(always)]
pub fn owner<'e, E: Env>(env: &'e E, st: &mut State, addr: &Addr) -> Option<&'e IpcacheValue> {
    st.prefix = IpcacheKey { prefix_len: 128, addr: *addr };
    env.ipcache(&st.prefix)
}

/// Returns the identity of the outside for the family of a packet.
#[inline(always)]
pub fn world(packet: &Parsed) -> u32 {
    if packet.is_v4() { identity::WORLD_V4 } else { identity::WORLD_V6 }
}

/// Finds the place of the destination and sets its identity.
#[inline(always)]
pub fn locate<E: Env>(env: &E, config: &Config, st: &mut State) -> Place {
    let addr = st.packet.dst;
    let Some(value) = owner(env, st, &addr) else {
        st.dst_identity = world(&st.packet);
        return Place::World;
    };
    st.dst_identity = value.identity;
    if value.node_id == 0 {
        return Place::World;
    }
    let own = value.node_id == config.node_id;
    match (value.flags & ipcache_flags::NODE != 0, own) {
        (true, true) => Place::Host,
        (true, false) => {
            let ready =
                env.node(value.node_id).is_some_and(|node| node.flags & node_flags::READY != 0);
            Place::RemoteNode { ready }
        }
        (false, true) => Place::Stale,
        (false, false) => Place::RemotePod,
    }
}

/// Tells whether the overlay is on.
#[inline(always)]
pub fn is_overlay(config: &Config) -> bool {
    config.mode == Mode::Vxlan as u32
}

//! Services: what clients connect to, and who takes the connection.

use super::{Addr, pod::abi_struct};

/// Values of [`FrontendKey::scope`]: where clients are.
pub mod frontend_scope {
    /// Pods and nodes of the cluster.
    pub const INTERNAL: u8 = 0;
    /// Everybody else.
    pub const EXTERNAL: u8 = 1;
    /// Backends of a redirect that they themselves pass by: what the service says that it redirects.
    pub const BEHIND: u8 = 2;
}

/// Bits of [`FrontendValue::flags`].
pub mod frontend_flags {
    /// New connections that nobody takes are dropped: other nodes have backends. Else they are refused.
    pub const DROP_IF_EMPTY: u32 = 1;
    /// Only some clients may connect, by their address.
    pub const RANGES: u32 = 2;
    /// The list is a Maglev table: all nodes have the same one, in which a backend has many places.
    pub const MAGLEV: u32 = 4;
    /// A redirect that does not concern its own backends: their addresses are its ranges.
    pub const PASSED_BY_BACKENDS: u32 = 8;
}

abi_struct! {
    /// What a client connects to.
    #[derive(Hash)]
    pub struct FrontendKey {
        /// Address. The unspecified address of a family stands for all nodes: node ports.
        pub addr: Addr,
        /// Port, host order.
        pub port: u16,
        /// IP protocol number.
        pub proto: u8,
        /// One of [`frontend_scope`].
        pub scope: u8,
        /// Zero.
        pub reserved: u32,
    }
}

abi_struct! {
    /// A frontend.
    pub struct FrontendValue {
        /// Its number, never 0.
        pub service_id: u32,
        /// How many backends take new connections.
        pub backends: u32,
        /// [`frontend_flags`].
        pub flags: u32,
        /// Seconds for which a client stays with its backend; 0 = it does not.
        pub affinity: u32,
        /// Number of the list of its backends in [`ListKey`].
        pub list: u32,
        /// Places of that list; 0 = nobody takes new connections.
        pub places: u32,
        /// Zero.
        pub reserved: [u32; 2],
    }
}

abi_struct! {
    /// Some places in a row of a list of backends.
    #[derive(Hash)]
    pub struct ListKey {
        /// The list's number.
        pub list: u32,
        /// The first place by [`ListBlock::PLACES`].
        pub block: u32,
    }
}

abi_struct! {
    /// Numbers of the backends at these places; behind the end of the list some of them again.
    pub struct ListBlock {
        /// By place.
        pub backends: [u32; ListBlock::PLACES],
    }
}

impl ListBlock {
    /// Places in a block, a power of two.
    pub const PLACES: usize = 32;
}

abi_struct! {
    /// A backend that takes new connections of a frontend with affinity: who has come back is led there
    /// with no look at the list.
    #[derive(Hash)]
    pub struct MemberKey {
        /// The frontend's number.
        pub service_id: u32,
        /// The backend's number.
        pub backend_id: u32,
    }
}

abi_struct! {
    /// A backend.
    pub struct BackendValue {
        /// Address.
        pub addr: Addr,
        /// Port, host order.
        pub port: u16,
        /// IP protocol number.
        pub proto: u8,
        /// Zero.
        pub reserved: [u8; 5],
    }
}

impl BackendValue {
    /// What is at numbers that no backend has.
    pub const NOBODY: Self =
        Self { addr: Addr::from_words([0; 2]), port: 0, proto: 0, reserved: [0; 5] };
}

/// Bits in front of the address in [`RangeKey`].
pub const RANGE_PREFIX: u32 = 32;

abi_struct! {
    /// A prefix whose addresses may connect to a frontend with [`frontend_flags::RANGES`], or pass by one
    /// with [`frontend_flags::PASSED_BY_BACKENDS`].
    pub struct RangeKey {
        /// [`RANGE_PREFIX`] and the bits of the address that count.
        pub prefix_len: u32,
        /// The frontend's number.
        pub service_id: u32,
        /// The prefix.
        pub addr: Addr,
    }
}

abi_struct! {
    /// The addresses of a pod of this node, or of the node. Sockets that are being connected have none yet:
    /// they are known by the cookie of their network namespace.
    pub struct NetnsValue {
        /// IPv4 address; zero if it has none.
        pub addr_v4: Addr,
        /// IPv6 address; zero if it has none.
        pub addr_v6: Addr,
    }
}

abi_struct! {
    /// A client that stays with a backend.
    #[derive(Hash)]
    pub struct AffinityKey {
        /// The client: its address, or [`Addr::netns`] where that is not known.
        pub client: Addr,
        /// The frontend's number.
        pub service_id: u32,
        /// Zero.
        pub reserved: u32,
    }
}

abi_struct! {
    /// Its backend.
    pub struct AffinityValue {
        /// Monotonic time of its last new connection, ns.
        pub last_used: u64,
        /// The backend's number.
        pub backend_id: u32,
        /// Zero.
        pub reserved: u32,
    }
}

abi_struct! {
    /// What a socket was told to connect to, and what it is connected to.
    pub struct SocketValue {
        /// The frontend's address; zero = not translated.
        pub frontend_addr: Addr,
        /// The backend's address.
        pub backend_addr: Addr,
        /// The frontend's port, host order.
        pub frontend_port: u16,
        /// The backend's port, host order.
        pub backend_port: u16,
        /// The frontend's number.
        pub service_id: u32,
    }
}

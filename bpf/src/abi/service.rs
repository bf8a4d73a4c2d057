//! Services: what clients connect to, and who takes the connection.

use super::{Addr, pod::abi_struct};

/// Values of [`FrontendKey::scope`]: where clients are.
pub mod frontend_scope {
    /// Pods and nodes of the cluster.
    pub const INTERNAL: u8 = 0;
    /// Everybody else.
    pub const EXTERNAL: u8 = 1;
}

/// Bits of [`FrontendValue::flags`].
pub mod frontend_flags {
    /// New connections that nobody takes are dropped: other nodes have backends. Else they are refused.
    pub const DROP_IF_EMPTY: u32 = 1;
    /// Only some clients may connect, by their address.
    pub const RANGES: u32 = 2;
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
        /// How many backends take new connections: slots 0 and up of [`SlotKey`].
        pub backends: u32,
        /// [`frontend_flags`].
        pub flags: u32,
        /// Seconds for which a client stays with its backend; 0 = it does not.
        pub affinity: u32,
        /// Number of its Maglev table in [`TableKey`].
        pub table: u32,
        /// Entries of that table; 0 = it has none, and any backend will do.
        pub table_size: u32,
        /// Zero.
        pub reserved: [u32; 2],
    }
}

abi_struct! {
    /// A place in the list of a frontend's backends, or a backend that is in that list.
    #[derive(Hash)]
    pub struct SlotKey {
        /// The frontend's number.
        pub service_id: u32,
        /// From 0; or [`SlotKey::MEMBER`] and a backend's number, for frontends with affinity.
        pub slot: u32,
    }
}

impl SlotKey {
    /// Marks a backend's number in [`SlotKey::slot`]: who takes new connections is found at once.
    pub const MEMBER: u32 = 1 << 31;
}

abi_struct! {
    /// Some entries in a row of a Maglev table.
    #[derive(Hash)]
    pub struct TableKey {
        /// The table's number.
        pub table: u32,
        /// The first entry by [`TableBlock::ENTRIES`].
        pub block: u32,
    }
}

abi_struct! {
    /// Numbers of the backends at these entries; zero behind the end of the table.
    pub struct TableBlock {
        /// By entry.
        pub backends: [u32; TableBlock::ENTRIES],
    }
}

impl TableBlock {
    /// Entries in a block, a power of two.
    pub const ENTRIES: usize = 32;
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

/// Bits in front of the address in [`RangeKey`].
pub const RANGE_PREFIX: u32 = 32;

abi_struct! {
    /// A prefix whose addresses may connect to a frontend with [`frontend_flags::RANGES`].
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
    /// A client that stays with a backend.
    #[derive(Hash)]
    pub struct AffinityKey {
        /// The client: its address, or [`Addr::netns`] where that is not known yet.
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

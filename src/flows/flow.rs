//! What a flow tells without looking into its parts; the parts are [`crate::hubble::flow`]'s.

use std::{net::IpAddr, sync::LazyLock};

use jiff::Timestamp;

use crate::hubble::flow::{
    CiliumEventType, Endpoint, Flow, Policy, Tcp, TcpFlags, layer4::Protocol,
};

/// The end of a flow that says nothing about it.
static NOBODY: LazyLock<Endpoint> = LazyLock::new(Endpoint::default);

impl Flow {
    /// Returns when it was seen.
    pub fn moment(&self) -> Timestamp {
        self.time.unwrap_or_default().moment()
    }

    /// Returns how many flows it is: one may stand for others that are alike.
    pub fn count(&self) -> u64 {
        let sum = self.aggregate.as_ref().map_or(0, |all| {
            let by_direction =
                [all.ingress_flow_count, all.egress_flow_count, all.unknown_direction_flow_count];
            by_direction.into_iter().map(u64::from).sum()
        });
        sum.max(1)
    }

    /// Returns who sent it.
    pub fn sender(&self) -> &Endpoint {
        self.source.as_ref().unwrap_or(&NOBODY)
    }

    /// Returns for whom it is.
    pub fn receiver(&self) -> &Endpoint {
        self.destination.as_ref().unwrap_or(&NOBODY)
    }

    /// Returns the addresses of sender and receiver, if both are.
    pub fn addresses(&self) -> Option<(IpAddr, IpAddr)> {
        let ip = self.ip.as_ref()?;
        Some((ip.source.parse().ok()?, ip.destination.parse().ok()?))
    }

    /// Returns its header of layer 4.
    pub fn protocol(&self) -> Option<&Protocol> {
        self.l4.as_ref()?.protocol.as_ref()
    }

    /// Returns the ports of sender and receiver, if the protocol has some.
    pub fn ports(&self) -> Option<(u32, u32)> {
        match self.protocol()? {
            Protocol::Tcp(tcp) => Some((tcp.source_port, tcp.destination_port)),
            Protocol::Udp(udp) => Some((udp.source_port, udp.destination_port)),
            Protocol::Sctp(sctp) => Some((sctp.source_port, sctp.destination_port)),
            _ => None,
        }
    }

    /// Returns the flags of a TCP packet.
    pub fn tcp_flags(&self) -> Option<TcpFlags> {
        match self.protocol()? {
            Protocol::Tcp(Tcp { flags, .. }) => Some(flags.unwrap_or_default()),
            _ => None,
        }
    }

    /// Returns which kind of event it is.
    pub fn kind(&self) -> CiliumEventType {
        self.event_type.unwrap_or_default()
    }

    /// Returns the policies that decided, for whichever direction.
    pub fn deciding(&self) -> impl Iterator<Item = &Policy> {
        let lists = [
            &self.egress_allowed_by,
            &self.ingress_allowed_by,
            &self.egress_denied_by,
            &self.ingress_denied_by,
        ];
        lists.into_iter().flatten()
    }
}

impl TcpFlags {
    /// Tells whether all flags of `other` are set.
    pub fn contains(self, other: Self) -> bool {
        let bits = |flags: Self| {
            let Self { fin, syn, rst, psh, ack, urg, ece, cwr, ns } = flags;
            [fin, syn, rst, psh, ack, urg, ece, cwr, ns]
        };
        bits(self).iter().zip(bits(other)).all(|(have, wanted)| *have || !wanted)
    }
}

impl CiliumEventType {
    /// A dropped packet.
    pub const DROP: i32 = 1;
    /// A packet seen on its way.
    pub const TRACE: i32 = 4;
    /// A judgement.
    pub const POLICY_VERDICT: i32 = 5;
    /// A socket was connected to a backend instead of its service.
    pub const TRACE_SOCKET: i32 = 7;
    /// A request or response.
    pub const L7: i32 = 129;

    /// Sub types of traces: where a packet was seen.
    pub const TRACE_POINTS: [(i32, &str); 14] = [
        (0, "to-endpoint"),
        (1, "to-proxy"),
        (2, "to-host"),
        (3, "to-stack"),
        (4, "to-overlay"),
        (5, "from-endpoint"),
        (6, "from-proxy"),
        (7, "from-host"),
        (8, "from-stack"),
        (9, "from-overlay"),
        (10, "from-network"),
        (11, "to-network"),
        (12, "from-crypto"),
        (13, "to-crypto"),
    ];
}

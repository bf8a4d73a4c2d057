//! Why a packet was dropped, or what else it was counted as.

/// Defines an enum of numbered reasons with names and sentences.
macro_rules! reasons {
    ($(#[$meta:meta])* $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $code:literal $wire:literal,)* }) => {
        $(#[$meta])*
        #[repr(u8)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[doc = $doc])+ $variant = $code,)* }

        impl $name {
            /// Every value, in numeric order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the number, which is part of the wire contract.
            #[inline(always)]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// Returns the name that clients see.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $wire,)* }
            }

            /// Returns the value with this number.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

reasons! {
    /// Why a packet was dropped: the numbers and names of Hubble's `flow.DropReason`.
    DropReason {
        /// The source MAC is not the endpoint's.
        InvalidSourceMac = 130 "INVALID_SOURCE_MAC",
        /// The destination MAC is neither the gateway's nor a group's.
        InvalidDestinationMac = 131 "INVALID_DESTINATION_MAC",
        /// The source address is not the endpoint's, or cannot come from there.
        InvalidSourceIp = 132 "INVALID_SOURCE_IP",
        /// No policy allows it.
        PolicyDenied = 133 "POLICY_DENIED",
        /// Malformed: lengths, versions, options that are never forwarded.
        InvalidPacket = 134 "INVALID_PACKET_DROPPED",
        /// The layer 4 header is cut off.
        TruncatedHeader = 135 "CT_TRUNCATED_OR_INVALID_HEADER",
        /// Not a protocol that can be tracked.
        CtUnknownProtocol = 137 "CT_UNKNOWN_L4_PROTOCOL",
        /// An ICMP error about a connection that nobody has.
        CtCannotCreate = 138 "CT_CANNOT_CREATE_ENTRY_FROM_PACKET",
        /// Neither IPv4 nor IPv6.
        UnsupportedL3 = 139 "UNSUPPORTED_L3_PROTOCOL",
        /// The packet could not be rewritten.
        WriteError = 141 "ERROR_WRITING_TO_PACKET",
        /// Not a known layer 4 protocol.
        UnknownL4 = 142 "UNKNOWN_L4_PROTOCOL",
        /// The overlay gave no tunnel key.
        NoTunnelKey = 147 "ERROR_RETRIEVING_TUNNEL_KEY",
        /// An address that nobody has.
        UnknownTarget = 150 "UNKNOWN_L3_TARGET_ADDRESS",
        /// An address of this node's pod CIDR without an endpoint.
        StaleAddress = 151 "STALE_OR_UNROUTABLE_IP",
        /// The IP checksum could not be corrected.
        L3Checksum = 153 "ERROR_WHILE_CORRECTING_L3_CHECKSUM",
        /// The layer 4 checksum could not be corrected.
        L4Checksum = 154 "ERROR_WHILE_CORRECTING_L4_CHECKSUM",
        /// The connection table has no room.
        CtInsertFailed = 155 "CT_MAP_INSERTION_FAILED",
        /// An IPv6 extension header that is not forwarded, or too many of them.
        InvalidExtensionHeader = 156 "INVALID_IPV6_EXTENSION_HEADER",
        /// A fragment where none can be handled.
        FragmentNotSupported = 157 "IP_FRAGMENTATION_NOT_SUPPORTED",
        /// A service has nobody who takes the connection.
        NoBackend = 158 "SERVICE_BACKEND_NOT_FOUND",
        /// No node is known for the address.
        NoTunnelEndpoint = 160 "NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT",
        /// The entry of the device or the configuration is missing.
        NoConfiguration = 165 "NO_CONFIGURATION_AVAILABLE_TO_PERFORM_POLICY_DECISION",
        /// Not Ethernet as pods speak it: VLAN tags, 802.3, and so on.
        UnsupportedL2 = 166 "UNSUPPORTED_L2_PROTOCOL",
        /// No port is left for source translation.
        NoNatMapping = 167 "NO_MAPPING_FOR_NAT_MASQUERADE",
        /// The protocol has no ports to translate.
        NatUnsupportedProtocol = 168 "UNSUPPORTED_PROTOCOL_FOR_NAT_MASQUERADE",
        /// No route.
        FibLookupFailed = 169 "FIB_LOOKUP_FAILED",
        /// A pod sent tunnel traffic to a node.
        EncapsulationProhibited = 170 "ENCAPSULATION_TRAFFIC_IS_PROHIBITED",
        /// The identity does not fit the address.
        InvalidIdentity = 171 "INVALID_IDENTITY",
        /// The outer source of an overlay packet is not a node, or not the sender's node.
        UnknownSender = 172 "UNKNOWN_SENDER",
        /// The first fragment of the datagram was not seen.
        FirstFragmentMissing = 175 "FIRST_LOGICAL_DATAGRAM_FRAGMENT_NOT_FOUND",
        /// ICMPv6 that pods may not send: router advertisements, redirects, neighbour claims.
        ForbiddenIcmpv6 = 176 "FORBIDDEN_ICMPV6_MESSAGE",
        /// The client is in none of the source ranges of the load balancer.
        NotInSourceRange = 177 "DENIED_BY_LB_SRC_RANGE_CHECK",
        /// Rules of layer 7 or of DNS names apply and no proxy sees to them.
        ProxyMissing = 180 "PROXY_REDIRECTION_NOT_SUPPORTED_FOR_PROTOCOL",
        /// A rule denies it.
        PolicyDeny = 181 "POLICY_DENY",
        /// A VLAN tag.
        VlanFiltered = 182 "VLAN_FILTERED",
        /// The VNI is not an identity that may be on the wire.
        InvalidVni = 183 "INVALID_VNI",
        /// Both ends must authenticate first, and have not.
        AuthRequired = 189 "AUTH_REQUIRED",
        /// The time to live ran out.
        TtlExceeded = 196 "TTL_EXCEEDED",
        /// The node has no id yet.
        NoNodeId = 197 "NO_NODE_ID",
        /// The endpoint opens connections too fast, or has used its share of the table.
        RateLimited = 198 "DROP_RATE_LIMITED",
        /// The host is not ready.
        HostNotReady = 202 "DROP_HOST_NOT_READY",
        /// The endpoint is not ready.
        EndpointNotReady = 203 "DROP_EP_NOT_READY",
    }
}

reasons! {
    /// What is counted besides drops: numbers below 130, skep's own.
    Note {
        /// Forwarded.
        Forwarded = 0 "FORWARDED",
        /// The gateway answered an ARP request.
        ArpAnswered = 1 "ARP_ANSWERED",
        /// The gateway answered a neighbour solicitation.
        NeighbourAnswered = 2 "NEIGHBOUR_ANSWERED",
        /// Multicast listener reports, router solicitations, duplicate address detection: ignored.
        LinkNoise = 3 "LINK_NOISE_IGNORED",
        /// The overlay's identity differs from the ipcache's on the same node; the overlay's was used.
        IdentityDiffers = 4 "IDENTITY_DIFFERS",
        /// An event was lost because the ring buffer was full.
        EventLost = 5 "EVENT_LOST",
        /// A conntrack write failed with EBUSY and was retried.
        CtBusy = 6 "CT_BUSY",
        /// A conntrack write failed because the table is full.
        CtFull = 7 "CT_FULL",
    }
}

/// Everything that has a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Not a drop.
    Note(Note),
    /// A drop.
    Drop(DropReason),
}

impl Counted {
    /// Returns the number: below 130 for notes.
    #[inline(always)]
    pub const fn code(self) -> u8 {
        match self {
            Self::Note(note) => note.code(),
            Self::Drop(reason) => reason.code(),
        }
    }

    /// Returns the name that clients see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note(note) => note.name(),
            Self::Drop(reason) => reason.name(),
        }
    }

    /// Returns what has this number.
    pub const fn from_code(code: u8) -> Option<Self> {
        match (Note::from_code(code), DropReason::from_code(code)) {
            (Some(note), _) => Some(Self::Note(note)),
            (None, Some(reason)) => Some(Self::Drop(reason)),
            (None, None) => None,
        }
    }
}

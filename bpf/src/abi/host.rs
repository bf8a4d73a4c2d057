//! The host as an endpoint: whom host policies protect.

use super::pod::abi_struct;

abi_struct! {
    /// The one element of the host's map. All zero means that nothing protects the host, whose packets
    /// are neither judged nor tracked then, and that it serves nobody.
    pub struct HostValue {
        /// All ones if the host firewall is on, else zero: a mask, as programs do without a branch.
        pub protected: u32,
        /// Policy of packets to the host: a number of [`super::policy`].
        pub ingress_policy: u32,
        /// Policy of packets that the host itself sends.
        pub egress_policy: u32,
        /// Not zero if services have backends at addresses of the host itself: their answers must show the
        /// service.
        pub backends: u32,
        /// Not zero while somebody else balances on this node, too: what began without skep stays theirs.
        pub yields: u32,
    }
}

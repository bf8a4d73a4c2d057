//! What to do with a packet.

use super::admit::{Admitted, Destination, Host, Source, Transit};

/// What the kernel shall do with a packet. Adapters translate it and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Free it.
    Drop,
    /// Let it go on where it was going: into the stack, or out of the device.
    Accept,
    /// Put it into the other end of a pod's veth.
    Peer(u32),
    /// Send it out of a device.
    Device(u32),
    /// Send it out of a device to the neighbour that the route names.
    Neighbour(u32),
    /// Let it come in on the device: an answer.
    Back(u32),
}

/// A decision, with the proofs it needs.
///
/// Both fields are always set: an enum with a payload would leave one undefined, which the
/// verifier refuses to see copied.
#[derive(Debug)]
#[must_use = "a packet without an outcome is a bug"]
pub struct Action {
    verb: Verb,
    ifindex: u32,
}

#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Drop,
    Accept,
    Peer,
    Device,
    Neighbour,
    Back,
}

impl Action {
    /// Returns what the kernel shall do.
    #[inline(always)]
    pub fn outcome(&self) -> Outcome {
        match self.verb {
            Verb::Drop => Outcome::Drop,
            Verb::Accept => Outcome::Accept,
            Verb::Peer => Outcome::Peer(self.ifindex),
            Verb::Device => Outcome::Device(self.ifindex),
            Verb::Neighbour => Outcome::Neighbour(self.ifindex),
            Verb::Back => Outcome::Back(self.ifindex),
        }
    }

    /// Frees the packet.
    #[inline(always)]
    pub(crate) fn drop() -> Self {
        Self { verb: Verb::Drop, ifindex: 0 }
    }

    /// Delivers from a pod of this node to another one: both legs are judged here.
    #[inline(always)]
    pub(crate) fn pod_to_pod(
        ifindex: u32,
        _source: &Admitted<Source>,
        _destination: &Admitted<Destination>,
    ) -> Self {
        Self { verb: Verb::Peer, ifindex }
    }

    /// Delivers from a pod of this node to the host: both legs are judged here.
    #[inline(always)]
    pub(crate) fn pod_to_host(_source: &Admitted<Source>, _host: &Admitted<Host>) -> Self {
        Self { verb: Verb::Accept, ifindex: 0 }
    }

    /// Delivers to a pod of this node from elsewhere.
    #[inline(always)]
    pub(crate) fn to_pod(ifindex: u32, _destination: &Admitted<Destination>) -> Self {
        Self { verb: Verb::Peer, ifindex }
    }

    /// Sends out of a device: the overlay.
    #[inline(always)]
    pub(crate) fn to_device(ifindex: u32, _source: &Admitted<Source>) -> Self {
        Self { verb: Verb::Device, ifindex }
    }

    /// Sends out of a node device by the route, past the stack.
    #[inline(always)]
    pub(crate) fn to_neighbour(ifindex: u32, _source: &Admitted<Source>) -> Self {
        Self { verb: Verb::Neighbour, ifindex }
    }

    /// Passes on between others over the overlay.
    #[inline(always)]
    pub(crate) fn relay_to_device(ifindex: u32, _transit: &Admitted<Transit>) -> Self {
        Self { verb: Verb::Device, ifindex }
    }

    /// Passes on between others by the route.
    #[inline(always)]
    pub(crate) fn relay_to_neighbour(ifindex: u32, _transit: &Admitted<Transit>) -> Self {
        Self { verb: Verb::Neighbour, ifindex }
    }

    /// Lets the host have what it sent to itself by a service, or the answer to that.
    #[inline(always)]
    pub(crate) fn relay_to_host(ifindex: u32, _transit: &Admitted<Transit>) -> Self {
        Self { verb: Verb::Back, ifindex }
    }

    /// Hands the packet to the program of another device, as if it came in there: that one judges.
    #[inline(always)]
    pub(crate) fn hand_on(ifindex: u32) -> Self {
        Self { verb: Verb::Back, ifindex }
    }

    /// Sends back what skep itself answers to a client outside: nothing of it comes from anyone else.
    #[inline(always)]
    pub(crate) fn answer_outside(ifindex: u32) -> Self {
        Self { verb: Verb::Device, ifindex }
    }

    /// Lets the packet go on: to the host, through the stack, or out of the device.
    #[inline(always)]
    pub(crate) fn accept<L>(_proof: &Admitted<L>) -> Self {
        Self { verb: Verb::Accept, ifindex: 0 }
    }

    /// Sends back what skep itself answers as the gateway (ARP, neighbour discovery); nothing of
    /// it comes from anyone else, so no leg exists.
    #[inline(always)]
    pub(crate) fn answer(ifindex: u32) -> Self {
        Self { verb: Verb::Peer, ifindex }
    }

    /// Sends an answer to the host itself.
    #[inline(always)]
    pub(crate) fn answer_host(ifindex: u32) -> Self {
        Self { verb: Verb::Back, ifindex }
    }

    /// Lets pass what is not IP and none of skep's business: the link protocols of node devices.
    #[inline(always)]
    pub(crate) fn link() -> Self {
        Self { verb: Verb::Accept, ifindex: 0 }
    }
}

/// Perhaps a delivery from pod to pod, with its proofs, in one number: that is all that subprograms of
/// eBPF return.
#[derive(Debug)]
#[must_use = "a packet without an outcome is a bug"]
pub(crate) struct Passage(u32);

impl Passage {
    /// No delivery.
    pub(crate) const NONE: Self = Self(0);

    /// Delivers from a pod of this node to another one: both legs are judged here.
    #[inline(always)]
    pub(crate) fn pod_to_pod(
        ifindex: u32,
        _source: &Admitted<Source>,
        _destination: &Admitted<Destination>,
    ) -> Self {
        Self(ifindex)
    }

    /// Returns the delivery, if there is one.
    #[inline(always)]
    pub(crate) fn action(self) -> Option<Action> {
        (self.0 != 0).then_some(Action { verb: Verb::Peer, ifindex: self.0 })
    }
}

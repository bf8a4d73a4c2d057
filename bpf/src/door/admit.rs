//! The question that every delivery must have asked.

use core::marker::PhantomData;

use super::judge::Question;
use crate::{
    abi::{DeviceValue, Direction, DropReason, EndpointValue, HostValue, Zone, identity, policy},
    conntrack::News,
    env::{Env, Near, Way},
    state::State,
};

/// The leg of the endpoint that sends the packet.
#[derive(Debug)]
pub enum Source {}
/// The leg of the endpoint that gets the packet.
#[derive(Debug)]
pub enum Destination {}
/// The leg of the host, whichever way the packet goes.
#[derive(Debug)]
pub enum Host {}

/// No leg: both ends of the connection are elsewhere.
#[derive(Debug)]
pub enum Transit {}

/// Proof that the leg `L` of a packet was judged. Only [`admit`] makes one.
#[derive(Debug)]
#[must_use = "a proof that is not used means a packet that is not delivered"]
pub struct Admitted<L>(PhantomData<L>);

impl<L> Admitted<L> {
    /// For the reasons that [`super::host`] lists.
    #[inline(always)]
    pub(super) fn without_question() -> Self {
        Self(PhantomData)
    }
}

/// An end of a connection that is judged here, as the door sees it: a pod of this node, or the host.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local {
    /// Number of the endpoint; 0 for the host.
    pub endpoint_id: u32,
    /// Identity of the endpoint.
    pub identity: u32,
    /// Incarnation of the endpoint.
    pub incarnation: u32,
    /// Policy of packets to it.
    pub(super) ingress_policy: u32,
    /// Policy of packets from it.
    pub(super) egress_policy: u32,
    /// All ones; zero for [`Local::NONE`].
    here: u32,
    /// The [`Zone`] of connections that nobody else of this node has a part in.
    zone: u32,
}

/// Incarnation of the host: it has but one life.
const HOST_INCARNATION: u32 = u32::MAX;
/// The host is no endpoint with a number: quotas and rates are for pods.
const HOST_ENDPOINT: u32 = 0;

impl Local {
    /// Nobody: this end of the connection is judged elsewhere, or by no one.
    pub const NONE: Self = Self {
        endpoint_id: 0,
        identity: 0,
        incarnation: 0,
        ingress_policy: 0,
        egress_policy: 0,
        here: 0,
        zone: Zone::Host as u32,
    };

    /// Returns a near pod. Nothing can be asked of its policies: what it is good for needs none.
    #[inline(always)]
    pub fn near<N: Near>(pod: &N) -> Self {
        Self {
            identity: pod.identity(),
            incarnation: pod.incarnation(),
            ingress_policy: policy::NONE,
            egress_policy: policy::NONE,
            here: u32::MAX,
            zone: Zone::Pod as u32,
            ..Self::NONE
        }
    }

    /// Returns the zone of a connection between two ends: that of pods if one is a pod.
    #[inline(always)]
    pub(super) fn zone(&self, other: &Self) -> u8 {
        // The zone of pods is zero.
        (self.zone & other.zone) as u8
    }

    /// Tells whether this is the host. Nobody is not.
    #[inline(always)]
    pub(super) fn is_host(&self) -> bool {
        self.here & self.zone != 0
    }

    /// Tells whether this is a pod of this node.
    #[inline(always)]
    pub(crate) fn is_pod(&self) -> bool {
        self.here != 0 && self.zone == Zone::Pod as u32
    }

    /// Tells whether this is a pod of this node, or the protected host.
    #[inline(always)]
    pub fn is_some(&self) -> bool {
        self.here != 0
    }

    /// Returns all ones if this is somebody, else zero: to do without a branch.
    #[inline(always)]
    pub(super) fn mask(&self) -> u64 {
        u64::from(self.here) << 32 | u64::from(self.here)
    }
}

impl From<&HostValue> for Local {
    #[inline(always)]
    fn from(value: &HostValue) -> Self {
        Self {
            endpoint_id: HOST_ENDPOINT,
            identity: identity::HOST,
            incarnation: HOST_INCARNATION,
            ingress_policy: value.ingress_policy,
            egress_policy: value.egress_policy,
            here: value.protected,
            zone: Zone::Host as u32,
        }
    }
}

impl From<&DeviceValue> for Local {
    #[inline(always)]
    fn from(value: &DeviceValue) -> Self {
        Self {
            endpoint_id: value.endpoint_id,
            identity: value.identity,
            incarnation: value.incarnation,
            ingress_policy: value.ingress_policy,
            egress_policy: value.egress_policy,
            here: u32::MAX,
            zone: Zone::Pod as u32,
        }
    }
}

impl From<&EndpointValue> for Local {
    #[inline(always)]
    fn from(value: &EndpointValue) -> Self {
        Self {
            endpoint_id: value.endpoint_id,
            identity: value.identity,
            incarnation: value.incarnation,
            ingress_policy: value.ingress_policy,
            egress_policy: value.egress_policy,
            here: u32::MAX,
            zone: Zone::Pod as u32,
        }
    }
}

/// What is already known of the leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlowState {
    /// The leg was judged under this revision, for this peer and this incarnation.
    Current,
    /// It was not, or not so.
    Unjudged,
}

/// Judges one leg of a packet; the answer is in [`State::verdict`] if it took a question.
///
/// # Errors
/// The code of a [`DropReason`].
#[inline(always)]
pub(super) fn admit<E: Env, L>(
    env: &E,
    st: &mut State,
    question: Question,
    state: FlowState,
) -> Result<Admitted<L>, u32> {
    if let FlowState::Unjudged = state {
        st.question = question;
        let refusal = env.judge(st);
        if refusal != 0 {
            return Err(refusal);
        }
    }
    Ok(Admitted(PhantomData))
}

/// Admits a leg of which nothing is stale: it was judged under this revision, for this peer and this
/// incarnation, or is nobody's.
#[inline(always)]
pub(super) fn current<L>(staleness: u64) -> Option<Admitted<L>> {
    if staleness == 0 { Some(Admitted(PhantomData)) } else { None }
}

/// Proofs, the way and the news of a packet in one number.
///
/// Subprograms of eBPF return scalars only, so the proofs that one of them gained cross its
/// boundary in this form. Nothing outside the door can make or change one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt(u32);

const SOURCE: u32 = 1;
const DESTINATION: u32 = 2;
const REPLY: u32 = 4;
const JUDGED: u32 = 8;
const SERVICE: u32 = 16;
const TRANSIT: u32 = 32;
const NEWS_SHIFT: u32 = 8;
const REFUSED_SHIFT: u32 = 16;

impl Receipt {
    /// Writes down both proofs; that of a leg without a pod of this node is none.
    #[inline(always)]
    pub(super) fn new(
        (from, _source): (&Local, Admitted<Source>),
        (to, _destination): (&Local, Admitted<Destination>),
        way: Way,
    ) -> Self {
        Self((from.here & SOURCE) | (to.here & DESTINATION) | (way.bit() * REPLY))
    }

    /// Writes down that the host's leg is admitted, whichever way the packet goes.
    #[inline(always)]
    pub(super) fn of_host(_host: &Admitted<Host>) -> Self {
        Self(SOURCE | DESTINATION)
    }

    /// Writes down that this node passes the packet on between others.
    #[inline(always)]
    pub(super) fn passed_on(_transit: Admitted<Transit>, way: Way) -> Self {
        Self(TRANSIT | (way.bit() * REPLY))
    }

    /// Returns the same, of which the verifier knows nothing: it walks what follows once.
    #[inline(always)]
    pub(crate) fn blurred<E: Env>(self, env: &E, noise: u32) -> Self {
        Self(env.blur(self.0, noise))
    }

    /// Adds news.
    #[inline(always)]
    pub(super) fn with(self, news: News) -> Self {
        Self(self.0 | u32::from(news.bits()) << NEWS_SHIFT)
    }

    /// Says that the receiver must see [`State::service`] as the sender.
    #[inline(always)]
    pub(super) fn with_service(self) -> Self {
        Self(self.0 | SERVICE)
    }

    /// Tells whether the receiver must see [`State::service`] as the sender.
    #[inline(always)]
    pub(crate) fn has_service(self) -> bool {
        self.0 & SERVICE != 0
    }

    /// Says that the state has verdicts to tell.
    #[inline(always)]
    pub(super) fn with_verdicts(self) -> Self {
        Self(self.0 | JUDGED)
    }

    /// Tells whether the state has verdicts to tell.
    #[inline(always)]
    pub(crate) fn has_verdicts(self) -> bool {
        self.0 & JUDGED != 0
    }

    /// Says that there is no proof, by the code of a [`DropReason`].
    #[inline(always)]
    pub(super) fn refused(code: u32) -> Self {
        Self(code << REFUSED_SHIFT)
    }

    /// Returns the receipt, or the code of a [`DropReason`] if the packet was refused.
    #[inline(always)]
    pub(super) fn result(self) -> Result<Self, u32> {
        match self.refusal() {
            0 => Ok(self),
            code => Err(code),
        }
    }

    #[inline(always)]
    fn refusal(self) -> u32 {
        self.0 >> REFUSED_SHIFT
    }

    /// Returns the proof of the sender's leg.
    ///
    /// # Errors
    /// When that leg was not judged: a bug of the walk, which then drops.
    #[inline(always)]
    pub fn source(self) -> Result<Admitted<Source>, DropReason> {
        self.proof(SOURCE)
    }

    /// Returns the proof of the receiver's leg.
    ///
    /// # Errors
    /// When that leg was not judged: a bug of the walk, which then drops.
    #[inline(always)]
    pub fn destination(self) -> Result<Admitted<Destination>, DropReason> {
        self.proof(DESTINATION)
    }

    /// Returns the proof that the packet is one between others.
    ///
    /// # Errors
    /// When it is not: a bug of the walk, which then drops.
    #[inline(always)]
    pub fn transit(self) -> Result<Admitted<Transit>, DropReason> {
        self.proof(TRANSIT)
    }

    #[inline(always)]
    fn proof<L>(self, bit: u32) -> Result<Admitted<L>, DropReason> {
        if self.0 & bit != 0 { Ok(Admitted(PhantomData)) } else { Err(DropReason::PolicyDenied) }
    }

    /// Returns the proof of the leg of the host, which got or sent the packet.
    ///
    /// # Errors
    /// When that leg was not judged: a bug of the walk, which then drops.
    #[inline(always)]
    pub fn host(self, st: &State, direction: Direction) -> Result<Admitted<Host>, DropReason> {
        let bit = if direction as u32 == Direction::Ingress as u32 { DESTINATION } else { SOURCE };
        // Who is not protected has no leg.
        if st.host.protected & bit & !self.0 != 0 {
            return Err(DropReason::PolicyDenied);
        }
        Ok(Admitted(PhantomData))
    }

    /// Tells whether the packet is a reply.
    #[inline(always)]
    pub fn is_reply(self) -> bool {
        self.0 & REPLY != 0
    }

    /// Returns what is worth an event.
    #[inline(always)]
    pub fn news(self) -> News {
        News::from_bits((self.0 >> NEWS_SHIFT) as u8)
    }
}

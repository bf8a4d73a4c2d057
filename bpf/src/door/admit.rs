//! The question that every delivery must have asked.

use core::marker::PhantomData;

use crate::{
    abi::{Direction, DropReason, EndpointValue},
    env::Env,
    packet::Parsed,
};

/// The leg of the endpoint that sends the packet.
#[derive(Debug)]
pub enum Source {}
/// The leg of the endpoint that gets the packet.
#[derive(Debug)]
pub enum Destination {}
/// The host's own traffic.
#[derive(Debug)]
pub enum Host {}

/// Proof that the leg `L` of a packet was judged. Only [`admit`] makes one.
#[derive(Debug)]
#[must_use = "a proof that is not used means a packet that is not delivered"]
pub struct Admitted<L>(PhantomData<L>);

/// A pod of this node, as the door sees it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local {
    /// Number of the endpoint.
    pub endpoint_id: u32,
    /// Identity of the endpoint.
    pub identity: u32,
    /// Incarnation of the endpoint.
    pub incarnation: u32,
}

impl From<&EndpointValue> for Local {
    #[inline(always)]
    fn from(value: &EndpointValue) -> Self {
        Self {
            endpoint_id: value.endpoint_id,
            identity: value.identity,
            incarnation: value.incarnation,
        }
    }
}

/// Whom the question is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject {
    /// A pod of this node.
    Pod(Local),
    /// The host itself.
    Host,
}

/// What is already known of the leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlowState {
    /// The leg was judged under this revision, for this peer and this incarnation.
    Current,
    /// It was not, or not so.
    Unjudged,
    /// Another program of this node admitted the packet, and its mark says so.
    Vouched,
}

/// Judges one leg of a packet.
///
/// `direction` is the leg's, not the packet's: a reply asks about the connection it belongs to.
#[inline(always)]
pub(super) fn admit<E: Env, L>(
    env: &E,
    subject: Subject,
    direction: Direction,
    peer: u32,
    packet: &Parsed,
    state: FlowState,
) -> Result<Admitted<L>, DropReason> {
    match state {
        FlowState::Current | FlowState::Vouched => Ok(Admitted(PhantomData)),
        FlowState::Unjudged => {
            judge(env, subject, direction, peer, packet).map(|()| Admitted(PhantomData))
        }
    }
}

/// Asks the policy of the subject. The policy tables hang here; without them all is allowed.
#[inline(always)]
fn judge<E: Env>(
    _env: &E,
    subject: Subject,
    _direction: Direction,
    _peer: u32,
    _packet: &Parsed,
) -> Result<(), DropReason> {
    match subject {
        Subject::Pod(_) | Subject::Host => Ok(()),
    }
}

/// Admits the host's own traffic: the host firewall hangs here.
#[inline(always)]
pub fn host<E: Env>(
    env: &E,
    direction: Direction,
    peer: u32,
    packet: &Parsed,
) -> Result<Admitted<Host>, DropReason> {
    admit(env, Subject::Host, direction, peer, packet, FlowState::Unjudged)
}

/// Admits a packet that another program of this node admitted, as its mark says. Only root of the
/// host can forge a mark; packets from pods arrive without one.
#[inline(always)]
pub fn vouched<E: Env>(env: &E, packet: &Parsed) -> Result<Admitted<Source>, DropReason> {
    admit(env, Subject::Host, Direction::Egress, 0, packet, FlowState::Vouched)
}

//! What a policy says: a fixed number of look-ups, whatever the number of its rules.

use super::admit::Local;
use crate::{
    abi::{
        ADDR_PREFIX, Addr, CellVerdict, Direction, DropReason, PORT_PREFIX, PolicyAddrKey,
        PolicyCell, PolicyCellKey, PolicyIdentityKey, PolicyPortKey, config_flags, policy, scope,
    },
    env::{Env, Way},
    packet::{Fragment, Parsed, transport},
    state::State,
};

/// What is asked about one leg.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Question {
    /// Address of the peer, as the subject sees it.
    addr: Addr,
    /// Number of the policy.
    policy: u32,
    /// Identity of the peer.
    peer: u32,
    /// Number of the endpoint whose leg it is.
    endpoint_id: u32,
    /// A [`Direction`].
    direction: u32,
    /// Port of the responder, or the type of the ICMP request.
    port: u16,
    /// IP protocol number.
    proto: u8,
}

impl Question {
    /// Asks about the leg of a pod or the host.
    #[inline(always)]
    pub(super) fn about(
        pod: &Local,
        direction: Direction,
        (peer, addr): (u32, Addr),
        (proto, port): (u8, u16),
    ) -> Self {
        let policy = match direction {
            Direction::Egress => pod.egress_policy,
            _ => pod.ingress_policy,
        };
        let (endpoint_id, direction) = (pod.endpoint_id, direction as u32);
        Self { addr, policy, peer, endpoint_id, direction, port, proto }
    }
}

/// What was answered, to be told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Verdict {
    /// The rule that decided.
    pub(crate) rule_id: u32,
    /// One of [`told`].
    pub(crate) told: u32,
}

/// Values of [`Verdict::told`].
pub(crate) mod told {
    /// No policy had a say.
    pub(crate) const NOTHING: u32 = 0;
    /// A policy lets it pass.
    pub(crate) const ALLOWED: u32 = 1;
    /// A policy would not, but is audited.
    pub(crate) const AUDITED: u32 = 2;
}

/// Returns protocol and port by which policies know the connection that a packet belongs to: those of
/// the responder, whichever way the packet goes.
#[inline(always)]
pub(super) fn service(p: &Parsed, way: Way) -> (u8, u16) {
    let is_reply = way.bit() != 0;
    if p.type_class == 0 {
        return (p.proto, if is_reply { p.sport } else { p.dport });
    }
    // What opens an exchange speaks for itself; the rest belongs to a request.
    if !is_reply && !matches!(p.fragment, Fragment::Later) {
        return (p.proto, p.icmp_type.into());
    }
    let request = match (p.is_v4(), p.type_class) {
        (true, transport::CLASS_ECHO) => 8,
        (true, _) => 13,
        (false, _) => 128,
    };
    (p.proto, request)
}

/// Answers [`State::question`]: returns 0 and the [`Verdict`] in the state, or the code of a
/// [`DropReason`] and the rule behind it. Asked once for a connection and revision, by [`Env::judge`].
#[inline(always)]
pub fn judge<E: Env>(env: &E, st: &mut State) -> u32 {
    st.verdict = Verdict::default();
    let code = match st.question.policy {
        policy::OPEN => return 0,
        policy::NONE => DropReason::EndpointNotReady.code().into(),
        _ => look_up(env, st),
    };
    if code != 0 {
        st.endpoint_id = st.question.endpoint_id;
        st.refused = st.question.direction;
        st.rule_id = st.verdict.rule_id;
    }
    code
}

#[inline(always)]
fn look_up<E: Env>(env: &E, st: &mut State) -> u32 {
    let (verdict, rule_id) = match find(env, &st.question) {
        Some(cell) => (cell.verdict, cell.rule_id),
        // Tables always have the scope's cell; without it nobody knows what is allowed.
        None => (CellVerdict::Isolated as u8, 0),
    };
    st.verdict = Verdict { rule_id, told: told::ALLOWED };
    const ALLOW: u8 = CellVerdict::Allow as u8;
    const DENY: u8 = CellVerdict::Deny as u8;
    const REDIRECT: u8 = CellVerdict::Redirect as u8;
    const AUTH: u8 = CellVerdict::Auth as u8;
    const AUDIT: u8 = CellVerdict::Audit as u8;
    const UNLEARNED: u8 = CellVerdict::Unlearned as u8;
    let reason = match verdict {
        ALLOW => return 0,
        AUDIT => {
            st.verdict.told = told::AUDITED;
            return 0;
        }
        DENY => DropReason::PolicyDeny,
        // Names are learned by the proxy for DNS.
        REDIRECT | UNLEARNED => DropReason::ProxyMissing,
        AUTH => DropReason::AuthRequired,
        _ => DropReason::PolicyDenied,
    };
    let audits = env.config().is_some_and(|config| config.flags & config_flags::AUDIT != 0);
    // Audited is what policies say, not what nobody knows.
    if audits && rule_id != 0 {
        st.verdict.told = told::AUDITED;
        return 0;
    }
    reason.code().into()
}

/// Finds the verdict by the classes of the peer and the port. The keys are on the stack: the verifier of 6.1
/// takes none from memory that was lent to a global function.
#[inline(always)]
fn find<'e, E: Env>(env: &'e E, question: &Question) -> Option<&'e PolicyCell> {
    let Question { addr, policy, peer, port, proto, .. } = *question;
    let scope = env.identity(peer).map_or(scope::UNKNOWN, |known| known.scope);
    let mut identity = scope;
    // An identity that was taken away may still have its class.
    if scope != scope::UNKNOWN {
        let key = PolicyIdentityKey { policy, identity: peer };
        identity = env.identity_class(&key).unwrap_or(scope);
    }
    let mut address = 0;
    if policy & policy::BY_ADDRESS != 0 {
        let key = PolicyAddrKey { prefix_len: ADDR_PREFIX + 128, policy, addr };
        address = env.addr_class(&key).unwrap_or(0);
    }
    let key = PolicyPortKey {
        prefix_len: PORT_PREFIX + 16,
        policy,
        proto,
        reserved: 0,
        port_be: port.to_be_bytes(),
    };
    let port = env.port_class(&key).unwrap_or(0);
    let mut key = PolicyCellKey {
        policy,
        identity: identity as u16,
        address: address as u16,
        port: port as u16,
        reserved: 0,
    };
    if let Some(cell) = env.cell(&key) {
        return Some(cell);
    }
    key.identity = scope as u16;
    env.cell(&key)
}

//! Services at connect(2): the socket is connected to a backend, and no packet needs a look.

use super::{Choice, Services, choose, datagram, find, find::admits, tell::Asked};
use crate::{
    abi::{Addr, DropReason, Family, SocketValue, frontend_scope},
    packet::transport,
};

/// A socket that is being connected, or asked whom it is connected to, or that sends or receives.
pub trait Socket {
    /// Returns its IP protocol number.
    fn protocol(&self) -> u32;
    /// Returns where it is to be connected or sends, or with whom it is or from whom it receives.
    fn destination(&self) -> (Addr, u16);
    /// Replaces that.
    fn set_destination(&self, addr: &Addr, port: u16);
    /// Returns the cookie of its network namespace: it has no source address yet.
    fn netns(&self) -> u64;
    /// Returns what was remembered about it.
    fn remembered(&self) -> Option<SocketValue>;
    /// Remembers something about it.
    fn remember(&self, value: &SocketValue);
}

/// What connect(2) shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Go,
    /// Fail as if nobody listened there (ECONNREFUSED).
    Refused,
    /// Fail as if nobody were there (EHOSTUNREACH).
    Unreachable,
}

/// Connects a socket to a backend, if it is to be connected to a service.
///
/// TCP, where a connection that loses its backend is over anyway. A connected socket of UDP would go on
/// sending to a backend that is gone, so its packets are looked at, and led by where they can be.
#[inline(always)]
pub fn connect<S: Services, K: Socket>(services: &S, socket: &K) -> Answer {
    let protocol = socket.protocol();
    if protocol == u32::from(transport::UDP) && datagram::lead_out(services, socket) {
        return Answer::Go;
    }
    if protocol != u32::from(transport::TCP) {
        return pass(socket);
    }
    let (addr, port) = socket.destination();
    let is_node = || services.is_node(&addr);
    let client = || client(services, socket, &addr);
    let kind = (transport::TCP, frontend_scope::INTERNAL);
    let Some(frontend) = find(services, (addr, port), kind, client, is_node) else {
        return pass(socket);
    };
    let who = client();
    let asked = Asked { client: who, frontend: (addr, port) };
    if !admits(services, frontend, who) {
        // What a pod sends is looked at, and its drop told. Nobody looks at what a node does.
        if !services.is_node(&who) {
            return pass(socket);
        }
        asked.refused(services, DropReason::NotInSourceRange);
        return Answer::Unreachable;
    }
    let backend = match choose(services, frontend, who, services.random()) {
        Choice::Backend(_, backend) => backend,
        nobody => {
            asked.refused(services, DropReason::NoBackend);
            let is_elsewhere = matches!(nobody, Choice::Drop);
            return if is_elsewhere { Answer::Unreachable } else { Answer::Refused };
        }
    };
    socket.remember(&SocketValue {
        frontend_addr: addr,
        backend_addr: backend.addr,
        frontend_port: port,
        backend_port: backend.port,
        service_id: frontend.service_id,
    });
    socket.set_destination(&backend.addr, backend.port);
    asked.got(services, (backend.addr, backend.port));
    Answer::Go
}

/// Lets a socket be connected as it was told.
#[inline(always)]
fn pass<K: Socket>(socket: &K) -> Answer {
    if socket.remembered().is_some() {
        socket.remember(&SocketValue::default());
    }
    Answer::Go
}

/// Returns by what a client is known: the address of its pod or node in the family of what it connects
/// to, as packets would show it, or else its network namespace.
#[inline(always)]
fn client<S: Services, K: Socket>(services: &S, socket: &K, to: &Addr) -> Addr {
    let cookie = socket.netns();
    let known = services.netns(cookie).map(|own| match to.family() {
        Family::V4 => own.addr_v4,
        Family::V6 => own.addr_v6,
    });
    known.filter(|addr| !addr.is_zero()).unwrap_or(Addr::netns(cookie))
}

/// Shows who asks for the peer of a socket what it was told to connect to.
#[inline(always)]
pub fn peer<K: Socket>(socket: &K) {
    if let Some(value) = socket.remembered()
        && !value.frontend_addr.is_zero()
        && socket.destination() == (value.backend_addr, value.backend_port)
    {
        socket.set_destination(&value.frontend_addr, value.frontend_port);
    }
}

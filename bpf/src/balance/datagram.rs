//! Datagrams of a node to a service at an address of its own.
//!
//! They would go by the loopback device, where no program looks. So their socket sends them to
//! [`Addr::this_node`] instead, and they leave by a device like all others for services, where they are
//! balanced one by one. User space sees nothing of it.

use super::{Services, Socket, find};
use crate::{
    abi::{Addr, SocketValue, frontend_scope},
    packet::transport,
};

/// Lets a datagram pass by a program on its way to a service, if it would not.
#[inline(always)]
pub fn send<S: Services, K: Socket>(services: &S, socket: &K) {
    let _ = lead_out(services, socket);
}

/// Lets what a socket sends to its destination leave by a device, if it is for a service at this node and
/// the node's own. Tells whether it does.
#[inline(always)]
pub(super) fn lead_out<S: Services, K: Socket>(services: &S, socket: &K) -> bool {
    if !services.is_host(socket.netns()) {
        return false;
    }
    let (addr, port) = socket.destination();
    let kind = (transport::UDP, frontend_scope::INTERNAL);
    // Few datagrams are for a port of a service, and to find out whose an address is costs more.
    let is_service = find(services, (addr, port), kind, || addr, || true).is_some();
    if !is_service || !services.is_here(&addr) {
        return false;
    }
    let stand_in = Addr::this_node(addr.family());
    socket.remember(&SocketValue {
        frontend_addr: addr,
        backend_addr: stand_in,
        frontend_port: port,
        backend_port: port,
        service_id: 0,
    });
    socket.set_destination(&stand_in, port);
    true
}

/// Shows who asks for the sender of a datagram the address of the node that the socket last sent to.
#[inline(always)]
pub fn received<K: Socket>(socket: &K) {
    let (addr, port) = socket.destination();
    if addr != Addr::this_node(addr.family()) {
        return;
    }
    if let Some(value) = socket.remembered()
        && value.backend_addr == addr
    {
        socket.set_destination(&value.frontend_addr, port);
    }
}

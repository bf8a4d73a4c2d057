//! Who speaks with whom, and at which port.

use super::Party;
use crate::{
    flows::protocol_name,
    hubble::flow::{Flow, TcpFlags, layer4::Protocol},
};

/// Where operating systems begin to take ports for clients.
const FIRST_EPHEMERAL: u32 = 32_768;

/// A client, a server, and where the server listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// Who opens connections.
    pub source: Party,
    /// Who answers.
    pub destination: Party,
    /// Such as TCP; empty when it is not known.
    pub protocol: String,
    /// The server's; none for protocols without, and when nobody can tell which port it is.
    pub port: Option<u16>,
}

/// Which end of a packet is the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flows) enum Server {
    Receiver,
    Sender,
    /// Both ports look like those of clients.
    Unclear,
}

impl Edge {
    /// Returns the edge that a flow belongs to; a reply belongs to its opener's.
    pub fn of(flow: &Flow) -> Self {
        let server = Server::of(flow);
        let (sender, receiver) = (Party::sender(flow), Party::receiver(flow));
        let (source, destination) = match server {
            Server::Sender => (receiver, sender),
            Server::Receiver | Server::Unclear => (sender, receiver),
        };
        let port = match (flow.ports(), server) {
            (Some((port, _)), Server::Sender) | (Some((_, port)), Server::Receiver) => Some(port),
            _ => None,
        };
        let port = port.and_then(|port| u16::try_from(port).ok());
        Self { source, destination, protocol: protocol(flow), port }
    }
}

impl Server {
    /// Connection tracking knows; for packets that never got there, flags and ports tell.
    pub(in crate::flows) fn of(flow: &Flow) -> Self {
        match flow.is_reply {
            Some(false) => return Self::Receiver,
            Some(true) => return Self::Sender,
            None => {}
        }
        match flow.tcp_flags() {
            Some(TcpFlags { syn: true, ack: false, .. }) => return Self::Receiver,
            Some(TcpFlags { syn: true, ack: true, .. }) => return Self::Sender,
            _ => {}
        }
        match flow.ports() {
            Some((_, to)) if to < FIRST_EPHEMERAL => Self::Receiver,
            Some((from, _)) if from < FIRST_EPHEMERAL => Self::Sender,
            Some(_) => Self::Unclear,
            None => Self::Receiver,
        }
    }
}

fn protocol(flow: &Flow) -> String {
    let number = match flow.protocol() {
        Some(Protocol::Tcp(_)) => 6,
        Some(Protocol::Udp(_)) => 17,
        Some(Protocol::Sctp(_)) => 132,
        Some(Protocol::IcmPv4(_)) => 1,
        Some(Protocol::IcmPv6(_)) => 58,
        Some(Protocol::Igmp(_)) => 2,
        Some(Protocol::Vrrp(_)) => 112,
        None => return String::new(),
    };
    protocol_name(number)
}

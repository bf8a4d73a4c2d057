//! One kind of packet, as an agent tells it.

use std::{fmt, net::IpAddr};

use crate::connectivity::policy::Side;

/// Packets of one direction between two ends, on one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Talk {
    /// Who opened, and who was asked; of answers, too.
    pub ends: (IpAddr, IpAddr),
    /// What they spoke: `tcp`, `udp` or `icmp`.
    pub protocol: &'static str,
    /// The port that was asked; 0 where there is none.
    pub port: u16,
    /// Whether packets went away from the node's side or came to it.
    pub side: Side,
    /// Whether they answer.
    pub is_reply: bool,
}

/// What an agent tells, or should.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    /// Packets were let through.
    Talk(Talk),
    /// Somebody asked a service: whoever answers, it is named.
    Service {
        /// Who asked.
        client: IpAddr,
        /// What it spoke.
        protocol: &'static str,
        /// Namespace and name of the service.
        service: (String, String),
    },
    /// A pod of this name asked a name server, wherever that is and by whichever family.
    Question(String),
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Talk(Talk { ends: (one, other), protocol, port, side, is_reply }) => {
                let (from, to) = if *is_reply { (other, one) } else { (one, other) };
                let what = if *is_reply { "an answer" } else { "a packet" };
                write!(f, "{what} let through at {side}, {protocol} from {from} to {to}")?;
                match port {
                    0 => Ok(()),
                    port if *is_reply => write!(f, ", from port {port}"),
                    port => write!(f, ", port {port}"),
                }
            }
            Self::Service { client, protocol, service: (namespace, name) } => {
                write!(f, "{protocol} from {client} to the service {namespace}/{name}")
            }
            Self::Question(pod) => write!(f, "a question of {pod} to a name server"),
        }
    }
}

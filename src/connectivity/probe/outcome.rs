//! How a probe ended.

use std::{fmt, io, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::message::Seen;

/// How a probe ended. As JSON: an object whose `result` names the variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// The peer answered, and rightly.
    Answered {
        /// From the (last) request to the answer, in microseconds; of a conversation that lasts, the
        /// longest time without an answer.
        micros: u64,
        /// Requests that remained without an answer before.
        #[serde(default)]
        lost: u32,
        /// The source address that the peer saw, if it tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen_as: Option<IpAddr>,
        /// The route's MTU when a packet of its size was sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mtu: Option<u32>,
        /// The names of the servers that answered, sorted, if they tell.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        servers: Vec<String>,
    },
    /// The resolver answered.
    Resolved {
        /// How long that took, in microseconds.
        micros: u64,
        /// The addresses, sorted.
        addresses: Vec<IpAddr>,
    },
    /// The resolver says that there is no such name, or none in this family.
    NoSuchName,
    /// Nobody listens there: a TCP reset, or ICMP port unreachable.
    Refused {
        /// Who said so; unknown for a TCP reset.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<IpAddr>,
    },
    /// There is no way there, or a firewall says so.
    Unreachable {
        /// What was said.
        reason: String,
        /// Who said so; this machine when `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<IpAddr>,
    },
    /// The packet is larger than a link on the way allows.
    TooBig {
        /// What fits, in bytes.
        mtu: u32,
        /// The router that said so; the sender's own kernel when `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<IpAddr>,
    },
    /// The time to live ended on the way.
    Expired {
        /// Where.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<IpAddr>,
    },
    /// No answer.
    TimedOut {
        /// How long was waited, in milliseconds.
        millis: u64,
    },
    /// An answer came back that is not what was sent.
    Corrupt {
        /// The first byte that differs, from 0.
        at: u64,
    },
    /// An HTTP server answered with an error.
    HttpStatus {
        /// Its status.
        status: u16,
    },
    /// Nothing happened that should not.
    Quiet,
    /// Anything else.
    Failed {
        /// What the system said.
        reason: String,
    },
}

impl Outcome {
    /// Returns the outcome of one answer, with what the peer told.
    pub(super) fn answered(micros: u64, seen: Option<Seen>) -> Self {
        let (seen_as, server) = seen.map(|seen| (seen.client.ip(), seen.name)).unzip();
        let servers = server.flatten().into_iter().collect();
        Self::Answered { micros, lost: 0, seen_as, mtu: None, servers }
    }

    /// Adds to an answer how many requests were lost before it, and the MTU that decided its size.
    pub(super) fn after(mut self, requests: u32, route_mtu: Option<u32>) -> Self {
        if let Self::Answered { lost, mtu, .. } = &mut self {
            (*lost, *mtu) = (requests, route_mtu);
        }
        self
    }

    /// Tells whether the peer, or the resolver, answered as it should.
    pub const fn is_answer(&self) -> bool {
        matches!(self, Self::Answered { .. } | Self::Resolved { .. })
    }

    /// Reads an error of the socket interface.
    pub(super) fn of(error: &io::Error, waited_millis: u64) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::ConnectionRefused => Self::Refused { by: None },
            Kind::TimedOut | Kind::WouldBlock => Self::TimedOut { millis: waited_millis },
            Kind::HostUnreachable => {
                Self::Unreachable { reason: "host unreachable".into(), by: None }
            }
            Kind::NetworkUnreachable => {
                Self::Unreachable { reason: "network unreachable".into(), by: None }
            }
            Kind::ConnectionReset => Self::Failed { reason: "the connection was reset".into() },
            Kind::UnexpectedEof => Self::Failed { reason: "the peer closed early".into() },
            _ => Self::Failed { reason: error.to_string() },
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = |by: &Option<IpAddr>| by.map(|by| format!(" (by {by})")).unwrap_or_default();
        match self {
            Self::Answered { micros, lost, seen_as, mtu, servers } => {
                write!(f, "answered in {}", millis(*micros))?;
                if !servers.is_empty() {
                    write!(f, " by {}", servers.join(", "))?;
                }
                if *lost > 0 {
                    write!(f, " after {lost} lost")?;
                }
                if let Some(address) = seen_as {
                    write!(f, ", seen as {address}")?;
                }
                mtu.map_or(Ok(()), |mtu| write!(f, ", MTU {mtu}"))
            }
            Self::Resolved { micros, addresses } => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                write!(f, "{} in {}", addresses.join(", "), millis(*micros))
            }
            Self::NoSuchName => f.write_str("no such name"),
            Self::Refused { by: from } => write!(f, "refused{}", by(from)),
            Self::Unreachable { reason, by: from } => write!(f, "{reason}{}", by(from)),
            Self::TooBig { mtu, by: None } => {
                write!(f, "too big for the sender's own route (MTU {mtu})")
            }
            Self::TooBig { mtu, by: from } => write!(f, "packet too big, MTU {mtu}{}", by(from)),
            Self::Expired { by: from } => write!(f, "time to live exceeded{}", by(from)),
            Self::TimedOut { millis } => {
                write!(f, "no answer within {} s", *millis as f64 / 1000.0)
            }
            Self::Corrupt { at } => write!(f, "the answer differs from what was sent at byte {at}"),
            Self::HttpStatus { status } => write!(f, "HTTP status {status}"),
            Self::Quiet => f.write_str("nothing"),
            Self::Failed { reason } => f.write_str(reason),
        }
    }
}

fn millis(micros: u64) -> String {
    format!("{:.1} ms", micros as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_back_is_the_same() {
        let by = Some("fd00::1".parse().unwrap());
        for (outcome, json) in [
            (
                Outcome::Answered {
                    micros: 412,
                    lost: 1,
                    seen_as: by,
                    mtu: Some(1450),
                    servers: Vec::new(),
                },
                r#"{"result":"answered","micros":412,"lost":1,"seenAs":"fd00::1","mtu":1450}"#,
            ),
            (
                Outcome::Answered {
                    micros: 412,
                    lost: 0,
                    seen_as: None,
                    mtu: None,
                    servers: vec!["me".into()],
                },
                r#"{"result":"answered","micros":412,"lost":0,"servers":["me"]}"#,
            ),
            (Outcome::Refused { by: None }, r#"{"result":"refused"}"#),
            (
                Outcome::TooBig { mtu: 1450, by },
                r#"{"result":"too-big","mtu":1450,"by":"fd00::1"}"#,
            ),
            (Outcome::NoSuchName, r#"{"result":"no-such-name"}"#),
        ] {
            assert_eq!(serde_json::to_string(&outcome).unwrap(), json);
            assert_eq!(serde_json::from_str::<Outcome>(json).unwrap(), outcome);
        }
    }

    #[test]
    fn people_read_what_happened() {
        let by = Some("10.0.0.1".parse().unwrap());
        for (outcome, text) in [
            (
                Outcome::Answered {
                    micros: 412,
                    lost: 2,
                    seen_as: by,
                    mtu: None,
                    servers: vec!["me".into(), "you".into()],
                },
                "answered in 0.4 ms by me, you after 2 lost, seen as 10.0.0.1",
            ),
            (
                Outcome::TooBig { mtu: 1450, by: None },
                "too big for the sender's own route (MTU 1450)",
            ),
            (Outcome::TooBig { mtu: 1450, by }, "packet too big, MTU 1450 (by 10.0.0.1)"),
            (Outcome::TimedOut { millis: 2500 }, "no answer within 2.5 s"),
        ] {
            assert_eq!(outcome.to_string(), text);
        }
    }
}

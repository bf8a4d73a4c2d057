//! What the bench and its workers say to each other.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::bench::catalogue::{CHURN, CONNECT, DATAGRAM, Metric, REQUEST, STREAM, TAIL};

/// Port of the server that answers each byte with a byte.
pub(super) const ECHO_PORT: u16 = 7001;
/// Port of the server that reads and forgets.
pub(super) const SINK_PORT: u16 = 7002;
/// Port of the server that receives datagrams.
pub(super) const DATAGRAM_PORT: u16 = 7003;

/// Congestion control of every connection, so that distributions' defaults do not count.
pub(super) const CONGESTION: &str = "cubic";

/// What a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends.
    Client,
    /// Answers.
    Server,
}

/// Not a role.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not one of client, server")]
pub struct InvalidRole(String);

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        match text {
            "client" => Ok(Self::Client),
            "server" => Ok(Self::Server),
            other => Err(InvalidRole(other.to_owned())),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

/// A kind of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Load {
    /// One connection, one byte to and fro.
    Request,
    /// Connection after connection, one byte to and fro in each.
    Churn,
    /// One connection, as many bytes as fit.
    Stream,
    /// Datagrams of 64 bytes, in one direction.
    Datagram,
}

impl Load {
    pub(crate) const ALL: [Self; 4] = [Self::Request, Self::Churn, Self::Stream, Self::Datagram];

    /// Returns what a sample of this load measures, in the order of its values.
    pub(crate) const fn values(self) -> &'static [Metric] {
        match self {
            Self::Request => &[REQUEST, TAIL],
            Self::Churn => &[CONNECT, CHURN],
            Self::Stream => &[STREAM],
            Self::Datagram => &[DATAGRAM],
        }
    }
}

/// One sample to take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Task {
    /// The traffic.
    pub(crate) load: Load,
    /// Whom to talk to.
    pub(crate) server: IpAddr,
    /// For how long.
    pub(crate) millis: u64,
}

/// A worker's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer {
    /// It listens, or waits for tasks.
    Ready,
    /// What was measured, in the order of [`Load::values`].
    Values(Vec<f64>),
    /// What went wrong.
    Failed(String),
}

//! How an agent is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Listed;

/// How well something is; ordered from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Does its work.
    Ok,
    /// Works, with less than it should have.
    Degraded,
    /// Not yet: the agent is starting.
    Starting,
    /// Does not work.
    Failing,
}

impl Health {
    /// Returns the word that people see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Starting => "starting",
            Self::Failing => "failing",
        }
    }

    /// Tells whether traffic can be relied on.
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Ok | Self::Degraded)
    }
}

/// The state of one agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// Version of the agent.
    pub version: String,
    /// When it started.
    pub started: Timestamp,
    /// The worst of the components.
    pub health: Health,
    /// Parts of the agent and how each is: "kubernetes", "datapath", "ipam", "events" ...
    pub components: Vec<Component>,
    /// "vxlan" or "native".
    pub routing: String,
    /// "ipv4", "ipv6".
    pub ip_families: Vec<String>,
    /// Kernel release.
    pub kernel: String,
    /// Where the programs are attached.
    pub attachments: Vec<Attachment>,
    /// Endpoints: in use = ready ones.
    pub endpoints: Usage,
    /// Known identities, reserved ones left out.
    pub identities: u64,
    /// Known nodes, this one included.
    pub nodes: u64,
    /// IPv4 addresses of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4_pool: Option<Usage>,
    /// IPv6 addresses of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_pool: Option<Usage>,
    /// Entries of the connection table.
    pub conntrack: Usage,
    /// Events read from the kernel since start.
    pub events_seen: u64,
    /// Events lost since start, in the kernel and behind it.
    pub events_lost: u64,
}

/// Name of the part of the agent that protects the host.
pub const HOST_FIREWALL: &str = "host-firewall";
/// What a part says that is not asked for.
pub const OFF: &str = "off";

/// One part of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Name.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// Why, when it is not well; what it does, when it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Programs on a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// Device.
    pub interface: String,
    /// "ingress" or "egress".
    pub direction: String,
    /// Name of the program.
    pub program: String,
    /// "tcx" or "clsact".
    pub method: String,
}

/// How much of something is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// In use.
    pub used: u64,
    /// There is.
    pub total: u64,
}

/// Something that the invariant checker found wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What was compared: a map, attachments, routes ...
    pub subject: String,
    /// What is wrong with it.
    pub message: String,
}

impl Listed for NodeStatus {
    const KIND: &'static str = "NodeStatusList";
    const PATH: &'static str = "/v1/status";
}

impl Listed for Finding {
    const KIND: &'static str = "FindingList";
    const PATH: &'static str = "/v1/check";
}

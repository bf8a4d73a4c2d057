//! Policies that lead traffic to pods of the node that sends it: `CiliumLocalRedirectPolicy` (cilium.io/v2).

use std::{fmt, net::IpAddr, num::NonZeroU16, sync::Arc};

use super::selector::Selector;
use crate::service::{ObjectName, Protocol};

/// A policy. What pods and processes of a node send to its frontend goes to a ready pod of that node, as
/// long as there is one; otherwise it goes where it would go without the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Its name. It is about services and pods of its namespace only.
    pub name: ObjectName,
    /// When it was created, in seconds since 1970: of two for one frontend, the older has it.
    pub created: i64,
    /// What it says, or why it says nothing.
    pub rule: Result<RedirectRule, Mistake>,
}

impl Redirect {
    /// Returns the name that the policy has among services.
    pub fn record(&self) -> ObjectName {
        ObjectName::of_redirect(&self.name)
    }
}

/// What a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectRule {
    /// `redirectFrontend`.
    pub from: RedirectFrom,
    /// `redirectBackend.localEndpointSelector`.
    pub selector: Selector,
    /// `redirectBackend.toPorts`.
    pub to: Vec<RedirectPort>,
    /// `skipRedirectFromBackend`.
    pub skips_backend: bool,
}

/// Whose traffic is redirected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectFrom {
    /// That to an address: `addressMatcher`.
    Address {
        /// The address.
        address: IpAddr,
        /// Its ports.
        ports: Vec<RedirectPort>,
    },
    /// That to the cluster IPs of a service: `serviceMatcher`.
    Service {
        /// The service, in whatever namespace is written.
        name: ObjectName,
        /// Its ports; none stands for all.
        ports: Vec<RedirectPort>,
    },
}

/// A port of either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectPort {
    /// `port`.
    pub port: PortId,
    /// `protocol`.
    pub protocol: Protocol,
    /// `name`, by which several ports of one side find those of the other; empty if it has none.
    pub name: Arc<str>,
}

/// A port by number or by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PortId {
    /// By number.
    Number(NonZeroU16),
    /// By the name that the service or the pod's container has for it.
    Name(Arc<str>),
}

impl fmt::Display for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// What makes a whole policy mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mistake {
    /// Which field, with its path.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It says two things of which one is allowed.
    Ambiguous,
    /// It is of another type than the kind's definition says.
    WrongType,
    /// It is no IP address.
    NotAnAddress,
    /// It is no port.
    NotAPort,
    /// It is neither TCP nor UDP.
    NotAProtocol,
    /// It is no label selector.
    NotASelector,
    /// It is not supported.
    Unsupported,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::Ambiguous => "has both an addressMatcher and a serviceMatcher",
            Self::WrongType => "has fields of other types than the definition of the kind",
            Self::NotAnAddress => "is not an IP address",
            Self::NotAPort => "is not a port",
            Self::NotAProtocol => "is neither TCP nor UDP",
            Self::NotASelector => "is not a label selector",
            Self::Unsupported => "is not supported",
        })
    }
}

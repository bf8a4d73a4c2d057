//! What was not taken as it was written, and why.

use std::{fmt, net::IpAddr};

use super::{
    Protocol,
    address::Unfit,
    input::{Fault, PortId},
    object::{ObjectName, Titled},
    output::Vip,
};

/// Something of a service, of a pod with host ports or of a policy that redirects, that has no effect.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Finding {
    /// Where it is written.
    pub place: Field,
    /// Why it has no effect.
    pub reason: Reason,
}

/// Where something is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// `spec.clusterIPs` of the service.
    ClusterIp(IpAddr),
    /// `spec.externalIPs` of the service.
    ExternalIp(IpAddr),
    /// `status.loadBalancer.ingress` of the service.
    LoadBalancerIp(IpAddr),
    /// `spec.ports[].nodePort` of the service, at an address of this node.
    NodePort(IpAddr),
    /// `spec.containers[].ports[].hostPort` of the pod.
    HostPort(Vip),
    /// A field of a policy that redirects, by its path.
    Redirect(&'static str),
    /// `spec.redirectFrontend.addressMatcher.ip` of the policy.
    RedirectAddress(IpAddr),
    /// `spec.redirectFrontend.serviceMatcher` of the policy.
    RedirectService(ObjectName),
    /// One of `toPorts` of the policy's frontend, or of the service that it is about.
    RedirectPort(PortId, Protocol),
    /// What the policy would redirect.
    Redirected(Vip),
    /// A pod of this node that the policy selects.
    RedirectPod(ObjectName),
    /// `endpoints[].addresses` of a slice.
    Endpoint {
        /// The slice.
        slice: ObjectName,
        /// The address.
        address: IpAddr,
    },
}

/// Why something has no effect.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Nobody may have such an address.
    Unfit(Unfit),
    /// It is of a family that the service or the slice does not have.
    OtherFamily,
    /// It is not the first address of its endpoint, and only that has a meaning.
    NotFirst,
    /// It is not an address of this node.
    NotOfThisNode,
    /// It is a node's address.
    NodeAddress,
    /// It is in a prefix of pods.
    PodAddress,
    /// It is the cluster IP of a service.
    ClusterIpOf(ObjectName),
    /// It is the load balancer's address of a service, or the service's own external address.
    FrontendOf(ObjectName),
    /// Another service has it.
    TakenBy {
        /// Who has it.
        service: ObjectName,
        /// At which port.
        port: u16,
        /// Of which protocol.
        protocol: Protocol,
    },
    /// SCTP carries a checksum over its ports that is not rewritten, so they must be equal.
    SctpPort {
        /// The frontend's.
        port: u16,
        /// The endpoint's.
        target: u16,
    },
    /// It cannot be read, and the whole policy means nothing.
    Faulty(Fault),
    /// There is no such service.
    NoService,
    /// It is in another namespace than the policy.
    OtherNamespace,
    /// It is not of type `ClusterIP`, or has no cluster IP.
    NotClusterIp,
    /// The service has no such port.
    NoSuchPort,
    /// It has no name, and there are several ports to choose from.
    Nameless,
    /// No port of the policy's backend has its name and protocol.
    NoBackendPort,
    /// No container of the pod has a port of this name.
    NoContainerPort(PortId, Protocol),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place, self.reason)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterIp(address) => write!(f, "cluster IP {address}"),
            Self::ExternalIp(address) => write!(f, "external IP {address}"),
            Self::LoadBalancerIp(address) => write!(f, "load balancer IP {address}"),
            Self::NodePort(address) => write!(f, "node port at {address}"),
            Self::HostPort(vip) => write!(f, "host port {vip}"),
            Self::Redirect(path) => f.write_str(path),
            Self::RedirectAddress(address) => write!(f, "address {address}"),
            Self::RedirectService(name) => Titled("service", name).fmt(f),
            Self::RedirectPort(port, protocol) => write!(f, "port {port}/{protocol}"),
            Self::Redirected(vip) => write!(f, "redirect of {vip}"),
            Self::RedirectPod(name) => Titled("pod", name).fmt(f),
            Self::Endpoint { slice, address } => {
                write!(f, "endpoint {address} of {}", Titled("slice", slice))
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfit(unfit) => write!(f, "is {unfit}"),
            Self::OtherFamily => f.write_str("is of another family"),
            Self::NotFirst => f.write_str("is not the first address of its endpoint"),
            Self::NotOfThisNode => f.write_str("is not at an address of this node"),
            Self::NodeAddress => f.write_str("is an address of a node"),
            Self::PodAddress => f.write_str("is in a prefix of pods"),
            Self::ClusterIpOf(service) => {
                write!(f, "is the cluster IP of {}", Titled("service", service))
            }
            Self::FrontendOf(service) => {
                write!(f, "is a frontend of {}", Titled("service", service))
            }
            Self::TakenBy { service, port, protocol } => {
                let owner = Titled("service", service);
                write!(f, "is taken at port {port}/{protocol} by {owner}")
            }
            Self::SctpPort { port, target } => {
                write!(f, "has SCTP port {target}, which differs from the frontend's {port}")
            }
            Self::Faulty(fault) => fault.fmt(f),
            Self::NoService => f.write_str("does not exist"),
            Self::OtherNamespace => f.write_str("is in another namespace than the policy"),
            Self::NotClusterIp => f.write_str("is not of type ClusterIP, or has no cluster IP"),
            Self::NoSuchPort => f.write_str("is no port of the service"),
            Self::Nameless => {
                f.write_str("has no name, and several ports find each other by names")
            }
            Self::NoBackendPort => {
                f.write_str("has no counterpart of its protocol and name in the policy's backend")
            }
            Self::NoContainerPort(port, protocol) => {
                write!(f, "has no container port {port}/{protocol}")
            }
        }
    }
}

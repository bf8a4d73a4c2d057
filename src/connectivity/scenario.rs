//! The catalogue: every scenario, in the order in which they are run and reported.

use std::fmt;

use super::{
    churn::{self, ENDING, MOVING, REDIRECTED},
    gate::{self, Gate},
    plan::{self, Planned},
    policy::{self, Case, Form, cases},
    topology::Topology,
};

/// How much is tried. Each profile has all of the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// The essence, on two nodes.
    Smoke,
    /// Everything, on three nodes at most.
    #[default]
    Standard,
    /// Everything, on every node, and with the largest packets there are.
    Full,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 3] = [Self::Smoke, Self::Standard, Self::Full];

    /// Returns the name, as in `--profile`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Standard => "standard",
            Self::Full => "full",
        }
    }

    /// Returns how many nodes get pods at most.
    pub const fn nodes(self) -> usize {
        match self {
            Self::Smoke => 2,
            Self::Standard => 3,
            Self::Full => usize::MAX,
        }
    }
}

/// Something that is tried, between whoever is there for it.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// The test it is part of.
    pub test: &'static str,
    /// Its own name, unique among all.
    pub name: &'static str,
    /// The first profile that has it.
    pub profile: Profile,
    /// What it tries, in a line.
    pub summary: &'static str,
    pub(super) way: Way,
}

/// How a scenario decides what is tried.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// By whoever is there; at the same time as others.
    Plain(fn(&Topology) -> Planned),
    /// By a case of servers that come and go; at the same time as others, too.
    Churn(&'static churn::Case),
    /// By a case of policies, which are in force for that time; alone.
    Policy(&'static Case, Form),
    /// By what agents tell when all others are over.
    Gate(Gate),
}

impl Scenario {
    /// Every scenario.
    pub const ALL: &'static [Self] = &everything();

    /// Decides what is tried.
    pub(super) fn plan(&self, topology: &Topology) -> Planned {
        match self.way {
            Way::Plain(plan) => plan(topology),
            Way::Churn(case) => churn::plan(case, topology),
            Way::Policy(case, form) => policy::plan(case, form, topology),
            Way::Gate(what) => gate::plan(what, topology),
        }
    }

    /// Returns the policies that it is about.
    pub(super) const fn policies(&self) -> Option<(&'static Case, Form)> {
        match self.way {
            Way::Plain(_) | Way::Churn(_) | Way::Gate(_) => None,
            Way::Policy(case, form) => Some((case, form)),
        }
    }

    /// Returns the servers that come and go, and what is tried meanwhile.
    pub(super) const fn churn(&self) -> Option<&'static churn::Case> {
        match self.way {
            Way::Churn(case) => Some(case),
            Way::Plain(_) | Way::Policy(..) | Way::Gate(_) => None,
        }
    }

    /// Tells whether a client outside takes part.
    pub(super) fn asks_from_outside(&self) -> bool {
        self.name.starts_with("outside-")
    }

    /// Returns what must not have happened.
    pub(super) const fn gate(&self) -> Option<Gate> {
        match self.way {
            Way::Gate(gate) => Some(gate),
            Way::Plain(_) | Way::Churn(_) | Way::Policy(..) => None,
        }
    }
}

impl PartialEq for Scenario {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Scenario {}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scenario({self})")
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.test, self.name)
    }
}

const fn scenario(
    test: &'static str,
    name: &'static str,
    profile: Profile,
    plan: fn(&Topology) -> Planned,
    summary: &'static str,
) -> Scenario {
    Scenario { test, name, profile, summary, way: Way::Plain(plan) }
}

/// A scenario of services, during which servers come and go.
const fn changing(
    name: &'static str,
    profile: Profile,
    case: &'static churn::Case,
    summary: &'static str,
) -> Scenario {
    Scenario { test: SERVICES, name, profile, summary, way: Way::Churn(case) }
}

/// A scenario of what must not have happened.
const fn gate(name: &'static str, gate: Gate, summary: &'static str) -> Scenario {
    Scenario { test: GATES, name, profile: Smoke, summary, way: Way::Gate(gate) }
}

/// A scenario of policies; policies of Cilium in a form.
const fn policies(
    name: &'static str,
    profile: Profile,
    (case, form): (&'static Case, Form),
    summary: &'static str,
) -> Scenario {
    Scenario { test: POLICY, name, profile, summary, way: Way::Policy(case, form) }
}

use Form::{Admin, Clusterwide, Namespaced};
use Profile::{Full, Smoke, Standard};

const BASE: &str = "no-policies";
const MTU: &str = "mtu";
const LARGE: &str = "large";
const ERRORS: &str = "icmp-errors";
const PROBES: &str = "probes";
const DNS: &str = "dns";
const SERVICES: &str = "services";
/// The scenario that needs a pod with a port of its node.
pub(super) const HOST_PORT: &str = "pod-to-hostport";
/// The other one that does.
pub(super) const OUTSIDE_HOST_PORT: &str = "outside-to-hostport";
/// The scenario that needs to know the hints of endpoints.
pub(super) const TOPOLOGY: &str = "service-topology";
const POLICY: &str = "policy";
const GATES: &str = "gates";

/// Returns those without policies first: the others run after them, one at a time, and gates at the end.
const fn everything() -> [Scenario; PLAIN.len() + POLICIES.len() + LAST.len()] {
    let mut all = [PLAIN[0]; PLAIN.len() + POLICIES.len() + LAST.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < PLAIN.len() {
            PLAIN[at]
        } else if at < PLAIN.len() + POLICIES.len() {
            POLICIES[at - PLAIN.len()]
        } else {
            LAST[at - PLAIN.len() - POLICIES.len()]
        };
        at += 1;
    }
    all
}

const LAST: &[Scenario] = &[
    gate("no-unexpected-drops", Gate::Drops, "No packet was dropped but by policies under test"),
    gate(
        "expected-flows",
        Gate::Flows,
        "Agents tell of what got through, in flows with the right facts",
    ),
    gate("no-errors-in-logs", Gate::Logs, "No agent logged an error"),
];

#[rustfmt::skip]
const PLAIN: &[Scenario] = &[
    scenario(BASE, "pod-to-pod", Smoke, plan::base::pod_to_pod, "Pods reach pods of their own and of other nodes, and keep their address"),
    scenario(BASE, "pod-to-pod-sctp", Standard, plan::base::pod_to_pod_sctp, "The same by SCTP"),
    scenario(BASE, "client-to-client", Smoke, plan::base::client_to_client, "Pods that serve nothing reach each other by ICMP"),
    scenario(BASE, "pod-to-itself", Standard, plan::base::pod_to_itself, "A pod reaches its own address"),
    scenario(BASE, "pod-to-host", Smoke, plan::base::pod_to_host, "Pods reach the host network of their own node"),
    scenario(BASE, "pod-to-remote-host", Smoke, plan::base::pod_to_remote_host, "Pods reach the host network of other nodes"),
    scenario(BASE, "host-to-pod", Smoke, plan::base::host_to_pod, "Nodes reach pods of their own and of other nodes"),
    scenario(BASE, "host-to-host", Standard, plan::base::host_to_host, "Nodes reach nodes"),
    scenario(BASE, "pod-to-world", Smoke, plan::world::pod_to_world, "Pods reach the external targets"),
    scenario(BASE, "host-to-world", Standard, plan::world::host_to_world, "Nodes reach the external targets"),
    scenario(BASE, "world-to-pod-replies", Standard, plan::world::replies, "Long, and fragmented, answers from outside come back to pods"),
    scenario(MTU, "pod-to-pod-mtu", Standard, plan::mtu::pod_to_pod, "Unfragmented packets of the route's MTU arrive, larger ones are refused"),
    scenario(MTU, "pod-to-host-mtu", Standard, plan::mtu::pod_to_host, "The same from pods to nodes"),
    scenario(MTU, "host-to-pod-mtu", Standard, plan::mtu::host_to_pod, "The same from nodes to pods"),
    scenario(MTU, "host-to-host-mtu", Standard, plan::mtu::host_to_host, "The same between nodes"),
    scenario(MTU, "pod-to-world-mtu", Standard, plan::world::mtu, "The same from pods to the external targets"),
    scenario(LARGE, "pod-to-pod-large", Standard, plan::large::pod_to_pod, "Fragmented datagrams and long streams between pods arrive unchanged"),
    scenario(LARGE, "pod-to-host-large", Standard, plan::large::pod_to_host, "The same from pods to nodes"),
    scenario(LARGE, "host-to-pod-large", Standard, plan::large::host_to_pod, "The same from nodes to pods"),
    scenario(ERRORS, "connection-refused", Standard, plan::errors::connection_refused, "A closed TCP port refuses at once"),
    scenario(ERRORS, "port-unreachable", Standard, plan::errors::port_unreachable, "A closed UDP port is answered by ICMP port unreachable"),
    scenario(ERRORS, "packet-too-big", Standard, plan::errors::packet_too_big, "A packet too big for the overlay is answered by ICMP with the right MTU"),
    scenario(ERRORS, "ttl-exceeded", Standard, plan::errors::ttl_exceeded, "A packet whose time to live ends is answered by ICMP, by the router"),
    scenario(PROBES, "kubelet-exec", Smoke, plan::probes::exec, "Exec probes of kubelets succeed"),
    scenario(PROBES, "kubelet-http", Standard, plan::probes::http, "HTTP probes of kubelets reach pods"),
    scenario(PROBES, "kubelet-tcp", Standard, plan::probes::tcp, "TCP probes of kubelets reach pods"),
    scenario(DNS, "dns-service", Smoke, plan::dns::service, "Pods resolve the cluster's own service"),
    scenario(DNS, "dns-headless", Standard, plan::dns::headless, "A headless service resolves to its pods"),
    scenario(DNS, "dns-absent", Standard, plan::dns::absent, "A name that does not exist is answered as such, quickly"),
    scenario(DNS, "dns-world", Standard, plan::dns::world, "Pods resolve the external targets that are given by name"),
    scenario(SERVICES, "pod-to-service", Smoke, plan::services::pod_to_service, "Pods reach every server by a service's address"),
    scenario(SERVICES, "pod-to-service-sctp", Standard, plan::services::pod_to_service_sctp, "The same by SCTP"),
    scenario(SERVICES, "pod-to-hairpin-service", Standard, plan::services::pod_to_hairpin_service, "A pod reaches itself by the service that stands for it"),
    scenario(SERVICES, "node-to-service", Standard, plan::services::node_to_service, "Nodes reach every server by a service's address"),
    scenario(SERVICES, "pod-to-nodeport", Standard, plan::services::pod_to_node_port, "Pods reach every server by a port of their own and of another node"),
    scenario(SERVICES, "node-to-nodeport", Standard, plan::services::node_to_node_port, "Nodes reach every server by a port of their own and of another node"),
    scenario(SERVICES, "outside-to-nodeport", Standard, plan::outside::to_node_port, "A client outside reaches every server by a port of every node"),
    scenario(SERVICES, "outside-to-nodeport-local", Standard, plan::outside::external_traffic_policy, "A node that keeps such clients answers by its own server, which sees who asks"),
    scenario(SERVICES, OUTSIDE_HOST_PORT, Standard, plan::outside::to_host_port, "A client outside reaches a pod by the port that it has of its node"),
    scenario(SERVICES, HOST_PORT, Standard, plan::host_port::pod_to_host_port, "Pods reach a pod by the port that it has of its node"),
    scenario(SERVICES, "service-without-endpoints", Standard, plan::services::without_endpoints, "A service that stands for nobody refuses at once"),
    changing("stale-udp-backend", Full, &MOVING, "Datagrams of one socket go to another server when theirs is gone"),
    changing("graceful-termination", Full, &ENDING, "A connection stays with a server that ends, new ones go to another"),
    changing("local-redirect-policy", Standard, &REDIRECTED, "CiliumLocalRedirectPolicy leads to a pod of the node, if there is one"),
    scenario(SERVICES, "service-session-affinity", Standard, plan::services::session_affinity, "A service that keeps clients with a server does so"),
    scenario(SERVICES, "service-internal-traffic-policy", Standard, plan::services::internal_traffic_policy, "A service of local servers leads to those of the pod's node only"),
    scenario(SERVICES, "service-external-traffic-policy", Standard, plan::external_policy::external_traffic_policy, "A node port that stays local for outside leads pods and nodes to every server"),
    scenario(SERVICES, TOPOLOGY, Standard, plan::topology::service_topology, "A service that is kept near leads to the servers that hints mean for the client"),
];

#[rustfmt::skip]
const POLICIES: &[Scenario] = &[
    policies("client-ingress", Standard, (&cases::CLIENT_INGRESS, Namespaced), "Only a client of another team reaches clients"),
    policies("client-ingress-ccnp", Standard, (&cases::CLIENT_INGRESS, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-ingress-knp", Standard, (&cases::CLIENT_INGRESS_KNP, Namespaced), "The same by NetworkPolicy"),
    policies("echo-ingress", Smoke, (&cases::ECHO_INGRESS, Namespaced), "Only one team reaches servers, by TCP"),
    policies("echo-ingress-ccnp", Standard, (&cases::ECHO_INGRESS, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("echo-ingress-knp", Standard, (&cases::ECHO_INGRESS_KNP, Namespaced), "The same by NetworkPolicy"),
    policies("client-ingress-icmp", Standard, (&cases::CLIENT_INGRESS_ICMP, Namespaced), "Only echo requests of one team reach clients"),
    policies("client-ingress-icmp-ccnp", Full, (&cases::CLIENT_INGRESS_ICMP, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-egress", Standard, (&cases::CLIENT_EGRESS, Namespaced), "Clients reach servers by TCP and nothing else"),
    policies("client-egress-ccnp", Full, (&cases::CLIENT_EGRESS, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-egress-knp", Standard, (&cases::CLIENT_EGRESS_KNP, Namespaced), "The same by NetworkPolicy"),
    policies("client-egress-expression", Standard, (&cases::CLIENT_EGRESS_EXPRESSION, Namespaced), "Clients and servers are selected by expressions"),
    policies("client-egress-expression-ccnp", Full, (&cases::CLIENT_EGRESS_EXPRESSION, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-egress-expression-knp", Standard, (&cases::CLIENT_EGRESS_EXPRESSION_KNP, Namespaced), "The same by NetworkPolicy"),
    policies("client-egress-expression-port-range", Full, (&cases::CLIENT_EGRESS_EXPRESSION_PORT_RANGE, Namespaced), "The same with a range of ports"),
    policies("client-egress-expression-port-range-knp", Full, (&cases::CLIENT_EGRESS_EXPRESSION_PORT_RANGE_KNP, Namespaced), "The same by NetworkPolicy"),
    policies("client-with-service-account-egress-to-echo", Standard, (&cases::CLIENT_WITH_SERVICE_ACCOUNT_EGRESS_TO_ECHO, Namespaced), "Clients are selected by their service account"),
    policies("client-with-service-account-egress-to-echo-ccnp", Full, (&cases::CLIENT_WITH_SERVICE_ACCOUNT_EGRESS_TO_ECHO, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-with-service-account-egress-to-echo-port-range", Full, (&cases::CLIENT_WITH_SERVICE_ACCOUNT_EGRESS_TO_ECHO_PORT_RANGE, Namespaced), "The same with a range of ports"),
    policies("client-egress-to-echo-service-account", Standard, (&cases::CLIENT_EGRESS_TO_ECHO_SERVICE_ACCOUNT, Namespaced), "Servers are selected by their service account"),
    policies("client-egress-to-echo-service-account-ccnp", Full, (&cases::CLIENT_EGRESS_TO_ECHO_SERVICE_ACCOUNT, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-egress-to-echo-service-account-port-range", Full, (&cases::CLIENT_EGRESS_TO_ECHO_SERVICE_ACCOUNT_PORT_RANGE, Namespaced), "The same with a range of ports"),
    policies("ingress-and-egress", Full, (&cases::INGRESS_AND_EGRESS, Namespaced), "A packet needs the consent of both ends' policies"),
    policies("ingress-and-egress-ccnp", Full, (&cases::INGRESS_AND_EGRESS, Clusterwide), "The same, the servers' by CiliumClusterwideNetworkPolicy"),
    policies("all-ingress-deny", Standard, (&cases::ALL_INGRESS_DENY, Namespaced), "Nothing gets in but answers, and what a pod's own node sends"),
    policies("all-ingress-deny-ccnp", Standard, (&cases::ALL_INGRESS_DENY, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("all-ingress-deny-knp", Standard, (&cases::ALL_INGRESS_DENY_KNP, Namespaced), "The same by NetworkPolicy"),
    policies("all-egress-deny", Standard, (&cases::ALL_EGRESS_DENY, Namespaced), "Nothing gets out but answers"),
    policies("all-egress-deny-ccnp", Full, (&cases::ALL_EGRESS_DENY, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("all-egress-deny-knp", Smoke, (&cases::ALL_EGRESS_DENY_KNP, Namespaced), "Nothing gets out but answers, by NetworkPolicy"),
    policies("allow-all-except-world", Standard, (&cases::ALLOW_ALL_EXCEPT_WORLD, Namespaced), "Pods and nodes are reached, the external targets are not"),
    policies("allow-all-except-world-ccnp", Full, (&cases::ALLOW_ALL_EXCEPT_WORLD, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("all-entities-deny", Standard, (&cases::ALL_ENTITIES_DENY, Namespaced), "A denied entity `all` is everyone"),
    policies("all-entities-deny-ccnp", Full, (&cases::ALL_ENTITIES_DENY, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("cluster-entity", Standard, (&cases::CLUSTER_ENTITY, Namespaced), "Entity `cluster` is every pod and node"),
    policies("cluster-entity-ccnp", Full, (&cases::CLUSTER_ENTITY, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("host-entity-egress", Standard, (&cases::HOST_ENTITY_EGRESS, Namespaced), "Entity `host` is the pod's own node only"),
    policies("host-entity-egress-ccnp", Full, (&cases::HOST_ENTITY_EGRESS, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("host-entity-ingress", Standard, (&cases::HOST_ENTITY_INGRESS, Namespaced), "The same for what a node sends"),
    policies("host-entity-ingress-ccnp", Full, (&cases::HOST_ENTITY_INGRESS, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("remote-node-entity-ingress", Standard, (&cases::REMOTE_NODE_ENTITY_INGRESS, Namespaced), "Entity `remote-node` is every host but the pod's own"),
    policies("to-entities-world", Standard, (&cases::TO_ENTITIES_WORLD, Namespaced), "One port of entity `world` is reached"),
    policies("to-entities-world-ccnp", Full, (&cases::TO_ENTITIES_WORLD, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("to-entities-world-port-range", Full, (&cases::TO_ENTITIES_WORLD_PORT_RANGE, Namespaced), "The same with a range of ports"),
    policies("host-ingress-deny-ccnp", Standard, (&cases::HOST_INGRESS_DENY, Clusterwide), "A policy for nodes keeps pods from a port of every node"),
    policies("host-egress-deny-ccnp", Standard, (&cases::HOST_EGRESS_DENY, Clusterwide), "A policy for nodes keeps nodes from a port of pods"),
    policies("host-ingress-from-nodes-deny-ccnp", Standard, (&cases::HOST_INGRESS_FROM_NODES_DENY, Clusterwide), "A policy for nodes keeps other nodes from a port"),
    policies("to-cidr-external", Standard, (&cases::TO_CIDR_EXTERNAL, Namespaced), "Everything outside but one exception is reached"),
    policies("to-cidr-external-ccnp", Full, (&cases::TO_CIDR_EXTERNAL, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("to-cidr-external-knp", Standard, (&cases::TO_CIDR_EXTERNAL_KNP, Namespaced), "The same by NetworkPolicy"),
    policies("from-cidr-host-netns", Full, (&cases::FROM_CIDR_HOST, Namespaced), "Prefixes are about what is outside: other nodes are not let in by one"),
    policies("client-egress-port-range", Standard, (&cases::CLIENT_EGRESS_PORT_RANGE, Namespaced), "Ports up to the servers' are reached, the next one is not"),
    policies("client-egress-port-range-ccnp", Full, (&cases::CLIENT_EGRESS_PORT_RANGE, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-egress-port-range-knp", Standard, (&cases::CLIENT_EGRESS_PORT_RANGE_KNP, Namespaced), "The same by NetworkPolicy"),
    policies("echo-ingress-named-port", Standard, (&cases::ECHO_INGRESS_NAMED_PORT, Namespaced), "A port is called by its name in the receiving pod"),
    policies("echo-ingress-named-port-knp", Standard, (&cases::ECHO_INGRESS_NAMED_PORT_KNP, Namespaced), "The same by NetworkPolicy"),
    policies("client-egress-named-port", Standard, (&cases::CLIENT_EGRESS_NAMED_PORT, Namespaced), "The same in a policy of the sending pod"),
    policies("echo-ingress-from-other-client-deny", Standard, (&cases::ECHO_INGRESS_FROM_OTHER_CLIENT_DENY, Namespaced), "A denied client does not get in where everyone may"),
    policies("echo-ingress-from-other-client-deny-ccnp", Full, (&cases::ECHO_INGRESS_FROM_OTHER_CLIENT_DENY, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-ingress-from-other-client-icmp-deny", Standard, (&cases::CLIENT_INGRESS_FROM_OTHER_CLIENT_ICMP_DENY, Namespaced), "Echo requests are denied where all else is allowed"),
    policies("client-ingress-from-other-client-icmp-deny-ccnp", Full, (&cases::CLIENT_INGRESS_FROM_OTHER_CLIENT_ICMP_DENY, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-ingress-to-echo-named-port-deny", Standard, (&cases::CLIENT_INGRESS_TO_ECHO_NAMED_PORT_DENY, Namespaced), "A port denied by its name"),
    policies("client-ingress-to-echo-named-port-deny-ccnp", Full, (&cases::CLIENT_INGRESS_TO_ECHO_NAMED_PORT_DENY, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-egress-to-echo-deny", Standard, (&cases::CLIENT_EGRESS_TO_ECHO_DENY, Namespaced), "A denied server is not reached where everything may be"),
    policies("client-egress-to-echo-deny-ccnp", Full, (&cases::CLIENT_EGRESS_TO_ECHO_DENY, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-egress-to-echo-deny-port-range", Standard, (&cases::CLIENT_EGRESS_TO_ECHO_DENY_PORT_RANGE, Namespaced), "Ports beyond the servers' are denied"),
    policies("client-egress-to-echo-expression-deny", Standard, (&cases::CLIENT_EGRESS_TO_ECHO_EXPRESSION_DENY, Namespaced), "Servers are denied by an expression"),
    policies("client-egress-to-echo-expression-deny-ccnp", Full, (&cases::CLIENT_EGRESS_TO_ECHO_EXPRESSION_DENY, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-egress-to-echo-expression-deny-port-range", Full, (&cases::CLIENT_EGRESS_TO_ECHO_EXPRESSION_DENY_PORT_RANGE, Namespaced), "The same with a range of ports"),
    policies("client-with-service-account-egress-to-echo-deny", Standard, (&cases::CLIENT_WITH_SERVICE_ACCOUNT_EGRESS_TO_ECHO_DENY, Namespaced), "Clients are denied servers by the clients' service account"),
    policies("client-with-service-account-egress-to-echo-deny-ccnp", Full, (&cases::CLIENT_WITH_SERVICE_ACCOUNT_EGRESS_TO_ECHO_DENY, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-with-service-account-egress-to-echo-deny-port-range", Full, (&cases::CLIENT_WITH_SERVICE_ACCOUNT_EGRESS_TO_ECHO_DENY_PORT_RANGE, Namespaced), "The same with a range of ports"),
    policies("client-egress-to-echo-service-account-deny", Standard, (&cases::CLIENT_EGRESS_TO_ECHO_SERVICE_ACCOUNT_DENY, Namespaced), "Servers are denied by their service account"),
    policies("client-egress-to-echo-service-account-deny-ccnp", Full, (&cases::CLIENT_EGRESS_TO_ECHO_SERVICE_ACCOUNT_DENY, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-egress-to-echo-service-account-deny-port-range", Full, (&cases::CLIENT_EGRESS_TO_ECHO_SERVICE_ACCOUNT_DENY_PORT_RANGE, Namespaced), "The same with a range of ports"),
    policies("client-egress-to-cidr-deny", Standard, (&cases::CLIENT_EGRESS_TO_CIDR_DENY, Namespaced), "A denied prefix is not reached, though the same one is allowed"),
    policies("client-egress-to-cidr-deny-ccnp", Full, (&cases::CLIENT_EGRESS_TO_CIDR_DENY, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-egress-to-cidr-deny-default", Standard, (&cases::CLIENT_EGRESS_TO_CIDR_DENY_DEFAULT, Namespaced), "A policy that only denies isolates, too"),
    policies("client-egress-to-cidr-deny-default-ccnp", Full, (&cases::CLIENT_EGRESS_TO_CIDR_DENY_DEFAULT, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-egress-to-cidr-deny-only", Standard, (&cases::CLIENT_EGRESS_TO_CIDR_DENY_ONLY, Namespaced), "It does not when enableDefaultDeny is false"),
    policies("client-egress-to-cidrgroup", Standard, (&cases::CLIENT_EGRESS_TO_CIDRGROUP, Namespaced), "The prefixes of a CiliumCIDRGroup are reached"),
    policies("client-egress-to-cidrgroup-ccnp", Full, (&cases::CLIENT_EGRESS_TO_CIDRGROUP, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-egress-to-cidrgroup-deny", Standard, (&cases::CLIENT_EGRESS_TO_CIDRGROUP_DENY, Namespaced), "The prefixes of a CiliumCIDRGroup are denied"),
    policies("client-egress-to-cidrgroup-deny-ccnp", Full, (&cases::CLIENT_EGRESS_TO_CIDRGROUP_DENY, Clusterwide), "The same by CiliumClusterwideNetworkPolicy"),
    policies("client-egress-to-cidrgroup-deny-by-label", Standard, (&cases::CLIENT_EGRESS_TO_CIDRGROUP_DENY_BY_LABEL, Namespaced), "The same with the group selected by label"),
    policies("egress-to-specific-namespace-ccnp", Standard, (&cases::EGRESS_TO_SPECIFIC_NAMESPACE, Clusterwide), "Policies of the cluster select namespaces to reach"),
    policies("ingress-from-specific-namespace-ccnp", Standard, (&cases::INGRESS_FROM_SPECIFIC_NAMESPACE, Clusterwide), "Policies of the cluster select senders by labels of namespaces"),
    policies("tier-admin-deny", Standard, (&cases::TIER_ADMIN_DENY, Namespaced), "ClusterNetworkPolicy denies before a NetworkPolicy allows"),
    policies("tier-admin-deny-anp", Full, (&cases::TIER_ADMIN_DENY, Admin), "The same by AdminNetworkPolicy"),
    policies("tier-admin-accept", Standard, (&cases::TIER_ADMIN_ACCEPT, Namespaced), "ClusterNetworkPolicy accepts before a NetworkPolicy isolates"),
    policies("tier-admin-accept-anp", Full, (&cases::TIER_ADMIN_ACCEPT, Admin), "The same by AdminNetworkPolicy"),
    policies("tier-admin-pass", Standard, (&cases::TIER_ADMIN_PASS, Namespaced), "ClusterNetworkPolicy passes the decision on to a NetworkPolicy"),
    policies("tier-admin-pass-anp", Full, (&cases::TIER_ADMIN_PASS, Admin), "The same by AdminNetworkPolicy"),
    policies("tier-baseline-deny", Standard, (&cases::TIER_BASELINE_DENY, Namespaced), "The baseline denies where no NetworkPolicy has a say"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_make_good_patterns() {
        let names: BTreeSet<_> = Scenario::ALL.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), Scenario::ALL.len());
        for scenario in Scenario::ALL {
            let text = scenario.to_string();
            let fine = |c: char| c.is_ascii_lowercase() || c == '-' || c == '/';
            assert!(text.chars().all(fine), "{text}");
            assert!(scenario.summary.len() <= 80, "{text}");
        }
    }

    #[test]
    fn profiles_grow() {
        let count =
            |profile| Scenario::ALL.iter().filter(|scenario| scenario.profile <= profile).count();
        assert!(count(Smoke) < count(Standard));
        assert_eq!(count(Full), Scenario::ALL.len());
    }
}

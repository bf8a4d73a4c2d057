//! The other side of a rule.

use ipnet::IpNet;
use regex::Regex;

use super::{
    label::LabelKey,
    selector::{Selector, Test},
};

/// Whom a rule is about.
#[derive(Clone, Debug)]
pub enum Peers {
    /// Everybody, the world and nodes included.
    Any,
    /// Whoever one of these stands for; nobody if there is none.
    Of(Vec<Peer>),
}

/// One peer of a rule.
#[derive(Clone, Debug)]
pub enum Peer {
    /// Whoever has such labels; implicit constraints of namespace and cluster are written out.
    Labels(Selector),
    /// An entity.
    Entity(Entity),
    /// Addresses.
    Cidrs(Cidrs),
    /// Members of CIDR groups: whoever has the group's label and is not excepted.
    CidrGroup {
        /// Selects the labels that groups give to their members.
        labels: Selector,
        /// What the item leaves out.
        except: Vec<IpNet>,
    },
    /// DNS names.
    Names(Names),
    /// Backends of services.
    Services(ServicePeer),
    /// Something that is resolved outside and not known here: nobody for what allows, everybody for what
    /// denies or passes on.
    Unknown(String),
}

impl Peer {
    /// Tells whether it depends on the labels of other nodes: without them they are all alike.
    pub fn tells_nodes_apart(&self) -> bool {
        let Self::Labels(selector) = self else { return false };
        let is_about_nodes = |key: &LabelKey| {
            key.is_of("node") || (key.is_of("reserved") && *key.name == *"remote-node")
        };
        selector.has_key(is_about_nodes) && selector.has_key(|key| !key.is_of("reserved"))
    }
}

/// How far addresses reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CidrReach {
    /// Only what is outside of the cluster.
    World,
    /// Pods and nodes with such an address, too.
    Everywhere,
}

/// Addresses in a prefix, but not in some smaller ones.
#[derive(Clone, Debug)]
pub struct Cidrs {
    /// The prefix, without host bits.
    pub prefix: IpNet,
    /// What is left out.
    pub except: Vec<IpNet>,
    /// How far it reaches.
    pub reach: CidrReach,
}

impl Cidrs {
    /// Tells whether all of `other` is meant.
    pub fn contains(&self, other: &IpNet) -> bool {
        self.prefix.contains(other) && !is_within(&self.except, other)
    }
}

/// Tells whether one of the prefixes holds all of `net`.
pub(in crate::policy) fn is_within(prefixes: &[IpNet], net: &IpNet) -> bool {
    prefixes.iter().any(|prefix| prefix.contains(net))
}

/// Groups of identities that have a name of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Entity {
    /// Everybody.
    All,
    /// What is outside of the cluster.
    World,
    /// The same, IPv4 only.
    WorldIpv4,
    /// The same, IPv6 only.
    WorldIpv6,
    /// This node.
    Host,
    /// Other nodes.
    RemoteNode,
    /// The Kubernetes API server, wherever it is.
    KubeApiserver,
    /// Health endpoints.
    Health,
    /// Pods whose labels are not known yet.
    Init,
    /// The ingress proxy.
    Ingress,
    /// Pods that skep does not manage.
    Unmanaged,
    /// Nobody.
    None,
    /// Everything of this cluster.
    Cluster,
    /// Everything of all clusters of the mesh.
    ClusterMesh,
}

impl Entity {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::All,
        Self::World,
        Self::WorldIpv4,
        Self::WorldIpv6,
        Self::Host,
        Self::RemoteNode,
        Self::KubeApiserver,
        Self::Health,
        Self::Init,
        Self::Ingress,
        Self::Unmanaged,
        Self::None,
        Self::Cluster,
        Self::ClusterMesh,
    ];

    /// Returns the name used in policies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::World => "world",
            Self::WorldIpv4 => "world-ipv4",
            Self::WorldIpv6 => "world-ipv6",
            Self::Host => "host",
            Self::RemoteNode => "remote-node",
            Self::KubeApiserver => "kube-apiserver",
            Self::Health => "health",
            Self::Init => "init",
            Self::Ingress => "ingress",
            Self::Unmanaged => "unmanaged",
            Self::None => "none",
            Self::Cluster => "cluster",
            Self::ClusterMesh => "cluster-mesh",
        }
    }

    /// Finds an entity by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.name() == name)
    }
}

/// DNS names of a `toFQDNs` item.
#[derive(Clone, Debug)]
pub struct Names {
    /// As it was written, in lower case and without the trailing dot; what labels of learned
    /// identities say.
    pub written: String,
    /// What names must look like as a whole.
    pub pattern: Regex,
}

impl Names {
    /// Tells whether a name is meant.
    pub fn matches(&self, name: &str) -> bool {
        name == self.written || self.pattern.is_match(name)
    }
}

/// Services whose backends are meant.
#[derive(Clone, Debug)]
pub struct ServicePeer {
    /// Namespace of the services; `None` = any.
    pub namespace: Option<String>,
    /// Name, or labels, of the services.
    pub which: ServiceChoice,
}

/// How services are chosen.
#[derive(Clone, Debug)]
pub enum ServiceChoice {
    /// By name.
    Name(String),
    /// By labels.
    Labels(Selector),
}

/// Returns the selector of the members of a CIDR group by its name.
pub(in crate::policy) fn cidr_group(name: &str) -> Selector {
    let key = LabelKey::of("cidrgroup", &format!("{}{name}", LabelKey::CIDR_GROUP));
    Selector::default().and(key, Test::Exists)
}

//! Every row that a run can have.

use std::fmt;

use super::goal::Goal;

/// What rows belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Two bare veth pairs against each other: what the machine's noise makes of no difference.
    Noise,
    /// Pods of one node against a bare veth pair, the limit.
    Veth,
    /// Pods of one node against a bridge with kube-proxy's iptables chains.
    Bridge,
    /// The eBPF programs by themselves.
    Program,
    /// The policy engine.
    Policy,
    /// Services.
    Service,
    /// Flows.
    Flows,
    /// What flows cost the pods, and what becomes of many.
    Observe,
    /// The relay.
    Relay,
    /// Adding and removing pods.
    Cni,
    /// The processes: memory, start.
    Process,
    /// Labs.
    Lab,
}

impl Group {
    /// Returns the name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Noise => "noise",
            Self::Veth => "veth",
            Self::Bridge => "bridge",
            Self::Program => "program",
            Self::Policy => "policy",
            Self::Service => "service",
            Self::Flows => "flows",
            Self::Observe => "observe",
            Self::Relay => "relay",
            Self::Cni => "cni",
            Self::Process => "process",
            Self::Lab => "lab",
        }
    }
}

/// A row before it is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct RowSpec {
    /// Unique name.
    pub name: String,
    /// What it belongs to.
    pub group: Group,
    /// Unit of the values.
    pub unit: &'static str,
    /// What is to be reached.
    pub goal: Goal,
    /// What is measured, in a few words.
    pub about: String,
}

impl RowSpec {
    /// Makes a row.
    pub(super) fn new(
        name: &str,
        group: Group,
        unit: &'static str,
        goal: Goal,
        about: &str,
    ) -> Self {
        Self { name: name.to_owned(), group, unit, goal, about: about.to_owned() }
    }
}

/// An address family, as in row names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ip {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Ip {
    pub(crate) const ALL: [Self; 2] = [Self::V4, Self::V6];
}

impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        })
    }
}

/// A number that traffic gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) about: &'static str,
    /// Against a bare veth pair.
    pub(crate) veth: Goal,
    /// Against bridge and iptables.
    pub(crate) bridge: Goal,
}

/// The numbers that traffic gives, in the order of [`super::worker::Load::values`].
pub(crate) const REQUEST: Metric = Metric {
    name: "rr",
    unit: "us",
    about: "TCP request and response of one byte, p50",
    veth: Goal::AtMost(1.20),
    bridge: Goal::AtMost(0.80),
};
/// No row of its own against other topologies: the tail of those is the machine's.
pub(crate) const TAIL: Metric = Metric {
    name: "rr-p99",
    unit: "us",
    about: "TCP request and response of one byte, p99",
    veth: Goal::AtMost(1.25),
    bridge: Goal::AtMost(0.80),
};
pub(crate) const CONNECT: Metric = Metric {
    name: "connect",
    unit: "us",
    about: "TCP connect, p50",
    veth: Goal::AtMost(1.25),
    bridge: Goal::AtMost(0.85),
};
pub(crate) const CHURN: Metric = Metric {
    name: "crr",
    unit: "us",
    about: "TCP connect, request, response and close, p50",
    veth: Goal::AtMost(1.15),
    bridge: Goal::AtMost(0.80),
};
pub(crate) const STREAM: Metric = Metric {
    name: "stream",
    unit: "Gbit/s",
    about: "one TCP stream",
    veth: Goal::AtLeast(0.95),
    bridge: Goal::AtLeast(1.0),
};
pub(crate) const DATAGRAM: Metric = Metric {
    name: "udp",
    unit: "ns/packet",
    about: "UDP with 64 bytes, cost of sending",
    veth: Goal::AtMost(1.10),
    bridge: Goal::AtMost(0.625),
};

/// Every number that traffic gives.
pub(crate) const METRICS: [Metric; 5] = [REQUEST, CONNECT, CHURN, STREAM, DATAGRAM];

impl Metric {
    /// Returns the row that compares skep with the bare veth pair.
    pub(crate) fn against_veth(&self, ip: Ip) -> RowSpec {
        self.row(ip, Group::Veth, self.veth)
    }

    /// Returns the row that compares skep with bridge and iptables.
    pub(crate) fn against_bridge(&self, ip: Ip) -> RowSpec {
        self.row(ip, Group::Bridge, self.bridge)
    }

    /// Returns the row that compares two bare veth pairs.
    pub(crate) fn noise(&self, ip: Ip) -> RowSpec {
        self.row(ip, Group::Noise, Goal::Within(1.0, 0.03))
    }

    fn row(&self, ip: Ip, group: Group, goal: Goal) -> RowSpec {
        RowSpec {
            name: format!("{}-{ip}-{}", self.name, group.name()),
            group,
            unit: self.unit,
            goal,
            about: format!("{}, {ip}, one core", self.about),
        }
    }
}

/// Returns every row, in the order of the report.
pub fn catalogue() -> Vec<RowSpec> {
    let mut rows = Vec::new();
    for make in [Metric::noise, Metric::against_veth, Metric::against_bridge] {
        for metric in &METRICS {
            rows.extend(Ip::ALL.map(|ip| make(metric, ip)));
        }
    }
    // Every load is compared with its twin; one number each of request and stream is enough to show.
    rows.retain(|row| row.group != Group::Noise || row.name.starts_with(REQUEST.name));
    rows.extend(super::programs::rows());
    rows.extend(super::policy::rows());
    rows.extend(super::flows::rows());
    rows.extend(super::observe::rows());
    rows.extend(super::service::rows());
    rows.extend(super::cluster::rows());
    rows
}

/// Returns the rows that a user's words choose: names, groups, or beginnings of names up to a dash.
/// No words choose all.
///
/// # Errors
/// The words that choose nothing.
pub fn choose(words: &[String]) -> Result<Vec<RowSpec>, Vec<String>> {
    let all = catalogue();
    let fits = |row: &RowSpec, word: &str| {
        row.name == word
            || row.group.name() == word
            || row.name.strip_prefix(word).is_some_and(|rest| rest.starts_with('-'))
    };
    let unknown: Vec<String> =
        words.iter().filter(|word| !all.iter().any(|row| fits(row, word))).cloned().collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    Ok(all
        .into_iter()
        .filter(|row| words.is_empty() || words.iter().any(|word| fits(row, word)))
        .collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_both_families_are_there() {
        let rows = catalogue();
        let names: BTreeSet<_> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names.len(), rows.len());
        for name in names.iter().filter(|name| name.contains("ipv4")) {
            assert!(names.contains(name.replace("ipv4", "ipv6").as_str()), "{name}");
        }
    }

    #[test]
    fn words_choose_by_name_group_and_beginning() {
        let chosen = |word: &str| {
            let rows = choose(&[word.to_owned()]).unwrap();
            rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
        };
        assert_eq!(chosen("rr-ipv6-veth"), ["rr-ipv6-veth"]);
        assert_eq!(chosen("stream-ipv4"), ["stream-ipv4-veth", "stream-ipv4-bridge"]);
        assert_eq!(chosen("noise").len(), 2);
        assert_eq!(choose(&[]).unwrap(), catalogue());
    }

    #[test]
    fn words_that_choose_nothing_are_named() {
        let words = ["rr".to_owned(), "rrr".to_owned(), "".to_owned()];
        assert_eq!(choose(&words), Err(vec!["rrr".to_owned(), String::new()]));
    }
}

//! Who the ends of a flow are, as labels of a metric.

use std::borrow::Cow;

use super::{key::Key, spec::InvalidMetric};
use crate::{
    events::{Direction, Peer},
    flows::{PeerInfo, Record, render},
};

/// Which labels say who the ends are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Context {
    source: Side,
    destination: Side,
    labels: Vec<Label>,
}

/// How one end is named: the first way that gives a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Side {
    ways: Vec<Way>,
    /// Instead, for packets that leave an endpoint.
    egress: Option<Vec<Way>>,
    /// Instead, for packets that reach one.
    ingress: Option<Vec<Way>>,
}

/// A way to name an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Identity,
    Namespace,
    Pod,
    PodName,
    Dns,
    Ip,
    ReservedIdentity,
    Workload,
    WorkloadName,
    App,
}

const WAYS: [(&str, Way); 10] = [
    ("identity", Way::Identity),
    ("namespace", Way::Namespace),
    ("pod", Way::Pod),
    ("pod-name", Way::PodName),
    ("dns", Way::Dns),
    ("ip", Way::Ip),
    ("reserved-identity", Way::ReservedIdentity),
    ("workload", Way::Workload),
    ("workload-name", Way::WorkloadName),
    ("app", Way::App),
];

/// A label of `labelsContext`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Source(Fact),
    Destination(Fact),
    Direction,
}

/// Something about an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fact {
    Ip,
    Pod,
    Namespace,
    Workload,
    WorkloadKind,
    App,
}

const LABELS: [(&str, Label); 13] = [
    ("source_ip", Label::Source(Fact::Ip)),
    ("source_pod", Label::Source(Fact::Pod)),
    ("source_namespace", Label::Source(Fact::Namespace)),
    ("source_workload", Label::Source(Fact::Workload)),
    ("source_workload_kind", Label::Source(Fact::WorkloadKind)),
    ("source_app", Label::Source(Fact::App)),
    ("destination_ip", Label::Destination(Fact::Ip)),
    ("destination_pod", Label::Destination(Fact::Pod)),
    ("destination_namespace", Label::Destination(Fact::Namespace)),
    ("destination_workload", Label::Destination(Fact::Workload)),
    ("destination_workload_kind", Label::Destination(Fact::WorkloadKind)),
    ("destination_app", Label::Destination(Fact::App)),
    ("traffic_direction", Label::Direction),
];

/// Labels of pods that say which application they are, the recommended one first.
const APP_LABELS: [&str; 3] = ["k8s:app.kubernetes.io/name=", "k8s:k8s-app=", "k8s:app="];

/// One end of a record.
#[derive(Clone, Copy)]
struct End<'a> {
    owner: Option<&'a PeerInfo>,
    record: &'a Record,
    is_source: bool,
}

impl Context {
    /// Sets an option; tells whether there is one of that name.
    pub(super) fn set(&mut self, option: &str, value: &str) -> Result<bool, InvalidMetric> {
        let ways = || list(option, value, '|', &WAYS);
        match option.to_ascii_lowercase().as_str() {
            "sourcecontext" => self.source.ways = ways()?,
            "sourceegresscontext" => self.source.egress = Some(ways()?),
            "sourceingresscontext" => self.source.ingress = Some(ways()?),
            "destinationcontext" => self.destination.ways = ways()?,
            "destinationegresscontext" => self.destination.egress = Some(ways()?),
            "destinationingresscontext" => self.destination.ingress = Some(ways()?),
            "labelscontext" => {
                self.labels = list(option, value, ',', &LABELS)?;
                // In one order, whatever was written.
                let place = |label: &Label| LABELS.iter().position(|(_, known)| known == label);
                self.labels.sort_by_key(place);
                self.labels.dedup();
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns the names of the labels.
    pub(super) fn labels(&self) -> impl Iterator<Item = &'static str> {
        let named = LABELS.iter().filter(|(_, label)| self.labels.contains(label));
        let sides = [("source", &self.source), ("destination", &self.destination)];
        let sides = sides.into_iter().filter(|(_, side)| side.is_set()).map(|(name, _)| name);
        named.map(|(name, _)| *name).chain(sides)
    }

    /// Tells whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && !self.source.is_set() && !self.destination.is_set()
    }

    /// Writes their values for a record.
    pub(super) fn write(&self, record: &Record, key: &mut Key) {
        let end = |is_source| {
            let owner = if is_source { &record.source } else { &record.destination };
            End { owner: owner.as_deref(), record, is_source }
        };
        let (source, destination) = (end(true), end(false));
        let direction = record.event.direction;
        for label in &self.labels {
            match label {
                Label::Source(fact) => key.push(&source.fact(*fact)),
                Label::Destination(fact) => key.push(&destination.fact(*fact)),
                Label::Direction => key.push(super::count::direction(direction)),
            }
        }
        for (side, end) in [(&self.source, source), (&self.destination, destination)] {
            if side.is_set() {
                key.push(&side.name(end, direction));
            }
        }
    }

    /// Tells whether values are those of single pods of the side, source first: they go with the pod.
    pub(super) fn is_of_pods(&self) -> [bool; 2] {
        let is_pod = |fact: &Fact| matches!(fact, Fact::Ip | Fact::Pod);
        let named = |is_source| {
            self.labels.iter().any(|label| match label {
                Label::Source(fact) => is_source && is_pod(fact),
                Label::Destination(fact) => !is_source && is_pod(fact),
                Label::Direction => false,
            })
        };
        [self.source.is_of_pods() || named(true), self.destination.is_of_pods() || named(false)]
    }
}

impl Side {
    fn is_set(&self) -> bool {
        !self.ways.is_empty() || self.egress.is_some() || self.ingress.is_some()
    }

    fn all(&self) -> impl Iterator<Item = &Way> {
        self.ways.iter().chain(self.egress.iter().flatten()).chain(self.ingress.iter().flatten())
    }

    fn is_of_pods(&self) -> bool {
        self.all().any(|way| matches!(way, Way::Pod | Way::PodName | Way::Ip))
    }

    fn name<'a>(&self, end: End<'a>, direction: Direction) -> Cow<'a, str> {
        let own = match direction {
            Direction::Egress => self.egress.as_ref(),
            Direction::Ingress => self.ingress.as_ref(),
            Direction::Unknown => None,
        };
        let mut names = own.unwrap_or(&self.ways).iter().map(|way| end.name(*way));
        names.find(|name| !name.is_empty()).unwrap_or_default()
    }
}

impl<'a> End<'a> {
    fn name(self, way: Way) -> Cow<'a, str> {
        let in_namespace = |name: Cow<'a, str>| {
            let namespace = self.fact(Fact::Namespace);
            if name.is_empty() || namespace.is_empty() {
                return name;
            }
            format!("{namespace}/{name}").into()
        };
        match way {
            Way::Identity => self.labels().join(",").into(),
            Way::Namespace => self.fact(Fact::Namespace),
            Way::Pod => in_namespace(self.fact(Fact::Pod)),
            Way::PodName => self.fact(Fact::Pod),
            // Nobody tells agents the names of addresses yet.
            Way::Dns => Cow::default(),
            Way::Ip => self.fact(Fact::Ip),
            Way::ReservedIdentity => self.reserved().into(),
            Way::Workload => in_namespace(self.fact(Fact::Workload)),
            Way::WorkloadName => self.fact(Fact::Workload),
            Way::App => self.fact(Fact::App),
        }
    }

    fn fact(self, fact: Fact) -> Cow<'a, str> {
        let owner = self.owner;
        let text = match fact {
            Fact::Ip => {
                let address = self.peer().address.map(|address| address.to_string());
                return address.unwrap_or_default().into();
            }
            Fact::App => return self.app().into(),
            Fact::Pod => owner.map(|owner| &owner.pod),
            Fact::Namespace => owner.map(|owner| &owner.namespace),
            Fact::Workload => owner.and_then(|owner| Some(&owner.workload.as_ref()?.name)),
            Fact::WorkloadKind => owner.and_then(|owner| Some(&owner.workload.as_ref()?.kind)),
        };
        text.map(|text| Cow::from(text.as_str())).unwrap_or_default()
    }

    fn peer(self) -> &'a Peer {
        let event = &self.record.event;
        if self.is_source { &event.source } else { &event.destination }
    }

    fn labels(self) -> Cow<'a, [String]> {
        render::labels(self.peer(), self.owner)
    }

    /// The API server's before any other.
    fn reserved(self) -> String {
        let labels = self.labels();
        let apiserver = labels.iter().find(|label| *label == "reserved:kube-apiserver");
        let mut all = labels.iter().filter(|label| label.starts_with("reserved:"));
        apiserver.or_else(|| all.next()).cloned().unwrap_or_default()
    }

    fn app(self) -> String {
        let labels = self.labels();
        let of = |prefix: &&str| labels.iter().find_map(|label| label.strip_prefix(prefix));
        let app = APP_LABELS.iter().find_map(of);
        app.unwrap_or_default().to_owned()
    }
}

/// Reads a list of words.
fn list<T: Copy>(
    option: &str,
    value: &str,
    separator: char,
    known: &[(&str, T)],
) -> Result<Vec<T>, InvalidMetric> {
    let word = |word: &str| {
        let found = known.iter().find(|(name, _)| *name == word.trim());
        found.map(|(_, meaning)| *meaning).ok_or_else(|| InvalidMetric::Value {
            option: option.to_owned(),
            value: word.to_owned(),
            known: known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
        })
    };
    value.split(separator).map(word).collect()
}

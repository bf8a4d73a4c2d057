//! What all checks share.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
};

use super::{
    corpus::{Corpus, Object, Whole},
    finding::Finding,
    index::{Pair, RuleIndex},
    tree::{RuleNode, Spec, specs},
};
use crate::{
    model::Labels,
    policy::{
        cluster::{Actor, Role, Service},
        judge::{Decision, Judge, Mode, Packet, PeerMatcher, Side},
        rule::{Direction, LabelKey, LabelSource, PolicyRef, Selector, Subject, Test},
    },
};

/// The policies in every form that checks need, and those they speak of.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) corpus: &'a Corpus,
    pub(super) specs: Vec<Spec<'a>>,
    pub(super) index: RuleIndex<'a>,
    pub(super) pods: Vec<Actor>,
    pub(super) services: Vec<Service>,
    by_namespace: HashMap<String, Vec<usize>>,
    /// Keys and values of labels that pods have.
    pub(super) used: BTreeSet<(String, String)>,
    by_name: HashMap<String, usize>,
    answers: RefCell<HashMap<(&'static str, Subject), bool>>,
    findings: RefCell<Vec<Finding>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(corpus: &'a Corpus) -> Self {
        let pods: Vec<Actor> = corpus.pods();
        let mut by_namespace: HashMap<String, Vec<usize>> = HashMap::new();
        for (n, pod) in pods.iter().enumerate() {
            let namespace = pod.name.split('/').next().unwrap_or_default();
            by_namespace.entry(namespace.to_owned()).or_default().push(n);
        }
        let first = corpus.objects.iter().filter(|object| !object.is_repeated);
        Self {
            specs: corpus.objects.iter().flat_map(specs).collect(),
            index: RuleIndex::new(first.filter_map(|object| object.parsed.policy.as_deref())),
            services: corpus.services(),
            corpus,
            used: pods.iter().flat_map(used).collect(),
            pods,
            by_namespace,
            by_name: corpus
                .objects
                .iter()
                .enumerate()
                .map(|(n, object)| (object.parsed.reference.to_string(), n))
                .rev()
                .collect(),
            answers: RefCell::default(),
            findings: RefCell::default(),
        }
    }

    /// Asks a question about subjects once: thousands of policies may be for the same ones.
    pub(super) fn ask(
        &self,
        question: &'static str,
        subject: &Subject,
        answer: impl FnOnce() -> bool,
    ) -> bool {
        let key = (question, subject.clone());
        if let Some(&known) = self.answers.borrow().get(&key) {
            return known;
        }
        let answer = answer();
        self.answers.borrow_mut().insert(key, answer);
        answer
    }

    /// Finds the object of a policy.
    pub(super) fn object(&self, policy: &PolicyRef) -> Option<&'a Object> {
        Some(&self.corpus.objects[*self.by_name.get(&policy.to_string())?])
    }

    pub(super) fn report(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings.into_inner()
    }

    /// Yields all rules, with their specs.
    pub(super) fn rules(&self) -> impl Iterator<Item = (&Spec<'a>, &RuleNode<'a>)> {
        self.specs.iter().flat_map(|spec| spec.rules.iter().map(move |rule| (spec, rule)))
    }

    /// Tells whether what is not there is nowhere.
    pub(super) fn is_whole(&self) -> bool {
        self.corpus.whole == Whole::Cluster
    }

    /// Returns the pods of a selector; those of its namespace are asked only.
    pub(super) fn selected<'s>(
        &'s self,
        selector: &'s Selector,
    ) -> impl Iterator<Item = &'s Actor> {
        let some = selector
            .namespace()
            .map(|name| self.by_namespace.get(name).map(Vec::as_slice).unwrap_or_default());
        let all = if some.is_none() { &self.pods[..] } else { &[] };
        let some = some.unwrap_or_default().iter().map(|&n| &self.pods[n]);
        some.chain(all).filter(move |pod| pod.role == Role::Pod && selector.matches(&pod.labels))
    }

    /// Tells whether the pods of a selector's namespace are known; without one, those of any.
    pub(super) fn knows_pods(&self, selector: &Selector) -> bool {
        self.is_whole()
            || match selector.namespace() {
                Some(name) => self.by_namespace.contains_key(name),
                None => false,
            }
    }

    /// Returns the namespaces that have pods.
    pub(super) fn namespaces(&self) -> BTreeSet<&str> {
        self.by_namespace.keys().map(String::as_str).collect()
    }

    /// Returns a pod that a selector means: a real one, or one that has just the labels it asks for.
    pub(super) fn witness(&self, selector: &Selector) -> Actor {
        if let Some(pod) = self.selected(selector).next() {
            return pod.clone();
        }
        let mut labels = Labels::default();
        for requirement in selector.requirements() {
            let value = match &requirement.test {
                Test::In(values) => values.first().cloned().unwrap_or_default(),
                Test::Exists => "any".to_owned(),
                Test::NotIn(_) | Test::Absent => continue,
            };
            let source = match &requirement.key.source {
                LabelSource::Any => "k8s",
                LabelSource::Named(source) => source,
            };
            labels.0.insert(format!("{source}:{}", requirement.key.name), value);
        }
        let cluster = format!("k8s:{}", LabelKey::CLUSTER);
        labels.0.entry(cluster).or_insert_with(|| self.corpus.settings.cluster.clone());
        Actor::new(crate::policy::explain::selector(selector), Role::Pod, labels)
    }

    /// Returns how peers are matched.
    pub(super) fn matcher(&self) -> PeerMatcher<'_> {
        PeerMatcher {
            services: &self.services,
            groups: self.corpus.groups(),
            cluster: &self.corpus.settings.cluster,
        }
    }

    /// Judges one side of a connection.
    pub(super) fn judge(
        &self,
        subject: &Actor,
        peer: &Actor,
        direction: Direction,
        packet: Packet,
    ) -> Decision<'a> {
        let rules = self.index.of(subject, direction);
        let matcher = self.matcher();
        let is_about = |(_, rule): &Pair<'a>| matcher.matches(rule, peer);
        let about: Vec<Pair<'a>> = rules.iter().copied().filter(is_about).collect();
        let side = Side { subject, peer, direction, rules: &rules, about: &about };
        // The rules have been chosen already.
        let peers = PeerMatcher { services: &[], groups: &[], cluster: "" };
        let compat = self.corpus.settings.compat;
        Judge { policies: &[], peers, mode: Mode::Default, compat }.judge(&side, packet)
    }
}

fn used(pod: &Actor) -> impl Iterator<Item = (String, String)> {
    pod.labels.0.iter().filter_map(|(key, value)| {
        let (_, name) = key.split_once(':')?;
        Some((name.to_owned(), value.clone()))
    })
}

/// Returns where somebody outside stands.
pub(super) fn reserved(name: &str) -> Actor {
    let role = if name.starts_with("world") { Role::World } else { Role::Peer };
    let mut labels = Labels::from_iter([(format!("reserved:{name}"), "")]);
    if name == "kube-apiserver" {
        labels.0.insert("reserved:remote-node".to_owned(), String::new());
    }
    let mut actor = Actor::new(format!("entity:{name}"), role, labels);
    match name {
        "world-ipv4" => actor.nets.extend("198.51.100.1/32".parse::<ipnet::IpNet>()),
        "world-ipv6" => actor.nets.extend("2001:db8:ffff::1/128".parse::<ipnet::IpNet>()),
        _ => {}
    }
    actor
}

//! Whether a node will have a pod, and if not, why.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::api::core::v1::{Node, Pod, PodAffinityTerm};
use kube::ResourceExt;

use super::load::{Load, host_ports};
use crate::lab::controllers::matching::{label_selector_matches, selects, untolerated};

/// Why a node will not have a pod, in the scheduler's words.
pub(super) type Refusal = String;

/// Why no node will have a pod.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_reason: BTreeMap<Refusal, usize>,
}

impl Refusals {
    pub(super) fn add(&mut self, refusal: Refusal) {
        *self.by_reason.entry(refusal).or_default() += 1;
    }
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: usize = self.by_reason.values().sum();
        if total == 0 {
            return f.write_str("no nodes available to schedule pods");
        }
        let mut reasons: Vec<String> =
            self.by_reason.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        reasons.sort();
        write!(
            f,
            "0/{total} nodes are available: {}. preemption: 0/{total} nodes are available: {total} Preemption is not helpful for scheduling.",
            reasons.join(", ")
        )
    }
}

/// Tells whether a node will have a pod.
pub(super) fn check(pod: &Pod, node: &Node, load: &Load) -> Result<(), Refusal> {
    let Some(spec) = &pod.spec else { return Ok(()) };
    let name = node.name_any();
    let refuse = |reason: &str| Err(reason.to_owned());
    if node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true) {
        return refuse("node(s) were unschedulable");
    }
    if let Some(taint) = untolerated(spec, node) {
        let value = taint.value.as_deref().unwrap_or_default();
        return Err(format!("node(s) had untolerated taint {{{}: {value}}}", taint.key));
    }
    if !selects(spec, node) {
        return refuse("node(s) didn't match Pod's node affinity/selector");
    }
    if !host_ports(pod).iter().all(|port| load.is_free(&name, port)) {
        return refuse("node(s) didn't have free ports for the requested pod ports");
    }
    if load.is_full(node) {
        return refuse("Too many pods");
    }
    if let Some(resource) = load.lacks(node, pod) {
        return Err(format!("Insufficient {resource}"));
    }
    let affinity = spec.affinity.as_ref();
    let together = affinity.and_then(|all| all.pod_affinity.as_ref());
    let together =
        together.and_then(|one| one.required_during_scheduling_ignored_during_execution.as_deref());
    if !together.unwrap_or_default().iter().all(|term| is_together(pod, node, term, load)) {
        return refuse("node(s) didn't match pod affinity rules");
    }
    let apart = affinity.and_then(|all| all.pod_anti_affinity.as_ref());
    let apart =
        apart.and_then(|one| one.required_during_scheduling_ignored_during_execution.as_deref());
    if apart.unwrap_or_default().iter().any(|term| load.has(pod, node, term)) {
        return refuse("node(s) didn't match pod anti-affinity rules");
    }
    if load.is_refused_by_others(pod, node) {
        return refuse("node(s) didn't satisfy existing pods anti-affinity rules");
    }
    let spread = spec.topology_spread_constraints.iter().flatten();
    for constraint in spread.filter(|one| one.when_unsatisfiable == "DoNotSchedule") {
        let Some(skew) = load.skew(pod, node, constraint) else {
            return refuse(
                "node(s) didn't match pod topology spread constraints (missing required label)",
            );
        };
        if skew > i64::from(constraint.max_skew) {
            return refuse("node(s) didn't match pod topology spread constraints");
        }
    }
    Ok(())
}

/// The first pod of a group that wants to be together goes anywhere.
fn is_together(pod: &Pod, node: &Node, term: &PodAffinityTerm, load: &Load) -> bool {
    let selects_itself = term
        .label_selector
        .as_ref()
        .is_some_and(|selector| label_selector_matches(selector, pod.labels()));
    let alone = selects_itself && !load.has_anywhere(pod, term);
    node.labels().contains_key(&term.topology_key) && (alone || load.has(pod, node, term))
}

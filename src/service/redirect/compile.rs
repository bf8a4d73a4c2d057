//! All policies, each to its service.

use std::{collections::HashMap, sync::Arc};

use super::{
    pods::Behind,
    ports::{Pair, pairs},
    source::{Source, source},
};
use crate::{
    model::Addresses,
    service::{
        ObjectName,
        context::Context,
        finding::{Field, Finding, Reason},
        index::Slot,
        input::{
            EndpointSlice, LocalPod, Redirect, RedirectRule, Service, ServiceKind, ServicePort,
            TrafficPolicy,
        },
        output::{FrontendKind, Vip},
        wants::Want,
    },
};

/// What a policy comes to.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::service) struct Compiled {
    /// The policy's own name.
    pub(in crate::service) policy: ObjectName,
    /// The service whose frontends it takes over, if it is about one.
    pub(in crate::service) target: Option<ObjectName>,
    /// What it is kept as.
    pub(in crate::service) service: Service,
    /// The pods that it selects.
    pub(in crate::service) slices: Vec<EndpointSlice>,
    /// What it asks for now.
    pub(in crate::service) wants: Vec<Want>,
    /// What of it has no effect.
    pub(in crate::service) faults: Vec<Finding>,
}

/// What all policies depend on.
pub(super) struct Around<'a> {
    pub(super) pods: Vec<&'a LocalPod>,
    pub(super) context: &'a Context,
    /// Finds a service and where it is kept.
    pub(super) service: &'a dyn Fn(&ObjectName) -> Option<(Slot, &'a Service)>,
}

/// Who has a frontend among policies, whether a pod is ready for it or not: readiness differs from node to
/// node, and which policy counts must not.
type Taken = HashMap<Vip, ObjectName>;

/// Compiles all policies. Of two for one frontend the older has it, then the first by name.
pub(in crate::service) fn compile<'a>(
    policies: impl Iterator<Item = &'a Redirect>,
    pods: impl Iterator<Item = &'a LocalPod>,
    context: &'a Context,
    service: &'a dyn Fn(&ObjectName) -> Option<(Slot, &'a Service)>,
) -> Vec<Compiled> {
    let around = Around { pods: pods.collect(), context, service };
    let mut policies: Vec<&Redirect> = policies.collect();
    policies.sort_by_key(|policy| (policy.created, &policy.name));
    let mut taken = Taken::new();
    policies.into_iter().map(|policy| one(policy, &around, &mut taken)).collect()
}

fn one(policy: &Redirect, around: &Around<'_>, taken: &mut Taken) -> Compiled {
    let mut faults = Vec::new();
    let name = ObjectName::of_redirect(&policy.name);
    let mut compiled = Compiled {
        policy: policy.name.clone(),
        target: None,
        service: stand_in(name, policy.created),
        slices: vec![],
        wants: vec![],
        faults: vec![],
    };
    match &policy.rule {
        Ok(rule) => follow(rule, around, taken, (&mut compiled, &mut faults)),
        Err(mistake) => faults.push(Finding {
            place: Field::Redirect(mistake.field),
            reason: Reason::Faulty(mistake.fault),
        }),
    }
    compiled.faults = faults;
    compiled
}

fn follow(
    rule: &RedirectRule,
    around: &Around<'_>,
    taken: &mut Taken,
    (compiled, faults): (&mut Compiled, &mut Vec<Finding>),
) {
    let Some(source) = source(rule, &compiled.policy, around, faults) else { return };
    let pairs = pairs(&source.ports, &rule.to, faults);
    let behind = Behind::new(rule, &compiled.policy, &pairs, around, faults);
    let record = compiled.service.name.clone();
    compiled.wants = wants(&source, &pairs, &behind, taken, (&record, faults));
    compiled.wants.iter_mut().for_each(|want| want.passed_by_backends = rule.skips_backend);
    compiled.slices = behind.slices();
    compiled.service.ports = pairs.iter().map(service_port).collect();
    compiled.target = source.service;
}

/// Returns what a policy asks for now: what no older policy has and a pod is ready for.
fn wants(
    source: &Source,
    pairs: &[Pair<'_>],
    behind: &Behind<'_>,
    taken: &mut Taken,
    (record, faults): (&ObjectName, &mut Vec<Finding>),
) -> Vec<Want> {
    let mut wants: Vec<Want> = Vec::new();
    for address in &source.addresses {
        for (port, pair) in pairs.iter().enumerate() {
            let (number, protocol) = (pair.from.number.get(), pair.from.protocol);
            let vip = Vip { address: *address, port: number, protocol };
            let owner = taken.entry(vip).or_insert_with(|| record.clone());
            if owner != record {
                let reason = Reason::TakenBy { service: owner.clone(), port: number, protocol };
                faults.push(Finding { place: Field::Redirected(vip), reason });
            } else if behind.is_ready(port, *address) && wants.iter().all(|own| own.vip != vip) {
                wants.push(Want::new(vip, FrontendKind::LocalRedirect, port));
            }
        }
    }
    wants
}

/// A port is named as the policy's frontend names it, and finds its endpoints by that name.
fn service_port(pair: &Pair<'_>) -> ServicePort {
    let from = &pair.from;
    ServicePort {
        name: Arc::clone(&from.name),
        protocol: from.protocol,
        port: from.number,
        node_port: None,
    }
}

fn stand_in(name: ObjectName, created: i64) -> Service {
    Service {
        name,
        created,
        kind: ServiceKind::LocalRedirect,
        cluster_ips: Addresses::default(),
        external_ips: vec![],
        load_balancer_ips: vec![],
        ports: vec![],
        affinity: None,
        internal: TrafficPolicy::Local,
        external: TrafficPolicy::Local,
        source_ranges: None,
        publish_not_ready: false,
        health_check_port: None,
        distribution: None,
    }
}

//! Policies: how many, for whom, and how long changes take.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;

use super::write::{counter, gauge, gauges, put};
use crate::agent::{policy::HostHealth, shared::Agent};

pub(super) fn encode(agent: &Agent, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let health = agent.policy.health();
    let figures = agent.policy.figures();
    let rejected = "Policy objects that cannot be accepted as they are now";
    let on_trial = "Whether policies of the host must prove themselves";
    let is_on_trial = matches!(health.host, HostHealth::OnTrial(_));
    for (name, help, value) in [
        ("policy_tables", "Different policies in the maps", health.tables as u64),
        ("policies_rejected", rejected, health.rejected.len() as u64),
        ("host_policies_on_trial", on_trial, is_on_trial.into()),
        ("policy_revision", "Revision of policies in the datapath", figures.revision.into()),
        ("policy_rules", "Rules of the policies that count", figures.rules as u64),
    ] {
        gauge(encoder, (name, help), value)?;
    }
    let taken_back = "How often policies of the host were taken back";
    counter(encoder, ("host_policies_taken_back", taken_back), health.taken_back)?;
    let not_enforced = "How often an endpoint could not get its policy";
    counter(encoder, ("policies_not_enforced", not_enforced), health.failures)?;
    let kinds = figures.policies.into_iter().map(|(kind, count)| {
        let labels = vec![("kind", kind.to_owned())];
        (labels, count as u64)
    });
    gauges(encoder, ("policies", "Policy objects by kind"), kinds)?;
    let endpoints = figures.endpoints.into_iter().map(|(enforcement, count)| {
        let labels = vec![("enforcement", enforcement.to_owned())];
        (labels, count as u64)
    });
    let help = "Pods by the directions in which policies isolate them";
    gauges(encoder, ("policy_endpoints", help), endpoints)?;
    let help = "Time from a change of policies that was seen until it is in force";
    put(encoder, ("policy_enforcement_delay_seconds", help), &figures.delays)
}

//! The invariant checker: desired state = maps = attachments = devices = records.

mod maps;
mod system;

use super::shared::Agent;
use crate::{api::Finding, maps::MapError};

/// Compares what should be with what is, and returns every difference.
///
/// # Errors
/// When a map cannot be read.
pub(super) fn check(agent: &Agent) -> Result<Vec<Finding>, MapError> {
    let records = agent.endpoints.records();
    let devices = agent.devices();
    let mut findings = maps::cluster(agent)?;
    findings.extend(maps::endpoints(
        &*agent.maps,
        &records,
        &devices.entries(),
        &agent.endpoints.namespaces(&records),
        agent.policy.assigned(),
    )?);
    findings.extend(system::attachments(agent, &records, &devices));
    findings.extend(system::devices(&records));
    findings
        .extend(agent.balancer.differences()?.into_iter().map(|what| finding("services", what)));
    findings.extend(system::services(agent));
    findings.extend(system::routes(agent));
    findings.extend(system::records(agent, &records));
    findings.extend(system::addresses(&records));
    Ok(findings)
}

fn finding(subject: &str, message: impl Into<String>) -> Finding {
    Finding { subject: subject.to_owned(), message: message.into() }
}

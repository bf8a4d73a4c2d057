//! Services at connect(2): programs on a control group.

use std::path::PathBuf;

use tracing::{info, warn};

use super::shared::Agent;
use crate::{config::CgroupRoot, kernel};

/// Returns whose connections are balanced; `None` if nobody's.
fn group(agent: &Agent) -> Option<PathBuf> {
    match &agent.config.cgroup_root {
        CgroupRoot::Auto => kernel::cgroup_root(),
        CgroupRoot::Off => None,
        CgroupRoot::Group(path) => Some(path.clone()),
    }
}

/// Puts the programs on their control group. A node without one goes on: its pods reach each other, and
/// `status` says what is missing.
pub(super) fn attach(agent: &Agent) {
    let done = match group(agent) {
        Some(group) => agent
            .datapath
            .attach_sockets(&group)
            .map(|()| info!(group = %group.display(), "connections to services are balanced")),
        None => agent.datapath.detach_sockets(),
    };
    if let Err(error) = done {
        warn!(error = &error as &dyn std::error::Error, "programs for services not attached");
    }
}

/// Says why connections to services are not balanced, if they are not.
pub(super) fn fault(agent: &Agent) -> Option<String> {
    let Some(group) = group(agent) else {
        let off = agent.config.cgroup_root == CgroupRoot::Off;
        return (!off).then(|| "no cgroup2 hierarchy is mounted on /sys/fs/cgroup".into());
    };
    let missing = agent.datapath.missing_sockets();
    let hook = missing.first()?;
    Some(format!("{} is not on control group {}", hook.program(), group.display()))
}

/// Says why connections to services are not balanced, be it that nobody wants them to be.
pub(super) fn unbalanced(agent: &Agent) -> Option<String> {
    let off = agent.config.cgroup_root == CgroupRoot::Off;
    let off = off.then(|| "the agent's setting cgroup-root is off".into());
    off.or_else(|| fault(agent))
}

/// Puts the programs back if somebody took them off.
pub(super) fn repair(agent: &Agent) {
    if fault(agent).is_some() {
        attach(agent);
    }
}

//! Switching nodes off and on, and letting them stand still.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    down::{self, DownError},
    host::cgroup::{Cgroup, CgroupError},
    inspect::condition,
    node::{self, NodeError},
    plan::NodePlan,
    power::{self, Power},
    serve,
    state::{self, LabDir, StateError, failed},
};

/// How long the node's kubelet may take to notice.
const NOTICED_WITHIN: Duration = Duration::from_secs(15);

/// A node could not be switched.
#[derive(Debug, thiserror::Error)]
pub enum PowerError {
    /// There is no such lab or node, or its files are damaged.
    #[error(transparent)]
    State(#[from] StateError),
    /// Its control group does not obey.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// Something of it cannot be removed.
    #[error("cannot switch node {node} off")]
    Off {
        /// The node.
        node: String,
        /// What remains.
        #[source]
        source: DownError,
    },
    /// It cannot be made anew.
    #[error("cannot switch node {node} on")]
    On {
        /// The node.
        node: String,
        /// The reason.
        #[source]
        source: NodeError,
    },
    /// The lab's process is gone.
    #[error("lab {lab:?} does not run: its process has died")]
    Broken {
        /// The lab.
        lab: String,
    },
    /// The lab's process does not answer.
    #[error("the kubelet of node {node} does not notice")]
    Unnoticed {
        /// The node.
        node: String,
    },
    /// What is off cannot be paused.
    #[error("node {node} is off")]
    IsOff {
        /// The node.
        node: String,
    },
}

/// Brings a node to a state; returns the one it was in.
///
/// Off is what pulling the plug is: its processes end at once, its link goes, and everything that
/// it had in memory, its `/run` and its eBPF objects included, is lost. Its kubelet falls silent;
/// what the cluster makes of that is up to its controllers.
///
/// # Errors
/// When there is no such node, its lab does not run, or the system refuses.
pub fn switch(dir: &LabDir, node: &str, to: Power) -> Result<Power, PowerError> {
    // Neither `down` nor another switch comes in between.
    let _lock = dir.lock()?;
    let plan = plan(dir, node)?;
    if !condition(dir)?.serves() {
        return Err(PowerError::Broken { lab: dir.name().to_string() });
    }
    let from = power::wanted(dir, node)?;
    let group = Cgroup::of_lab(dir.name().as_str())?.child(node);
    match (from, to) {
        (Power::Off, Power::Paused) => return Err(PowerError::IsOff { node: node.to_owned() }),
        (_, Power::Off) => {
            // First, so that the kubelet starts nothing again.
            power::ask(dir, node, Power::Off)?;
            noticed(dir, node, Power::Off)?;
            down::tear_down_node(dir, node)
                .map_err(|source| PowerError::Off { node: node.to_owned(), source })?;
        }
        (_, Power::Paused) => {
            power::ask(dir, node, Power::Paused)?;
            noticed(dir, node, Power::Paused)?;
            group.freeze()?;
        }
        (Power::Off, Power::On) => {
            boot(dir, &plan)?;
            power::ask(dir, node, Power::On)?;
            noticed(dir, node, Power::On)?;
        }
        (Power::Paused | Power::On, Power::On) => {
            group.thaw()?;
            power::ask(dir, node, Power::On)?;
            noticed(dir, node, Power::On)?;
        }
    }
    Ok(from)
}

/// Returns the plan of a node that exists.
pub(crate) fn plan(dir: &LabDir, node: &str) -> Result<NodePlan, StateError> {
    dir.existing_node(node)?;
    let spec = dir.record()?.spec;
    let mut plans = (1..=spec.nodes).map(|number| NodePlan::new(number, &spec));
    let found = plans.find(|plan| plan.name == node);
    found.ok_or_else(|| StateError::NoNode { lab: dir.name().to_string(), node: node.to_owned() })
}

fn boot(dir: &LabDir, plan: &NodePlan) -> Result<(), PowerError> {
    let families = dir.record()?.spec.ip_family;
    let made = node::create(dir, plan, families);
    if let Err(source) = made {
        // All or nothing: the next try finds the node off again.
        down::tear_down_node(dir, &plan.name).ok();
        return Err(PowerError::On { node: plan.name.clone(), source });
    }
    dir.give_world_authority(&plan.name)?;
    for (account, path) in serve::NODE_KUBECONFIGS {
        let from = serve::node_kubeconfig(dir, account);
        let text = std::fs::read(&from).map_err(|source| failed("read", &from, source))?;
        state::write(&dir.node(&plan.name).outside(path), &text)?;
    }
    Ok(())
}

/// Waits until the node's kubelet has come to a state.
fn noticed(dir: &LabDir, node: &str, power: Power) -> Result<(), PowerError> {
    let deadline = Instant::now() + NOTICED_WITHIN;
    while power::reached(dir, node)? != power {
        if !condition(dir)?.serves() {
            return Err(PowerError::Broken { lab: dir.name().to_string() });
        }
        if Instant::now() > deadline {
            return Err(PowerError::Unnoticed { node: node.to_owned() });
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

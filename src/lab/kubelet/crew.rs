//! The containers of a pod, and what they are told.

use std::{collections::HashMap, sync::Arc};

use k8s_openapi::api::core::v1::{Container, EphemeralContainer, Pod};
use tokio::sync::{mpsc, watch};

use super::{
    backend::Running,
    container::Runner,
    host::Host,
    phase::restart_of,
    program,
    report::{Order, Report, Restart},
    sandbox::Sandbox,
};

/// Which container of a pod: by list and position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Slot {
    /// Of `initContainers`.
    Init(usize),
    /// Of `containers`.
    Main(usize),
    /// Of `ephemeralContainers`.
    Ephemeral(usize),
}

/// Tells whether an init container is a sidecar: started before the others, and running beside
/// them.
pub(super) fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// What all runners of a pod share.
pub(super) struct Crew {
    pub(super) host: Arc<Host>,
    pub(super) pod: Arc<Pod>,
    pub(super) sandbox: Sandbox,
    pub(super) running: Arc<Running>,
    pub(super) reports: mpsc::Sender<(Slot, Report)>,
    /// How containers were before the node was switched off.
    pub(super) before: HashMap<Slot, Report>,
    /// Orders to ordinary and init containers.
    pub(super) orders: watch::Sender<Order>,
    /// Orders to sidecars and ephemeral containers, which end last.
    pub(super) last_orders: watch::Sender<Order>,
}

impl Crew {
    /// Returns the runner of an init container.
    pub(super) fn init(&self, position: usize, container: &Container) -> Runner {
        let (restart, orders) = if is_sidecar(container) {
            (Restart::Always, &self.last_orders)
        } else if restart_of(&self.pod) == Restart::Never {
            (Restart::Never, &self.orders)
        } else {
            (Restart::OnFailure, &self.orders)
        };
        let program = if is_sidecar(container) {
            program::of_container(&self.host, &self.pod, container)
        } else {
            program::of_init_container(&self.pod, container)
        };
        self.runner(Slot::Init(position), container.clone(), program, restart, orders)
    }

    /// Returns the runner of an ordinary container.
    pub(super) fn main(&self, position: usize, container: &Container) -> Runner {
        let program = program::of_container(&self.host, &self.pod, container);
        let restart = restart_of(&self.pod);
        self.runner(Slot::Main(position), container.clone(), program, restart, &self.orders)
    }

    /// Returns the runner of an ephemeral container, as of `kubectl debug`.
    pub(super) fn ephemeral(&self, position: usize, ephemeral: &EphemeralContainer) -> Runner {
        let container = as_container(ephemeral);
        let program = program::of_ephemeral(&container);
        self.running.add(&self.host, &self.pod, &container, &self.sandbox);
        let slot = Slot::Ephemeral(position);
        self.runner(slot, container, program, Restart::Never, &self.last_orders)
    }

    fn runner(
        &self,
        slot: Slot,
        container: Container,
        program: program::Program,
        restart: Restart,
        orders: &watch::Sender<Order>,
    ) -> Runner {
        Runner {
            host: Arc::clone(&self.host),
            pod: Arc::clone(&self.pod),
            sandbox: self.sandbox.clone(),
            console: self.running.console(&container.name),
            container,
            program,
            restart,
            slot,
            before: self.before.get(&slot).cloned().unwrap_or_default(),
            reports: self.reports.clone(),
            orders: orders.subscribe(),
        }
    }
}

/// An ephemeral container is a container that has no ports, probes and resources.
fn as_container(ephemeral: &EphemeralContainer) -> Container {
    Container {
        name: ephemeral.name.clone(),
        image: ephemeral.image.clone(),
        command: ephemeral.command.clone(),
        args: ephemeral.args.clone(),
        env: ephemeral.env.clone(),
        env_from: ephemeral.env_from.clone(),
        stdin: ephemeral.stdin,
        stdin_once: ephemeral.stdin_once,
        tty: ephemeral.tty,
        ..Container::default()
    }
}

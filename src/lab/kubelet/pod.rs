//! One pod, from its sandbox to its last container's end.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{info, warn};

use super::{
    container::{Order, Report, Restart, Runner, State},
    host::Host,
    phase::{Picture, restart_of},
    program::{self, Program},
    sandbox::{Sandbox, SandboxError},
    status::StatusWriter,
};
use crate::lab::{cluster::Action, kubelet::backend::Running};

/// First pause after a sandbox could not be made or removed; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest such pause, containerd's.
const LONGEST_PAUSE: Duration = Duration::from_secs(12);

/// The latest version of a pod; none once it is gone from the API.
pub(super) type Latest = watch::Receiver<Option<Arc<Pod>>>;

/// Runs a pod to its end and removes it from the API when that was asked for.
pub(super) async fn run(host: Arc<Host>, pod: Arc<Pod>, latest: Latest) {
    let name = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
    let status = StatusWriter::start(&host, Arc::clone(&pod));
    let picture = Picture::new(&pod, host.plan.ips().collect());
    let mut life = Life { host, pod, latest, status, picture };
    if let Some(sandbox) = life.sandbox(&name).await {
        life.live(&sandbox).await;
        life.leave(&sandbox, &name).await;
    }
    life.end().await;
}

/// A pod's life.
struct Life {
    host: Arc<Host>,
    pod: Arc<Pod>,
    latest: Latest,
    status: StatusWriter,
    picture: Picture,
}

fn ends_within(latest: Option<&Arc<Pod>>) -> Option<Duration> {
    // Gone from the API: a forced deletion.
    let Some(pod) = latest else { return Some(Duration::ZERO) };
    pod.metadata.deletion_timestamp.as_ref()?;
    let seconds = pod.metadata.deletion_grace_period_seconds.unwrap_or(30);
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

impl Life {
    /// Waits until the pod is to end; returns how long it may take.
    async fn asked_to_end(latest: &mut Latest) -> Duration {
        let found = latest.wait_for(|pod| ends_within(pod.as_ref()).is_some()).await;
        found.ok().and_then(|pod| ends_within(pod.as_ref())).unwrap_or(Duration::ZERO)
    }

    fn publish(&mut self) {
        let status = self.picture.status(&self.pod);
        self.status.set(status);
    }

    /// Makes the sandbox, trying until it works or the pod is to end.
    async fn sandbox(&mut self, name: &str) -> Option<Sandbox> {
        let mut pause = FIRST_PAUSE;
        loop {
            if ends_within(self.latest.borrow().as_ref()).is_some() {
                return None;
            }
            let (host, pod) = (Arc::clone(&self.host), Arc::clone(&self.pod));
            let made = tokio::task::spawn_blocking(move || Sandbox::create(&host, &pod)).await;
            match made.expect("making a sandbox does not panic") {
                Ok(sandbox) => {
                    info!(pod = name, node = self.host.name(), addresses = ?sandbox.addresses, "sandbox made");
                    self.picture.sandbox = true;
                    self.picture.addresses.clone_from(&sandbox.addresses);
                    return Some(sandbox);
                }
                Err(error) => {
                    let error = chain(&error);
                    warn!(pod = name, node = self.host.name(), error, "no sandbox");
                    self.publish();
                    self.event(
                        "FailedCreatePodSandBox",
                        &format!("Failed to create pod sandbox: {error}"),
                    )
                    .await;
                }
            }
            timeout(pause, Self::asked_to_end(&mut self.latest)).await.ok();
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Runs the containers until all have ended for good.
    async fn live(&mut self, sandbox: &Sandbox) {
        let (orders, order) = watch::channel(Order::Run);
        let (sender, reports) = mpsc::channel(64);
        let crew = Crew {
            host: Arc::clone(&self.host),
            pod: Arc::clone(&self.pod),
            sandbox: sandbox.clone(),
            sender,
            order,
        };
        let running = Running::new(&self.host, &self.pod, sandbox);
        self.host.shared.backend.insert(Arc::new(running));
        if self.initialize(&crew, &orders).await {
            self.attend(crew, reports, orders).await;
        }
        self.host.shared.backend.remove(&self.pod.uid().unwrap_or_default());
    }

    /// Runs the init containers one after the other; false when the pod is not to go on.
    async fn initialize(&mut self, crew: &Crew, orders: &watch::Sender<Order>) -> bool {
        let spec = self.pod.spec.clone().unwrap_or_default();
        for (position, container) in spec.init_containers.unwrap_or_default().iter().enumerate() {
            let restart = if restart_of(&self.pod) == Restart::Never {
                Restart::Never
            } else {
                Restart::OnFailure
            };
            let program = program::of_init_container(&self.pod, container);
            self.publish();
            let runner = crew.runner(container, program, restart, position);
            let mut latest = self.latest.clone();
            let mut task = std::pin::pin!(runner.run());
            let report = tokio::select! {
                report = &mut task => report,
                grace = Self::asked_to_end(&mut latest) => {
                    self.picture.ending = true;
                    orders.send_replace(Order::Stop(grace));
                    task.await
                }
            };
            let done = matches!(&report.state, State::Ended(end) if end.code == 0);
            self.picture.init[position] = report;
            if !done || self.picture.ending {
                self.publish();
                return false;
            }
        }
        true
    }

    /// Starts the containers and follows them.
    async fn attend(
        &mut self,
        crew: Crew,
        mut reports: mpsc::Receiver<(usize, Report)>,
        orders: watch::Sender<Order>,
    ) {
        let spec = self.pod.spec.clone().unwrap_or_default();
        let restart = restart_of(&self.pod);
        let mut tasks = JoinSet::new();
        for (position, container) in spec.containers.iter().enumerate() {
            let program = program::of_container(&self.host, &self.pod, container);
            tasks.spawn(crew.runner(container, program, restart, position).run());
        }
        // Reports end with the last container.
        drop(crew);
        let mut latest = self.latest.clone();
        loop {
            tokio::select! {
                report = reports.recv() => {
                    let Some((position, report)) = report else { break };
                    self.picture.main[position] = report;
                    self.publish();
                }
                grace = Self::asked_to_end(&mut latest), if !self.picture.ending => {
                    self.picture.ending = true;
                    orders.send_replace(Order::Stop(grace));
                }
            }
        }
        tasks.join_all().await;
        self.picture.ending |= ends_within(self.latest.borrow().as_ref()).is_some();
        self.publish();
    }

    /// Removes the sandbox, trying until it works.
    async fn leave(&mut self, sandbox: &Sandbox, name: &str) {
        let mut pause = FIRST_PAUSE;
        loop {
            let (host, pod) = (Arc::clone(&self.host), Arc::clone(&self.pod));
            let sandbox = sandbox.clone();
            let gone = tokio::task::spawn_blocking(move || sandbox.destroy(&host, &pod)).await;
            let Err(error) = gone.expect("removing a sandbox does not panic") else { return };
            let error = chain(&error);
            warn!(pod = name, node = self.host.name(), error, "sandbox stays");
            self.event("FailedKillPod", &format!("error killing pod: {error}")).await;
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Writes the last status, and deletes the pod once that is asked for.
    async fn end(self) {
        let Self { host, pod, mut latest, status, .. } = self;
        status.finish().await;
        Self::asked_to_end(&mut latest).await;
        let client = host.shared.cluster.client();
        while latest.borrow().is_some() {
            if Action::delete_now(pod.as_ref()).run(client).await.is_ok() {
                return;
            }
            sleep(LONGEST_PAUSE.min(Duration::from_secs(1))).await;
        }
    }

    async fn event(&self, reason: &str, message: &str) {
        let event = super::node::event(&self.host, &self.pod, reason, message);
        // Events are a courtesy.
        event.run(self.host.shared.cluster.client()).await.ok();
    }
}

/// What all runners of a pod share.
struct Crew {
    host: Arc<Host>,
    pod: Arc<Pod>,
    sandbox: Sandbox,
    sender: mpsc::Sender<(usize, Report)>,
    order: watch::Receiver<Order>,
}

impl Crew {
    fn runner(
        &self,
        container: &Container,
        program: Program,
        restart: Restart,
        position: usize,
    ) -> Runner {
        Runner {
            host: Arc::clone(&self.host),
            pod: Arc::clone(&self.pod),
            sandbox: self.sandbox.clone(),
            container: container.clone(),
            program,
            restart,
            position,
            reports: self.sender.clone(),
            orders: self.order.clone(),
        }
    }
}

/// Returns an error with all its sources, in one line.
fn chain(error: &SandboxError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

//! One pod, from its sandbox to its last container's end.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tracing::{info, warn};

use super::{
    host::Host,
    node::NO_NETWORK,
    past::Past,
    phase::Picture,
    process::Process,
    sandbox::{self, Left, Sandbox},
    shift::Shift,
    status::StatusWriter,
    volume::Volumes,
};
use crate::lab::cluster::{Action, Tone::Warning};

/// First pause after a sandbox could not be made or removed; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest such pause, containerd's.
const LONGEST_PAUSE: Duration = Duration::from_secs(12);
/// How often it is looked whether what a volume needs has come.
const LOOK: Duration = Duration::from_secs(1);

/// The latest version of a pod; none once it is gone from the API.
pub(super) type Latest = watch::Receiver<Option<Arc<Pod>>>;

/// Runs a pod to its end and removes it from the API when that was asked for.
pub(super) async fn run(host: Arc<Host>, pod: Arc<Pod>, latest: Latest) {
    let name = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
    let left = {
        let (host, pod) = (Arc::clone(&host), Arc::clone(&pod));
        let looked = tokio::task::spawn_blocking(move || Left::of(&host, &pod)).await;
        looked.expect("looking for a sandbox does not panic")
    };
    let status = StatusWriter::start(&host, Arc::clone(&pod), latest.clone());
    let addresses = host.plan.ips().collect();
    let picture = match &left {
        Left::Whole(sandbox) => {
            let runs = |container: &str| Process::is_left(&sandbox.group_of(container));
            Picture::new(&pod, addresses, Past::Alone(&runs))
        }
        Left::Nothing | Left::Part(_) => Picture::new(&pod, addresses, Past::Over),
    };
    let volumes = Volumes::new(Arc::clone(&host), Arc::clone(&pod));
    let over = picture.was_over(&pod);
    let mut life = Life { host, pod, latest, status, picture, volumes };
    let kept = match left {
        Left::Whole(sandbox) if !over => Some(sandbox),
        Left::Whole(sandbox) | Left::Part(sandbox) => {
            life.leave(&sandbox, &name).await;
            None
        }
        Left::Nothing => None,
    };
    let sandbox = match kept {
        Some(sandbox) => Some(life.take_over(sandbox, &name).await),
        // A pod that had ended before stays so.
        None if over => None,
        None => life.sandbox(&name).await,
    };
    if let Some(sandbox) = sandbox {
        life.live(&sandbox).await;
        life.leave(&sandbox, &name).await;
    }
    life.end().await;
}

/// A pod's life.
pub(super) struct Life {
    pub(super) host: Arc<Host>,
    pub(super) pod: Arc<Pod>,
    pub(super) latest: Latest,
    status: StatusWriter,
    pub(super) picture: Picture,
    pub(super) volumes: Volumes,
}

fn ends_within(latest: Option<&Arc<Pod>>) -> Option<Duration> {
    // Gone from the API: a forced deletion.
    let Some(pod) = latest else { return Some(Duration::ZERO) };
    pod.metadata.deletion_timestamp.as_ref()?;
    let seconds = pod.metadata.deletion_grace_period_seconds.unwrap_or(30);
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// Waits until the pod is to end; returns how long it may take.
pub(super) async fn asked_to_end(latest: &mut Latest) -> Duration {
    let found = latest.wait_for(|pod| ends_within(pod.as_ref()).is_some()).await;
    found.ok().and_then(|pod| ends_within(pod.as_ref())).unwrap_or(Duration::ZERO)
}

impl Life {
    /// Writes how the pod does.
    pub(super) fn publish(&mut self) {
        let latest = self.latest.borrow().clone();
        let status = self.picture.status(latest.as_ref().unwrap_or(&self.pod));
        self.status.set(status);
    }

    /// Goes on with a sandbox that an earlier process of the lab has made.
    async fn take_over(&mut self, sandbox: Sandbox, name: &str) -> Sandbox {
        info!(pod = name, node = self.host.name(), "sandbox taken over");
        self.picture.sandbox = true;
        self.picture.addresses.clone_from(&sandbox.addresses);
        let pod = Arc::clone(&self.pod);
        if let Err(error) = self.volumes.prepare(&pod).await {
            self.host.tell(&self.pod, Warning, "FailedMount", error.to_string());
        }
        // Nobody looks on any more.
        for container in pod.spec.iter().flat_map(|spec| spec.ephemeral_containers.iter().flatten())
        {
            let group = sandbox.group_of(&container.name);
            tokio::task::spawn_blocking(move || group.kill().ok()).await.ok();
        }
        sandbox
    }

    /// Makes volumes and sandbox, trying until it works or the pod is to end.
    async fn sandbox(&mut self, name: &str) -> Option<Sandbox> {
        let mut pause = FIRST_PAUSE;
        loop {
            if ends_within(self.latest.borrow().as_ref()).is_some() {
                return None;
            }
            let pod = Arc::clone(&self.pod);
            if let Err(error) = self.volumes.prepare(&pod).await {
                self.publish();
                self.host.tell(&self.pod, Warning, "FailedMount", error.to_string());
                timeout(LOOK, asked_to_end(&mut self.latest)).await.ok();
                continue;
            }
            if !self.joins_network().await {
                continue;
            }
            let (host, mounts) = (Arc::clone(&self.host), self.volumes.mounts());
            let making = move || Sandbox::create(&host, &pod, &mounts);
            let made = self.host.works.spawn_blocking(making);
            match made.await.expect("making a sandbox does not panic") {
                Ok(sandbox) => {
                    info!(pod = name, node = self.host.name(), addresses = ?sandbox.addresses, "sandbox made");
                    self.picture.sandbox = true;
                    self.picture.addresses.clone_from(&sandbox.addresses);
                    return Some(sandbox);
                }
                Err(error) => {
                    self.volumes.forget();
                    let error = crate::kubernetes::chain(&error);
                    warn!(pod = name, node = self.host.name(), error, "no sandbox");
                    self.publish();
                    let text = format!("Failed to create pod sandbox: {error}");
                    self.host.tell(&self.pod, Warning, "FailedCreatePodSandBox", text);
                }
            }
            timeout(pause, asked_to_end(&mut self.latest)).await.ok();
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits until there is a network to join, for a pod that has to; tells whether there is, or the pod is to
    /// end before.
    async fn joins_network(&mut self) -> bool {
        let mut network = self.host.network.subscribe();
        if sandbox::is_on_host(&self.pod) || *network.borrow() {
            return true;
        }
        self.publish();
        let text = format!("network is not ready: {NO_NETWORK}");
        self.host.tell(&self.pod, Warning, "NetworkNotReady", text);
        tokio::select! {
            ready = network.wait_for(|ready| *ready) => ready.is_ok(),
            _ = asked_to_end(&mut self.latest) => false,
        }
    }

    /// Runs the containers until all have ended for good.
    async fn live(&mut self, sandbox: &Sandbox) {
        Shift::new(self, sandbox).work(self).await;
        self.host.shared.backend.remove(&self.pod.uid().unwrap_or_default());
        self.picture.ending |= ends_within(self.latest.borrow().as_ref()).is_some();
        self.publish();
    }

    /// Removes the sandbox, trying until it works.
    async fn leave(&mut self, sandbox: &Sandbox, name: &str) {
        let mut pause = FIRST_PAUSE;
        loop {
            let (host, uid) = (Arc::clone(&self.host), self.pod.uid().unwrap_or_default());
            let sandbox = sandbox.clone();
            let removing = move || sandbox.destroy(&host, &uid);
            let gone = self.host.works.spawn_blocking(removing).await;
            let Err(error) = gone.expect("removing a sandbox does not panic") else { return };
            let error = crate::kubernetes::chain(&error);
            warn!(pod = name, node = self.host.name(), error, "sandbox stays");
            self.host.tell(
                &self.pod,
                Warning,
                "FailedKillPod",
                format!("error killing pod: {error}"),
            );
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Writes the last status, and deletes the pod once that is asked for.
    async fn end(self) {
        let Self { host, pod, mut latest, status, .. } = self;
        status.finish().await;
        asked_to_end(&mut latest).await;
        let client = host.shared.cluster.client();
        while latest.borrow().is_some() {
            host.power.running().await;
            if Action::delete_now(pod.as_ref()).run(client).await.is_ok() {
                return;
            }
            sleep(LOOK).await;
        }
    }
}

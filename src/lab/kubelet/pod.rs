//! One pod, from its sandbox to its last container's end.

use std::{collections::HashSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};
use tracing::{info, warn};

use super::{
    backend::Running,
    container::Runner,
    crew::{Crew, Slot, is_sidecar},
    host::Host,
    past::Past,
    phase::Picture,
    process::Process,
    report::{Order, Report, State},
    sandbox::{Left, Sandbox},
    status::StatusWriter,
    volume::Volumes,
};
use crate::lab::cluster::{
    Action,
    Tone::{Normal, Warning},
};

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
struct Life {
    host: Arc<Host>,
    pod: Arc<Pod>,
    latest: Latest,
    status: StatusWriter,
    picture: Picture,
    volumes: Volumes,
}

fn ends_within(latest: Option<&Arc<Pod>>) -> Option<Duration> {
    // Gone from the API: a forced deletion.
    let Some(pod) = latest else { return Some(Duration::ZERO) };
    pod.metadata.deletion_timestamp.as_ref()?;
    let seconds = pod.metadata.deletion_grace_period_seconds.unwrap_or(30);
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// Waits until the pod is to end; returns how long it may take.
async fn asked_to_end(latest: &mut Latest) -> Duration {
    let found = latest.wait_for(|pod| ends_within(pod.as_ref()).is_some()).await;
    found.ok().and_then(|pod| ends_within(pod.as_ref())).unwrap_or(Duration::ZERO)
}

impl Life {
    fn publish(&mut self) {
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
            let (host, mounts) = (Arc::clone(&self.host), self.volumes.mounts());
            let made = tokio::task::spawn_blocking(move || Sandbox::create(&host, &pod, &mounts));
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

    /// Runs the containers until all have ended for good.
    async fn live(&mut self, sandbox: &Sandbox) {
        let (sender, reports) = mpsc::channel(64);
        let running = Arc::new(Running::new(&self.host, &self.pod, sandbox));
        self.host.shared.backend.insert(Arc::clone(&running));
        let crew = Crew {
            host: Arc::clone(&self.host),
            pod: Arc::clone(&self.pod),
            sandbox: sandbox.clone(),
            running,
            reports: sender,
            before: self.picture.reports(),
            orders: watch::Sender::new(Order::Run),
            last_orders: watch::Sender::new(Order::Run),
        };
        let seconds = self.pod.spec.as_ref().and_then(|spec| spec.active_deadline_seconds);
        let lived = Timestamp::now().duration_since(self.picture.started).unsigned_abs();
        let left = |seconds| Duration::from_secs(seconds).saturating_sub(lived);
        let deadline = seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(left);
        let shift = Shift {
            crew,
            reports,
            tasks: JoinSet::new(),
            done: HashSet::new(),
            deadline: deadline.map(|left| Instant::now() + left),
            ends: None,
        };
        shift.work(self).await;
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
            let gone = tokio::task::spawn_blocking(move || sandbox.destroy(&host, &uid)).await;
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

/// The containers at work.
struct Shift {
    crew: Crew,
    reports: mpsc::Receiver<(Slot, Report)>,
    tasks: JoinSet<(Slot, Report)>,
    done: HashSet<Slot>,
    /// When the pod is to have ended by itself.
    deadline: Option<Instant>,
    /// Until when the pod may take to end, once it is to.
    ends: Option<Instant>,
}

impl Shift {
    /// Init containers one after the other, then all others, then sidecars' ends.
    async fn work(mut self, life: &mut Life) {
        let spec = life.pod.spec.clone().unwrap_or_default();
        let mut ready = true;
        for (position, container) in spec.init_containers.iter().flatten().enumerate() {
            let slot = Slot::Init(position);
            life.publish();
            self.start(slot, self.crew.init(position, container));
            let sidecar = is_sidecar(container);
            self.pump(life, move |shift, picture| {
                shift.done.contains(&slot) || sidecar && picture.init[position].started
            })
            .await;
            let fine = match &life.picture.init[position].state {
                State::Ended(end) => end.code == 0,
                _ => sidecar,
            };
            if !fine || self.ends.is_some() {
                ready = false;
                break;
            }
        }
        if ready {
            for (position, container) in spec.containers.iter().enumerate() {
                self.start(Slot::Main(position), self.crew.main(position, container));
            }
            let count = spec.containers.len();
            self.pump(life, |shift, _| {
                (0..count).all(|position| shift.done.contains(&Slot::Main(position)))
            })
            .await;
        }
        let left = self.ends.map_or(Duration::from_secs(30), |ends| {
            ends.saturating_duration_since(Instant::now()).max(Duration::from_secs(1))
        });
        self.crew.last_orders.send_replace(Order::Stop(left));
        self.pump(life, |shift, _| shift.tasks.is_empty()).await;
    }

    fn start(&mut self, slot: Slot, runner: Runner) {
        self.tasks.spawn(async move { (slot, runner.run().await) });
    }

    /// Follows the containers until something is reached.
    async fn pump(&mut self, life: &mut Life, reached: impl Fn(&Self, &Picture) -> bool) {
        let mut latest = life.latest.clone();
        let mut news = life.latest.clone();
        let mut refresh = life.host.shared.cluster.changes();
        while !reached(self, &life.picture) {
            self.debug(life);
            tokio::select! {
                Some((slot, report)) = self.reports.recv() => {
                    if !self.done.contains(&slot) {
                        life.picture.set(slot, report);
                        life.publish();
                    }
                }
                Some(ended) = self.tasks.join_next() => {
                    let (slot, report) = ended.expect("a container's task does not panic");
                    self.done.insert(slot);
                    life.picture.set(slot, report);
                    life.publish();
                }
                grace = asked_to_end(&mut latest), if self.ends.is_none() => {
                    life.picture.ending = true;
                    self.end_within(grace);
                }
                () = until(self.deadline), if self.ends.is_none() => {
                    let text = "Pod was active on the node longer than the specified deadline";
                    life.host.tell(&life.pod, Normal, "DeadlineExceeded", text);
                    life.picture.fail("DeadlineExceeded", text);
                    self.end_within(Duration::from_secs(30));
                }
                // New ephemeral containers are looked for above; readiness gates may have opened,
                // and others may have written the status.
                Ok(()) = news.changed() => life.publish(),
                // One after the other, at most every second: volumes follow their objects.
                () = settled(&mut refresh), if life.volumes.may_change() && self.ends.is_none() => {
                    let pod = life.latest.borrow().clone();
                    if let Some(pod) = pod
                        && let Err(error) = life.volumes.prepare(&pod).await
                    {
                        life.host.tell(&pod, Warning, "FailedMount", error.to_string());
                    }
                }
            }
        }
    }

    fn end_within(&mut self, grace: Duration) {
        self.ends = Some(Instant::now() + grace);
        self.crew.orders.send_replace(Order::Stop(grace));
    }

    /// Starts ephemeral containers that have been added.
    fn debug(&mut self, life: &mut Life) {
        let Some(pod) = life.latest.borrow().clone().filter(|_| self.ends.is_none()) else {
            return;
        };
        let wanted = pod.spec.as_ref().and_then(|spec| spec.ephemeral_containers.clone());
        let known = life.picture.ephemeral.len();
        for (position, container) in wanted.unwrap_or_default().iter().enumerate().skip(known) {
            life.picture.ephemeral.push(Report::default());
            self.start(Slot::Ephemeral(position), self.crew.ephemeral(position, container));
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Waits for a change of the cluster, and lets others come.
async fn settled(changes: &mut watch::Receiver<u64>) {
    if changes.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    sleep(LOOK).await;
}

//! A pod's containers at work: in their order, until all have ended for good.

use std::{collections::HashSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{
    backend::Running,
    container::Runner,
    crew::{Crew, Slot, is_sidecar},
    phase::Picture,
    pod::{Life, asked_to_end},
    report::{Order, Report, State},
    sandbox::Sandbox,
};
use crate::lab::cluster::Tone::{Normal, Warning};

/// How often volumes are brought up to date at most.
const PACE: Duration = Duration::from_secs(1);

/// The containers at work.
pub(super) struct Shift {
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
    /// Makes ready for a pod's containers, and lets others look into them.
    pub(super) fn new(life: &Life, sandbox: &Sandbox) -> Self {
        let (sender, reports) = mpsc::channel(64);
        let running = Arc::new(Running::new(&life.host, &life.pod, sandbox));
        life.host.shared.backend.insert(Arc::clone(&running));
        let crew = Crew {
            host: Arc::clone(&life.host),
            pod: Arc::clone(&life.pod),
            sandbox: sandbox.clone(),
            running,
            reports: sender,
            before: life.picture.reports(),
            orders: watch::Sender::new(Order::Run),
            last_orders: watch::Sender::new(Order::Run),
        };
        let seconds = life.pod.spec.as_ref().and_then(|spec| spec.active_deadline_seconds);
        let lived = Timestamp::now().duration_since(life.picture.started).unsigned_abs();
        let left = |seconds| Duration::from_secs(seconds).saturating_sub(lived);
        let deadline = seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(left);
        Self {
            crew,
            reports,
            tasks: JoinSet::new(),
            done: HashSet::new(),
            deadline: deadline.map(|left| Instant::now() + left),
            ends: None,
        }
    }

    /// Init containers one after the other, then all others, then sidecars' ends.
    pub(super) async fn work(mut self, life: &mut Life) {
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
    sleep(PACE).await;
}

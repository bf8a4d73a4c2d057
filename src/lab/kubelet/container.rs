//! One container: its process, its restarts, its end.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout},
};
use tracing::debug;

use super::{
    console::Console,
    crew::Slot,
    hooks,
    host::Host,
    probe::{self, Health},
    process::Process,
    program::Program,
    report::{End, Order, Report, Restart, State},
    sandbox::Sandbox,
    start::{self, Started},
};
use crate::lab::{
    cluster::Tone::{self, Normal, Warning},
    host::cgroup::Cgroup,
};

/// The first pause between restarts; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between restarts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A container that ran this long starts with the first pause again.
const GOOD_RUN: Duration = Duration::from_secs(60);
/// How often it is looked whether what a container needs has come.
const LOOK: Duration = Duration::from_secs(1);

/// One container of a pod.
pub(super) struct Runner {
    pub(super) host: Arc<Host>,
    pub(super) pod: Arc<Pod>,
    pub(super) sandbox: Sandbox,
    pub(super) container: Container,
    pub(super) program: Program,
    pub(super) restart: Restart,
    pub(super) console: Arc<Console>,
    /// Which container of the pod it is, sent with every report.
    pub(super) slot: Slot,
    pub(super) reports: mpsc::Sender<(Slot, Report)>,
    /// The state when the kubelet began: from before its node or the lab's process went away.
    pub(super) before: Report,
    pub(super) orders: watch::Receiver<Order>,
}

impl Runner {
    /// Runs the container, again and again as its policy says, until it is told to stop.
    pub(super) async fn run(mut self) -> Report {
        let mut report = self.before.clone();
        let mut pause = FIRST_PAUSE;
        // While nobody looked.
        let mut ended = match &report.state {
            State::Ended(end) => Some(end.clone()),
            _ => None,
        };
        loop {
            let end = match ended.take() {
                Some(end) => Some(end),
                None => self.run_once(&mut report).await,
            };
            let Some(end) = end else { return report };
            let ran = end.finished.duration_since(end.started).unsigned_abs();
            report.ready = false;
            report.started = false;
            report.state = State::Ended(end.clone());
            self.report(&report).await;
            if !self.restart.again(end.code) || self.is_stopped() {
                return report;
            }
            pause = if ran >= GOOD_RUN { FIRST_PAUSE } else { pause };
            if report.restarts > 0 {
                report.state = self.crash_loop(pause);
                report.last = Some(end.clone());
                self.report(&report).await;
                if !self.rest(pause).await {
                    report.state = State::Ended(end);
                    return report;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            report.last = Some(end);
            report.restarts += 1;
        }
    }

    fn crash_loop(&self, pause: Duration) -> State {
        let name = &self.container.name;
        let (namespace, uid) = (self.pod.namespace().unwrap_or_default(), self.pod.uid());
        let pod = format!("{}_{namespace}({})", self.pod.name_any(), uid.unwrap_or_default());
        let text = format!("Back-off restarting failed container {name} in pod {pod}");
        self.tell(Warning, "BackOff", text);
        let message = format!("back-off {pause:?} restarting failed container={name} pod={pod}");
        State::Waiting { reason: "CrashLoopBackOff", message }
    }

    fn is_stopped(&self) -> bool {
        *self.orders.borrow() != Order::Run
    }

    /// Waits; false when told to stop meanwhile.
    async fn rest(&mut self, pause: Duration) -> bool {
        let stopped = self.orders.wait_for(|order| *order != Order::Run);
        timeout(pause, stopped).await.is_err()
    }

    async fn report(&self, report: &Report) {
        // The pod's task outlives its containers'; if it does not, nobody wants to know.
        self.reports.send((self.slot, report.clone())).await.ok();
    }

    fn tell(&self, tone: Tone, reason: &'static str, message: impl Into<String>) {
        self.host.tell(&self.pod, tone, reason, message);
    }

    /// Runs the container to its end; none when it was told to stop before it could begin.
    async fn run_once(&mut self, report: &mut Report) -> Option<End> {
        if let State::Running(started) = report.state
            && let Some(process) = Started::kept(self, report.restarts)
        {
            report.started |= self.container.startup_probe.is_none();
            report.ready |= report.started && self.container.readiness_probe.is_none();
            self.report(report).await;
            return Some(self.see_out(process, started, Ok(()), report).await);
        }
        let mut started = Timestamp::now();
        let end = |started, code, reason, message| {
            Some(End { code, reason, message, started, finished: Timestamp::now() })
        };
        if self.program == Program::Done {
            start::leave_empty_log(self, report.restarts);
            return end(started, 0, "Completed", String::new());
        }
        let mut process = loop {
            if self.is_stopped() {
                return None;
            }
            started = Timestamp::now();
            match start::start(self, report.restarts) {
                Ok(process) => break process,
                Err(start::StartError::Config(missing)) => {
                    let message = missing.to_string();
                    self.tell(Warning, "Failed", format!("Error: {message}"));
                    report.state = State::Waiting { reason: "CreateContainerConfigError", message };
                    self.report(report).await;
                    self.rest(LOOK).await;
                }
                Err(error) => {
                    debug!(container = self.container.name, %error, "cannot start");
                    let message = error.to_string();
                    self.tell(Warning, "Failed", format!("Error: {message}"));
                    return end(started, 128, "StartError", message);
                }
            }
        };
        process.listens().await;
        self.tell(Normal, "Started", format!("Started container {}", self.container.name));
        report.state = State::Running(started);
        report.started = self.container.startup_probe.is_none();
        report.ready = report.started && self.container.readiness_probe.is_none();
        let begun = hooks::post_start(self).await;
        self.report(report).await;
        Some(self.see_out(process, started, begun, report).await)
    }

    /// Follows a process to its end, which comes at once when its hook has failed.
    async fn see_out(
        &self,
        mut process: Started,
        started: Timestamp,
        begun: Result<(), String>,
        report: &mut Report,
    ) -> End {
        let code = match begun {
            Ok(()) => self.watch(&mut process, report).await,
            Err(reason) => {
                self.tell(Warning, "FailedPostStartHook", reason);
                self.stop(&mut process.process, self.grace()).await
            }
        };
        let reason = process.process.reason(code);
        // Children that the process left behind do not outlive the container.
        let cgroup = self.cgroup();
        tokio::task::spawn_blocking(move || cgroup.kill()).await.ok();
        self.console.close();
        process.finish().await;
        End { code, reason, message: String::new(), started, finished: Timestamp::now() }
    }

    /// Returns the container's control group.
    pub(super) fn cgroup(&self) -> Cgroup {
        self.sandbox.group_of(&self.container.name)
    }

    /// Returns the control group of commands beside the container's process.
    pub(super) fn aside(&self) -> Cgroup {
        aside(&self.cgroup())
    }

    /// Waits for the end of the process, probing it, and brings it about when told to.
    async fn watch(&self, process: &mut Started, report: &mut Report) -> i32 {
        let (news, mut health) = mpsc::channel(8);
        let probes = probe::start(self, &news);
        drop(news);
        let mut orders = self.orders.clone();
        let child = &mut process.process;
        let code = loop {
            tokio::select! {
                code = child.wait() => break code,
                grace = told_to_stop(&mut orders) => {
                    report.ready = false;
                    self.report(report).await;
                    break self.stop(child, grace).await;
                }
                Some(news) = health.recv() => match news {
                    Health::Dead { probe, grace } => {
                        let name = &self.container.name;
                        let text = format!("Container {name} failed {probe} probe, will be restarted");
                        self.tell(Normal, "Killing", text);
                        break self.stop(child, grace.unwrap_or_else(|| self.grace())).await;
                    }
                    Health::Started => {
                        report.started = true;
                        report.ready = self.container.readiness_probe.is_none();
                        self.report(report).await;
                    }
                    Health::Ready(ready) => {
                        if report.ready != (ready && report.started) {
                            report.ready = ready && report.started;
                            self.report(report).await;
                        }
                    }
                },
            }
        };
        drop(probes);
        code
    }

    fn grace(&self) -> Duration {
        let seconds = self.pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds);
        Duration::from_secs(u64::try_from(seconds.unwrap_or(30)).unwrap_or(0))
    }

    /// Asks the process to end, and ends everything in its group when it has not after `grace`;
    /// the hook before counts towards it.
    async fn stop(&self, child: &mut Process, grace: Duration) -> i32 {
        let deadline = Instant::now() + grace;
        if self.is_stopped() {
            self.tell(Normal, "Killing", format!("Stopping container {}", self.container.name));
        }
        // A container that ends by itself meanwhile has ended.
        if !grace.is_zero() {
            let hook = hooks::pre_stop(self, grace);
            tokio::select! {
                done = hook => if let Err(reason) = done {
                    self.tell(Warning, "FailedPreStopHook", reason);
                },
                code = child.wait() => return code,
            }
        }
        // The id is there until the process has been waited for, so it cannot be another's.
        if let Some(id) = child.id()
            && !grace.is_zero()
        {
            kill(Pid::from_raw(id), Signal::SIGTERM).ok();
            if let Ok(code) = tokio::time::timeout_at(deadline, child.wait()).await {
                return code;
            }
        }
        let cgroup = self.cgroup();
        tokio::task::spawn_blocking(move || cgroup.kill()).await.ok();
        child.wait().await
    }
}

/// Waits for the order to stop; returns how long that may take.
async fn told_to_stop(orders: &mut watch::Receiver<Order>) -> Duration {
    match orders.wait_for(|order| *order != Order::Run).await.map(|order| *order) {
        Ok(Order::Stop(grace)) => grace,
        _ => Duration::ZERO,
    }
}

/// Returns the control group of commands beside a container's process: what is in the container's
/// own is the process that it was started with, and that one's children.
pub(super) fn aside(container: &Cgroup) -> Cgroup {
    container.child("aside")
}

//! One container: its process, its restarts, its end.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::{fs::OpenOptionsExt, net::UnixStream},
    path::PathBuf,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    sync::{mpsc, watch},
    time::{Instant, sleep, timeout},
};
use tracing::debug;

use super::{
    environment,
    host::Host,
    probe::{self, Health},
    program::Program,
    sandbox::Sandbox,
};
use crate::lab::host::{cgroup::Cgroup, launch::Entry};

/// How long a stand-in may take to listen before it counts as started anyway.
const LISTENS_WITHIN: Duration = Duration::from_secs(5);
/// The first pause between restarts; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between restarts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A container that ran this long starts with the first pause again.
const GOOD_RUN: Duration = Duration::from_secs(60);

/// How a container does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// Not running, for a reason.
    Waiting(&'static str),
    /// Running since.
    Running(Timestamp),
    /// Ended.
    Ended(End),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct End {
    pub(super) code: i32,
    pub(super) reason: &'static str,
    pub(super) started: Timestamp,
    pub(super) finished: Timestamp,
}

/// Everything status says about a container.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Report {
    pub(super) state: State,
    pub(super) last: Option<End>,
    pub(super) restarts: u32,
    pub(super) ready: bool,
    pub(super) started: bool,
}

impl Default for Report {
    fn default() -> Self {
        let state = State::Waiting("ContainerCreating");
        Self { state, last: None, restarts: 0, ready: false, started: false }
    }
}

/// When a container is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restart {
    Always,
    OnFailure,
    Never,
}

/// What a container's task is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Run.
    Run,
    /// End within this time.
    Stop(Duration),
}

/// One container of a pod.
pub(super) struct Runner {
    pub(super) host: Arc<Host>,
    pub(super) pod: Arc<Pod>,
    pub(super) sandbox: Sandbox,
    pub(super) container: Container,
    pub(super) program: Program,
    pub(super) restart: Restart,
    /// Position among the pod's containers, sent with every report.
    pub(super) position: usize,
    pub(super) reports: mpsc::Sender<(usize, Report)>,
    pub(super) orders: watch::Receiver<Order>,
}

impl Runner {
    /// Runs the container, again and again as its policy says, until it is told to stop.
    pub(super) async fn run(mut self) -> Report {
        let mut report = Report::default();
        let mut pause = FIRST_PAUSE;
        loop {
            let end = self.run_once(&mut report).await;
            let ran = end.finished.duration_since(end.started).unsigned_abs();
            let again = match self.restart {
                Restart::Always => true,
                Restart::OnFailure => end.code != 0,
                Restart::Never => false,
            };
            report.ready = false;
            report.started = false;
            report.state = State::Ended(end.clone());
            self.report(&report).await;
            if !again || self.is_stopped() {
                return report;
            }
            pause = if ran >= GOOD_RUN { FIRST_PAUSE } else { pause };
            if report.restarts > 0 {
                report.state = State::Waiting("CrashLoopBackOff");
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
        self.reports.send((self.position, report.clone())).await.ok();
    }

    async fn run_once(&mut self, report: &mut Report) -> End {
        let started = Timestamp::now();
        let end = |code, reason| End { code, reason, started, finished: Timestamp::now() };
        if self.program == Program::Done {
            return end(0, "Completed");
        }
        let (mut child, signal) = match self.start(report.restarts) {
            Ok(started) => started,
            Err(error) => {
                debug!(container = self.container.name, %error, "cannot start");
                return end(128, "StartError");
            }
        };
        if let Some(signal) = signal {
            listens(signal, &mut child).await;
        }
        report.state = State::Running(started);
        report.started = self.container.startup_probe.is_none();
        report.ready = report.started && self.container.readiness_probe.is_none();
        self.report(report).await;
        let code = self.watch(&mut child, report).await;
        // Children that the process left behind do not outlive the container.
        let cgroup = self.cgroup();
        tokio::task::spawn_blocking(move || cgroup.kill()).await.ok();
        end(code, if code == 0 { "Completed" } else { "Error" })
    }

    fn cgroup(&self) -> Cgroup {
        self.sandbox.cgroup.child(&self.container.name)
    }

    /// Starts the process; with a stand-in comes the end of a line on which it hangs up as soon as
    /// it listens.
    fn start(&self, run: u32) -> io::Result<(Child, Option<UnixStream>)> {
        let cgroup = self.cgroup();
        cgroup.create().map_err(io::Error::other)?;
        let (command, signal) = match &self.program {
            Program::StandIn(command) => (command.clone(), Some(UnixStream::pair()?)),
            Program::Command(command) => (command.clone(), None),
            Program::Done => unreachable!("nothing to start"),
        };
        let entry = Entry {
            cgroup: Some(cgroup.path().to_owned()),
            places: self.sandbox.places.clone(),
            session: true,
            command,
        };
        let (near, far) = signal.unzip();
        let log = log_file(self.log_path(run))?;
        let mut command = Command::from(entry.to_command());
        let variables =
            environment::variables(&self.host, &self.pod, &self.container, &self.sandbox);
        command
            .env_clear()
            .envs(variables)
            .current_dir("/")
            .stdin(far.map_or_else(Stdio::null, |far: UnixStream| {
                Stdio::from(std::os::fd::OwnedFd::from(far))
            }))
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok((command.spawn()?, near))
    }

    fn log_path(&self, run: u32) -> PathBuf {
        let dir = self.host.pod_logs(&self.pod).join(&self.container.name);
        dir.join(format!("{run}.log"))
    }

    /// Waits for the end of the process, probing it, and brings it about when told to.
    async fn watch(&mut self, child: &mut Child, report: &mut Report) -> i32 {
        let (news, mut health) = mpsc::channel(8);
        let address = self.sandbox.addresses.first().copied();
        let probes =
            probe::start(&self.host, &self.pod, &self.sandbox, &self.container, address, &news);
        drop(news);
        let mut orders = self.orders.clone();
        let code = loop {
            tokio::select! {
                status = child.wait() => break exit_code(status),
                grace = told_to_stop(&mut orders) => break self.stop(child, grace).await,
                Some(news) = health.recv() => match news {
                    Health::Dead => break self.stop(child, self.grace()).await,
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

    /// Asks the process to end, and ends everything in its group when it has not after `grace`.
    async fn stop(&self, child: &mut Child, grace: Duration) -> i32 {
        let deadline = Instant::now() + grace;
        // The id is there until the process has been waited for, so it cannot be another's.
        if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok())
            && !grace.is_zero()
        {
            kill(Pid::from_raw(id), Signal::SIGTERM).ok();
            if let Ok(status) = tokio::time::timeout_at(deadline, child.wait()).await {
                return exit_code(status);
            }
        }
        let cgroup = self.cgroup();
        tokio::task::spawn_blocking(move || cgroup.kill()).await.ok();
        exit_code(child.wait().await)
    }
}

/// Waits for the order to stop; returns how long that may take.
async fn told_to_stop(orders: &mut watch::Receiver<Order>) -> Duration {
    match orders.wait_for(|order| *order != Order::Run).await.map(|order| *order) {
        Ok(Order::Stop(grace)) => grace,
        _ => Duration::ZERO,
    }
}

/// As shells say it: the exit code, or 128 and the number of the signal.
fn exit_code(status: io::Result<std::process::ExitStatus>) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.map_or(255, |status| {
        status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255)
    })
}

fn log_file(path: PathBuf) -> io::Result<fs::File> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Waits until a stand-in hangs up, which it does when it listens and when it ends.
async fn listens(signal: UnixStream, child: &mut Child) {
    let line = signal.set_nonblocking(true).and_then(|()| tokio::net::UnixStream::from_std(signal));
    if let Ok(mut line) = line {
        tokio::select! {
            _ = line.read_u8() => {}
            _ = child.wait() => {}
            () = sleep(LISTENS_WITHIN) => {}
        }
    }
}

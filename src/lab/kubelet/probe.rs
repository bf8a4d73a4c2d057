//! Probes: asked from the node, as kubelet does.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    path::PathBuf,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use k8s_openapi::api::core::v1::{Container, Pod, Probe};
use tokio::{
    process::Command,
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{environment, host::Host, program::probe_port, sandbox::Sandbox};
use crate::lab::host::{
    launch::Entry,
    namespace::{self, NamespaceError},
};

/// What probes find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// The startup probe succeeded.
    Started,
    /// The readiness probe's answer.
    Ready(bool),
    /// A liveness or startup probe failed too often.
    Dead,
}

/// How a probe asks.
#[derive(Clone, Debug)]
enum Ask {
    Http { address: SocketAddr, request: String },
    Tcp(SocketAddr),
    Exec { entry: Box<Entry>, variables: Vec<(String, String)> },
}

/// A probe, with Kubernetes' defaults filled in.
struct Schedule {
    ask: Ask,
    place: PathBuf,
    delay: Duration,
    period: Duration,
    patience: Duration,
    successes: u32,
    failures: u32,
    /// Ask often until the first success: nothing is lost by a failure, and servers start within
    /// milliseconds here.
    eager: bool,
}

/// Starts a container's probes; they end when the returned set is dropped.
pub(super) fn start(
    host: &Arc<Host>,
    pod: &Pod,
    sandbox: &Sandbox,
    container: &Container,
    address: Option<IpAddr>,
    news: &mpsc::Sender<Health>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let schedule = |probe: &Option<Probe>| {
        let probe = probe.as_ref()?;
        Schedule::new(host, pod, sandbox, container, address?, probe)
    };
    let startup = schedule(&container.startup_probe);
    let mut readiness = schedule(&container.readiness_probe);
    readiness.iter_mut().for_each(|schedule| schedule.eager = true);
    let liveness = schedule(&container.liveness_probe);
    let news = news.clone();
    tasks.spawn(async move {
        if let Some(startup) = startup {
            let found = startup.settle().await;
            let alive = found == Some(true);
            if news.send(if alive { Health::Started } else { Health::Dead }).await.is_err()
                || !alive
            {
                return;
            }
        }
        let ready = async {
            if let Some(schedule) = readiness {
                schedule.follow(|ok| news.send(Health::Ready(ok))).await;
            }
        };
        let alive = async {
            if let Some(schedule) = liveness {
                let died = |ok: bool| {
                    let news = &news;
                    async move { if ok { Ok(()) } else { news.send(Health::Dead).await } }
                };
                schedule.follow(died).await;
            }
        };
        tokio::join!(ready, alive);
    });
    tasks
}

fn seconds(value: Option<i32>, default: u64, least: u64) -> Duration {
    let value = value.and_then(|value| u64::try_from(value).ok()).unwrap_or(default);
    Duration::from_secs(value.max(least))
}

impl Schedule {
    fn new(
        host: &Arc<Host>,
        pod: &Pod,
        sandbox: &Sandbox,
        container: &Container,
        address: IpAddr,
        probe: &Probe,
    ) -> Option<Self> {
        let times = |value: Option<i32>, default| {
            value.and_then(|value| u32::try_from(value).ok()).unwrap_or(default).max(1)
        };
        let target = |host: Option<&String>| {
            let address = host.and_then(|host| host.parse().ok()).unwrap_or(address);
            Some(SocketAddr::new(address, probe_port(probe, container)?))
        };
        let ask = if let Some(exec) = &probe.exec {
            let entry = Entry {
                cgroup: Some(sandbox.cgroup.child(&container.name).path().to_owned()),
                places: sandbox.places.clone(),
                session: true,
                command: exec.command.iter().flatten().map(OsString::from).collect(),
            };
            let variables = environment::variables(host, pod, container, sandbox);
            Ask::Exec { entry: Box::new(entry), variables }
        } else if let Some(http) = &probe.http_get {
            let address = target(http.host.as_ref())?;
            let path = http.path.as_deref().unwrap_or("/");
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: kube-probe/1.36\r\nConnection: close\r\n\r\n"
            );
            // The lab has no images, so no certificates: an HTTPS probe asks for a connection only.
            if http.scheme.as_deref() == Some("HTTPS") {
                Ask::Tcp(address)
            } else {
                Ask::Http { address, request }
            }
        } else {
            Ask::Tcp(target(probe.tcp_socket.as_ref().and_then(|tcp| tcp.host.as_ref()))?)
        };
        Some(Self {
            ask,
            place: host.place(),
            delay: seconds(probe.initial_delay_seconds, 0, 0),
            period: seconds(probe.period_seconds, 10, 1),
            patience: seconds(probe.timeout_seconds, 1, 1),
            successes: times(probe.success_threshold, 1),
            failures: times(probe.failure_threshold, 3),
            eager: false,
        })
    }

    /// Asks until the answer is certain.
    async fn settle(&self) -> Option<bool> {
        let (sender, mut receiver) = mpsc::channel(1);
        tokio::select! {
            () = self.follow(|ok| sender.send(ok)) => None,
            found = receiver.recv() => found,
        }
    }

    /// Asks for ever, and tells each time the answer has become certain or stays so.
    async fn follow<F: Future<Output = Result<(), E>>, E>(&self, tell: impl Fn(bool) -> F) {
        sleep(self.delay).await;
        let (mut good, mut bad) = (0, 0);
        let mut was_ok = false;
        loop {
            let ok = self.ask().await;
            (good, bad) = if ok { (good + 1, 0) } else { (0, bad + 1) };
            let certain = good >= self.successes || bad >= self.failures;
            if certain && tell(ok).await.is_err() {
                return;
            }
            was_ok |= ok;
            sleep(if self.eager && !was_ok { hurry(bad) } else { self.period }).await;
        }
    }

    async fn ask(&self) -> bool {
        let place = self.place.clone();
        let patience = self.patience;
        match &self.ask {
            Ask::Tcp(address) => {
                let address = *address;
                blocking(place, move || TcpStream::connect_timeout(&address, patience).map(drop))
                    .await
                    .is_ok()
            }
            Ask::Http { address, request } => {
                let (address, request) = (*address, request.clone());
                blocking(place, move || http(address, &request, patience)).await.is_ok()
            }
            Ask::Exec { entry, variables } => {
                let mut command = Command::from(entry.to_command());
                command.env_clear().envs(variables.clone()).current_dir("/").kill_on_drop(true);
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                let status = timeout(patience, async { command.status().await }).await;
                status.is_ok_and(|status| status.is_ok_and(|status| status.success()))
            }
        }
    }
}

/// Returns the pause before an eager probe asks again: 50 ms at first, a second at last.
fn hurry(failed: u32) -> Duration {
    Duration::from_millis(50) * failed.clamp(1, 20)
}

/// Runs blocking network work in the node's namespaces.
async fn blocking(
    place: PathBuf,
    work: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let inside = move || {
        namespace::run_in(&[place], || Ok::<_, NamespaceError>(work())).map_err(io::Error::other)?
    };
    tokio::task::spawn_blocking(inside).await.map_err(io::Error::other)?
}

fn http(address: SocketAddr, request: &str, patience: Duration) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(request.as_bytes())?;
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    let code = start.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    match code {
        Some([b'2' | b'3', _, _]) => Ok(()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

//! Probes: asked from the node, as kubelet does.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use k8s_openapi::api::core::v1::{HTTPGetAction, Pod, Probe};
use tokio::{
    process::Command,
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    container::Runner,
    environment,
    host::Host,
    program::{Program, probe_port},
};
use crate::lab::{
    cluster::Tone,
    host::{
        launch::Entry,
        namespace::{self, NamespaceError},
    },
};

/// How much of a command's output an event repeats.
const SHOWN: usize = 1024;

/// What probes find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// The startup probe succeeded.
    Started,
    /// The readiness probe's answer.
    Ready(bool),
    /// A liveness or startup probe failed too often.
    Dead {
        /// Which.
        probe: &'static str,
        /// How long the end may take, when the probe says so.
        grace: Option<Duration>,
    },
}

/// An HTTP request of a probe or hook.
#[derive(Clone, Debug)]
pub(super) struct HttpCall {
    address: SocketAddr,
    request: String,
    url: String,
    /// The lab has no images, so no certificates: an HTTPS call asks for a connection only.
    tls: bool,
}

/// How a probe asks.
#[derive(Clone, Debug)]
enum Ask {
    Http(HttpCall),
    Tcp(SocketAddr),
    Exec {
        entry: Box<Entry>,
        variables: Vec<(String, String)>,
    },
    /// A stand-in is asked for a command of its image: it has none, and is well.
    Nothing,
}

/// A probe, with Kubernetes' defaults filled in.
struct Schedule {
    host: Arc<Host>,
    pod: Arc<Pod>,
    name: &'static str,
    ask: Ask,
    delay: Duration,
    period: Duration,
    patience: Duration,
    successes: u32,
    failures: u32,
    grace: Option<Duration>,
    /// Ask often until the first success: nothing is lost by a failure, and servers start within
    /// milliseconds here.
    eager: bool,
}

/// Starts a container's probes; they end when the returned set is dropped.
pub(super) fn start(runner: &Runner, news: &mpsc::Sender<Health>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let schedule = |name, probe: &Option<Probe>| Schedule::new(runner, name, probe.as_ref()?);
    let startup = schedule("Startup", &runner.container.startup_probe);
    let mut readiness = schedule("Readiness", &runner.container.readiness_probe);
    readiness.iter_mut().for_each(|schedule| schedule.eager = true);
    let liveness = schedule("Liveness", &runner.container.liveness_probe);
    let news = news.clone();
    tasks.spawn(async move {
        if let Some(startup) = startup {
            let alive = startup.settle().await == Some(true);
            let found = if alive {
                Health::Started
            } else {
                Health::Dead { probe: "startup", grace: startup.grace }
            };
            if news.send(found).await.is_err() || !alive {
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
                let dead = Health::Dead { probe: "liveness", grace: schedule.grace };
                let died = |ok: bool| {
                    let news = &news;
                    async move { if ok { Ok(()) } else { news.send(dead).await } }
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

impl HttpCall {
    pub(super) fn new(address: SocketAddr, http: &HTTPGetAction) -> Self {
        let path = http.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/");
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let mut lines = vec![format!("GET {path} HTTP/1.1")];
        let given = http.http_headers.as_deref().unwrap_or_default();
        let has = |name: &str| given.iter().any(|one| one.name.eq_ignore_ascii_case(name));
        for (name, value) in [
            ("Host", address.to_string()),
            ("User-Agent", "kube-probe/1.36".into()),
            ("Accept", "*/*".into()),
        ] {
            if !has(name) {
                lines.push(format!("{name}: {value}"));
            }
        }
        // A line's end in a value would start another header.
        let plain = |text: &str| text.replace(['\r', '\n'], " ");
        lines
            .extend(given.iter().map(|one| format!("{}: {}", plain(&one.name), plain(&one.value))));
        lines.push("Connection: close\r\n\r\n".to_owned());
        let tls = http.scheme.as_deref() == Some("HTTPS");
        let scheme = if tls { "https" } else { "http" };
        Self {
            address,
            request: lines.join("\r\n"),
            url: format!("{scheme}://{address}{path}"),
            tls,
        }
    }
}

impl Schedule {
    fn new(runner: &Runner, name: &'static str, probe: &Probe) -> Option<Self> {
        let times = |value: Option<i32>, default| {
            value.and_then(|value| u32::try_from(value).ok()).unwrap_or(default).max(1)
        };
        let grace = probe.termination_grace_period_seconds;
        Some(Self {
            host: Arc::clone(&runner.host),
            pod: Arc::clone(&runner.pod),
            name,
            ask: ask_of(runner, probe)?,
            delay: seconds(probe.initial_delay_seconds, 0, 0),
            period: seconds(probe.period_seconds, 10, 1),
            patience: seconds(probe.timeout_seconds, 1, 1),
            successes: times(probe.success_threshold, 1),
            failures: times(probe.failure_threshold, 3),
            grace: grace.and_then(|grace| u64::try_from(grace).ok()).map(Duration::from_secs),
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
            self.host.power.running().await;
            let answer = self.ask().await;
            let ok = answer.is_ok();
            if let Err(reason) = answer
                && (!self.eager || was_ok)
            {
                let text = format!("{} probe failed: {reason}", self.name);
                self.host.tell(&self.pod, Tone::Warning, "Unhealthy", text);
            }
            (good, bad) = if ok { (good + 1, 0) } else { (0, bad + 1) };
            let certain = good >= self.successes || bad >= self.failures;
            if certain && tell(ok).await.is_err() {
                return;
            }
            was_ok |= ok;
            sleep(if self.eager && !was_ok { hurry(bad) } else { self.period }).await;
        }
    }

    async fn ask(&self) -> Result<(), String> {
        let place = self.host.place();
        let patience = self.patience;
        match &self.ask {
            Ask::Nothing => Ok(()),
            Ask::Tcp(address) => connect(place, *address, patience).await,
            Ask::Http(http) => call(place, http.clone(), patience).await,
            Ask::Exec { entry, variables } => {
                let mut command = Command::from(entry.to_command());
                command.env_clear().envs(variables.clone()).current_dir("/").kill_on_drop(true);
                command.stdin(Stdio::null());
                match timeout(patience, command.output()).await {
                    Ok(Ok(output)) if output.status.success() => Ok(()),
                    Ok(Ok(output)) => {
                        let both = [output.stdout, output.stderr].concat();
                        let shown = &both[..both.len().min(SHOWN)];
                        Err(String::from_utf8_lossy(shown).trim_end().to_owned())
                    }
                    Ok(Err(error)) => Err(error.to_string()),
                    Err(_) => Err(format!("command timed out after {patience:?}")),
                }
            }
        }
    }
}

fn ask_of(runner: &Runner, probe: &Probe) -> Option<Ask> {
    let container = &runner.container;
    let address = runner.sandbox.addresses.first().copied();
    let target = |host: Option<&String>| {
        let address = host.and_then(|host| host.parse().ok()).or(address)?;
        Some(SocketAddr::new(address, probe_port(probe, container)?))
    };
    Some(if let Some(exec) = &probe.exec {
        if matches!(runner.program, Program::StandIn(_)) {
            return Some(Ask::Nothing);
        }
        let aside = runner.aside();
        aside.create().ok()?;
        let entry = Entry {
            cgroup: Some(aside.path().to_owned()),
            places: runner.sandbox.places.clone(),
            session: true,
            terminal: false,
            command: exec.command.iter().flatten().map(OsString::from).collect(),
        };
        let variables =
            environment::variables(&runner.host, &runner.pod, container, &runner.sandbox).ok()?;
        Ask::Exec { entry: Box::new(entry), variables }
    } else if let Some(http) = &probe.http_get {
        Ask::Http(HttpCall::new(target(http.host.as_ref())?, http))
    } else {
        Ask::Tcp(target(probe.tcp_socket.as_ref().and_then(|tcp| tcp.host.as_ref()))?)
    })
}

/// Returns the pause before an eager probe asks again: 50 ms at first, a second at last.
fn hurry(failed: u32) -> Duration {
    Duration::from_millis(50) * failed.clamp(1, 20)
}

/// Makes a connection from the node; the error is what an event says.
async fn connect(place: PathBuf, address: SocketAddr, patience: Duration) -> Result<(), String> {
    blocking(place, move || TcpStream::connect_timeout(&address, patience).map(drop))
        .await
        .map_err(|error| format!("dial tcp {address}: {error}"))
}

/// Makes an HTTP call from the node; the error is what an event says.
pub(super) async fn call(place: PathBuf, http: HttpCall, patience: Duration) -> Result<(), String> {
    if http.tls {
        return connect(place, http.address, patience).await;
    }
    let HttpCall { address, request, url, .. } = http;
    let code = blocking(place, move || ask_http(address, &request, patience))
        .await
        .map_err(|error| format!("Get {url:?}: {error}"))?;
    if (200..400).contains(&code) {
        Ok(())
    } else {
        Err(format!("HTTP probe failed with statuscode: {code}"))
    }
}

/// Runs blocking network work in the node's namespaces.
async fn blocking<T: Send + 'static>(
    place: PathBuf,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let inside = move || {
        namespace::run_in(&[place], || Ok::<_, NamespaceError>(work())).map_err(io::Error::other)?
    };
    tokio::task::spawn_blocking(inside).await.map_err(io::Error::other)?
}

fn ask_http(address: SocketAddr, request: &str, patience: Duration) -> io::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(request.as_bytes())?;
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    let code = start.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    let code = code.and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
    code.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "malformed HTTP response"))
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn requests_carry_the_probes_headers_once() {
        let http = from_value(json!({ "port": 80, "path": "ready",
            "httpHeaders": [{ "name": "host", "value": "a.example" }, { "name": "X", "value": "1\r\nY: 2" }] }))
        .unwrap();
        let call = HttpCall::new("[fd00::5]:80".parse().unwrap(), &http);
        assert_eq!(
            call.request,
            "GET /ready HTTP/1.1\r\nUser-Agent: kube-probe/1.36\r\nAccept: */*\r\nhost: a.example\r\nX: 1  Y: 2\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(call.url, "http://[fd00::5]:80/ready");
    }
}

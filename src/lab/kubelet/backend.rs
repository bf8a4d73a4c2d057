//! Commands, logs and connections for the API server, into the pods of all nodes.

use std::{
    collections::HashMap,
    io,
    net::TcpStream,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::Command,
    sync::mpsc,
};

use super::{environment, host::Host, log, sandbox::Sandbox};
use crate::lab::{
    apiserver::{
        Attach, BackendError, ByteStream, ExecRequest, ExitStatus, LogRequest, PodBackend,
        PodConnection, PodRef,
    },
    host::{
        cgroup::Cgroup,
        launch::Entry,
        namespace::{self, NamespaceError},
    },
};

/// Largest piece of output sent at once.
const PIECE: usize = 16 * 1024;
/// How long a connection into a pod may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A pod that can be looked into.
pub(super) struct Running {
    uid: String,
    places: Vec<PathBuf>,
    cgroup: Cgroup,
    /// By container.
    environment: HashMap<String, Vec<(String, String)>>,
}

impl Running {
    pub(super) fn new(host: &Host, pod: &Pod, sandbox: &Sandbox) -> Self {
        let spec = pod.spec.clone().unwrap_or_default();
        let containers =
            spec.init_containers.unwrap_or_default().into_iter().chain(spec.containers);
        Self {
            uid: pod.uid().unwrap_or_default(),
            places: sandbox.places.clone(),
            cgroup: sandbox.cgroup.clone(),
            environment: containers
                .map(|one| (one.name.clone(), environment::variables(host, pod, &one, sandbox)))
                .collect(),
        }
    }

    fn command(&self, request: &ExecRequest) -> io::Result<Command> {
        let cgroup = self.cgroup.child(&request.container);
        cgroup.create().map_err(io::Error::other)?;
        let entry = Entry {
            cgroup: Some(cgroup.path().to_owned()),
            places: self.places.clone(),
            session: true,
            command: request.command.iter().map(Into::into).collect(),
        };
        let variables = self.environment.get(&request.container).cloned().unwrap_or_default();
        let mut command = Command::from(entry.to_command());
        command.env_clear().envs(variables).current_dir("/").kill_on_drop(true);
        Ok(command)
    }
}

/// All running pods of a lab.
pub(crate) struct Backend {
    logs: PathBuf,
    pods: RwLock<HashMap<String, Arc<Running>>>,
}

impl Backend {
    /// Returns a backend that knows no pods yet.
    pub(crate) fn new(logs: PathBuf) -> Self {
        Self { logs, pods: RwLock::default() }
    }

    pub(super) fn insert(&self, pod: Arc<Running>) {
        let mut pods = self.pods.write().unwrap_or_else(PoisonError::into_inner);
        pods.insert(pod.uid.clone(), pod);
    }

    pub(super) fn remove(&self, uid: &str) {
        self.pods.write().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    fn find(&self, pod: &PodRef) -> Result<Arc<Running>, BackendError> {
        let pods = self.pods.read().unwrap_or_else(PoisonError::into_inner);
        pods.get(&pod.uid).cloned().ok_or_else(|| BackendError::NotRunning {
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
        })
    }

    fn log_dir(&self, request: &LogRequest) -> PathBuf {
        let pod = &request.pod;
        let name = format!("{}_{}_{}", pod.namespace, pod.name, pod.uid);
        self.logs.join(&pod.node).join(name).join(&request.container)
    }
}

impl PodBackend for Backend {
    fn exec(
        &self,
        request: ExecRequest,
        io: Attach,
    ) -> BoxFuture<'static, Result<ExitStatus, BackendError>> {
        let found = self.find(&request.pod);
        Box::pin(async move { exec(&*found?, &request, io).await })
    }

    fn logs(&self, request: LogRequest) -> BoxFuture<'static, Result<ByteStream, BackendError>> {
        let dir = self.log_dir(&request);
        Box::pin(log::open(dir, request))
    }

    fn connect(
        &self,
        pod: PodRef,
        port: u16,
    ) -> BoxFuture<'static, Result<Box<dyn PodConnection>, BackendError>> {
        let found = self.find(&pod);
        Box::pin(async move {
            let places = found?.places.clone();
            let failed = |source| BackendError::Start { what: format!("port {port}"), source };
            let inside = move || {
                let connect = || Ok::<_, NamespaceError>(connect(port));
                namespace::run_in(&places, connect).map_err(io::Error::other)?
            };
            let stream = tokio::task::spawn_blocking(inside)
                .await
                .map_err(io::Error::other)
                .and_then(|connected| connected)
                .and_then(tokio::net::TcpStream::from_std)
                .map_err(failed)?;
            Ok(Box::new(stream) as Box<dyn PodConnection>)
        })
    }
}

/// Connects to a port of the namespace the thread is in: by IPv4, else by IPv6.
fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), CONNECT_WITHIN)
        .or_else(|_| {
            let loopback = std::net::Ipv6Addr::LOCALHOST;
            TcpStream::connect_timeout(&(loopback, port).into(), CONNECT_WITHIN)
        })?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

async fn exec(
    pod: &Running,
    request: &ExecRequest,
    io: Attach,
) -> Result<ExitStatus, BackendError> {
    let failed = |source| BackendError::Start { what: request.command.join(" "), source };
    if request.tty {
        return Err(BackendError::Unsupported("a terminal (-t)"));
    }
    let mut command = pod.command(request).map_err(failed)?;
    let stdin = if io.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child = command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let feed = feed(child.stdin.take(), io.stdin);
    let out = drain(child.stdout.take(), io.stdout);
    let err = drain(child.stderr.take(), io.stderr);
    let feed = tokio::spawn(feed);
    let work = async {
        // Output first: a command that ended may have left some in its pipes.
        tokio::join!(out, err);
        child.wait().await
    };
    let status = tokio::select! {
        status = work => status,
        () = io.gone.cancelled() => Err(io::ErrorKind::BrokenPipe.into()),
    };
    feed.abort();
    let status = status.map_err(failed)?;
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    Ok(ExitStatus(status.code().or(signal.map(|signal| 128 + signal)).unwrap_or(255)))
}

/// Passes the client's bytes on, and the end of them.
async fn feed(to: Option<tokio::process::ChildStdin>, from: Option<mpsc::Receiver<Bytes>>) {
    if let (Some(mut to), Some(mut from)) = (to, from) {
        while let Some(bytes) = from.recv().await {
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }
}

/// Passes a command's output on until it ends or the client has gone.
async fn drain(from: Option<impl AsyncRead + Unpin>, to: mpsc::Sender<Bytes>) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if to.send(Bytes::copy_from_slice(&buffer[..length])).await.is_err() {
            return;
        }
    }
}

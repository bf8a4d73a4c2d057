//! Commands, logs and connections for the API server, into the pods of all nodes.

use std::{
    collections::HashMap,
    io,
    net::TcpStream,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt;
use tokio::process::Command;

use super::{
    console::Console,
    container::aside,
    environment, exec,
    host::Host,
    log::{self, LogClock},
    sandbox::Sandbox,
};
use crate::lab::{
    apiserver::{
        Attach, AttachRequest, BackendError, ByteStream, ExecRequest, ExitStatus, LogRequest,
        PodBackend, PodConnection, PodRef,
    },
    host::{
        cgroup::Cgroup,
        launch::Entry,
        namespace::{self, NamespaceError},
    },
};

/// How long a connection into a pod may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A pod that can be looked into.
pub(super) struct Running {
    uid: String,
    node: String,
    places: Vec<PathBuf>,
    cgroup: Cgroup,
    /// By container.
    containers: RwLock<HashMap<String, Arc<Inside>>>,
}

/// What is known of a container.
struct Inside {
    environment: Vec<(String, String)>,
    /// Input ends with the first client that attaches.
    once: bool,
    console: Arc<Console>,
}

impl Running {
    pub(super) fn new(host: &Host, pod: &Pod, sandbox: &Sandbox) -> Self {
        let spec = pod.spec.clone().unwrap_or_default();
        let containers =
            spec.init_containers.unwrap_or_default().into_iter().chain(spec.containers);
        let running = Self {
            uid: pod.uid().unwrap_or_default(),
            node: host.name().to_owned(),
            places: sandbox.places.clone(),
            cgroup: sandbox.cgroup.clone(),
            containers: RwLock::default(),
        };
        containers.for_each(|container| running.add(host, pod, &container, sandbox));
        running
    }

    /// Makes a container known.
    pub(super) fn add(&self, host: &Host, pod: &Pod, container: &Container, sandbox: &Sandbox) {
        let inside = Inside {
            // What is missing now keeps the container from starting, and is there when it runs.
            environment: environment::variables(host, pod, container, sandbox).unwrap_or_default(),
            once: container.stdin_once == Some(true),
            console: Arc::default(),
        };
        let mut containers = self.containers.write().unwrap_or_else(PoisonError::into_inner);
        containers.insert(container.name.clone(), Arc::new(inside));
    }

    fn container(&self, name: &str) -> Option<Arc<Inside>> {
        let containers = self.containers.read().unwrap_or_else(PoisonError::into_inner);
        containers.get(name).cloned()
    }

    /// Returns the console of a container.
    pub(super) fn console(&self, container: &str) -> Arc<Console> {
        self.container(container).map(|one| Arc::clone(&one.console)).unwrap_or_default()
    }

    /// Returns the command of an exec, and its environment.
    pub(super) fn command(
        &self,
        request: &ExecRequest,
    ) -> io::Result<(Command, Vec<(String, String)>)> {
        let cgroup = aside(&self.cgroup.child(&request.container));
        cgroup.create().map_err(io::Error::other)?;
        let entry = Entry {
            cgroup: Some(cgroup.path().to_owned()),
            places: self.places.clone(),
            session: true,
            terminal: request.tty,
            command: request.command.iter().map(Into::into).collect(),
        };
        let known = self.container(&request.container);
        let mut variables = known.map(|one| one.environment.clone()).unwrap_or_default();
        if request.tty {
            variables.push(("TERM".to_owned(), "xterm".to_owned()));
        }
        let mut command = Command::from(entry.to_command());
        command.env_clear().envs(variables.clone()).current_dir("/").kill_on_drop(true);
        Ok((command, variables))
    }
}

/// All running pods of a lab.
pub(crate) struct Backend {
    logs: PathBuf,
    clock: LogClock,
    pods: RwLock<HashMap<String, Arc<Running>>>,
}

impl Backend {
    /// Returns a backend that knows no pods yet.
    ///
    /// # Errors
    /// When the kernel cannot tell about files that grow.
    pub(crate) fn new(logs: PathBuf) -> io::Result<Self> {
        Ok(Self { logs, clock: LogClock::start()?, pods: RwLock::default() })
    }

    /// Returns what notes the times of logs.
    pub(super) fn clock(&self) -> &LogClock {
        &self.clock
    }

    pub(super) fn insert(&self, pod: Arc<Running>) {
        let mut pods = self.pods.write().unwrap_or_else(PoisonError::into_inner);
        pods.insert(pod.uid.clone(), pod);
    }

    pub(super) fn remove(&self, uid: &str) {
        self.pods.write().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    /// Forgets the pods of a node that was switched off.
    pub(super) fn remove_node(&self, node: &str) {
        let mut pods = self.pods.write().unwrap_or_else(PoisonError::into_inner);
        pods.retain(|_, pod| pod.node != node);
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
        Box::pin(async move { exec::exec(&*found?, &request, io).await })
    }

    fn attach(
        &self,
        request: AttachRequest,
        io: Attach,
    ) -> BoxFuture<'static, Result<ExitStatus, BackendError>> {
        let found = self.find(&request.pod);
        let clock = self.clock.clone();
        Box::pin(async move {
            let pod = found?;
            let once = pod.container(&request.container).is_some_and(|one| one.once);
            let target = exec::Target { console: pod.console(&request.container), once };
            exec::attach(target, clock, request, io).await
        })
    }

    fn logs(&self, request: LogRequest) -> BoxFuture<'static, Result<ByteStream, BackendError>> {
        let dir = self.log_dir(&request);
        Box::pin(log::open(self.clock.clone(), dir, request))
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

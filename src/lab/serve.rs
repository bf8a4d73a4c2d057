//! The lab's one process: API server, controllers, kubelets.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Client, ResourceExt,
    api::{Api, DynamicObject, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::info;

use super::{
    apiserver::{
        ApiServer, ApiServerOptions, Credential, Kubeconfig, Limits, PodBackend, StartError,
    },
    client::{self, ConnectError},
    cluster::Cluster,
    controllers, dns,
    fabric::{self, FabricError},
    host::CgroupError,
    kubelet::{self, Backend, Host, HostOptions},
    plan::{self, NodePlan},
    spec::LabSpec,
    state::{self, LabDir, StateError, inside},
    system,
};
use crate::certificate::{Authority, CertificateError, Validity};
use crate::install::{self, AGENT, NAMESPACE, OPERATOR};
use crate::kubernetes::crd;

/// The lab's process cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The lab's directory is not as it should be.
    #[error("cannot use the lab's directory")]
    State(#[from] StateError),
    /// Certificates could not be made.
    #[error("cannot make certificates")]
    Certificate(#[from] CertificateError),
    /// The fabric's addresses cannot be listened on.
    #[error("cannot listen on the fabric")]
    Fabric(#[from] FabricError),
    /// The loopback cannot be listened on.
    #[error("cannot listen on the machine's loopback")]
    Loopback(#[source] io::Error),
    /// The kernel cannot tell about files that grow.
    #[error("cannot watch log files")]
    Watch(#[source] io::Error),
    /// The API server did not start.
    #[error("cannot start the API server")]
    ApiServer(#[from] StartError),
    /// The API server cannot be reached.
    #[error("cannot connect to the API server")]
    Connect(#[from] ConnectError),
    /// An object that skep needs was refused.
    #[error("cannot create {kind} {name}")]
    Object {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// The reason.
        #[source]
        source: Box<kube::Error>,
    },
    /// The control groups are not there.
    #[error("cannot use the lab's control groups")]
    Cgroup(#[from] CgroupError),
}

/// Runs a lab until shutdown. Pods and agents go on without it.
///
/// # Errors
/// When a part cannot start.
pub async fn serve(dir: LabDir, shutdown: CancellationToken) -> Result<(), ServeError> {
    let record = dir.record()?;
    state::create_dir(&dir.api())?;
    let key = dir.api().join("authority.key");
    let authority = Arc::new(Authority::kept(&format!("skep-lab-{}", dir.name()), &key)?);
    let backend = Arc::new(Backend::new(dir.logs()).map_err(ServeError::Watch)?);
    let pods = Arc::clone(&backend) as Arc<dyn PodBackend>;
    let options = api_options(&dir, &record.spec, &authority, pods, &shutdown)?;
    let server = Arc::new(ApiServer::start(options).await?);
    let configs = Kubeconfigs { dir: &dir, authority: &authority, server: &server };
    configs.write_admin()?;
    let client = client::connect(&dir.kubeconfig()).await?;
    create_system(&client, &record.spec).await?;
    // The accounts exist now, and tokens name their uids.
    configs.write_nodes(&record.spec)?;
    let cluster = Cluster::start(client, &shutdown).await;
    let tasks = TaskTracker::new();
    let settings = controllers::Settings {
        families: record.spec.ip_family,
        authority: authority.certificate_pem().to_owned(),
    };
    tasks.spawn(controllers::run(cluster.clone(), settings, shutdown.clone()));
    let shared = HostOptions { cluster, backend };
    for number in 1..=record.spec.nodes {
        let plan = NodePlan::new(number, &record.spec);
        let host = Arc::new(Host::new(&dir, plan, shared.clone())?);
        tasks.spawn(kubelet::run(host, shutdown.clone()));
    }
    state::write(&ready_file(&dir), b"ready\n")?;
    info!(lab = %dir.name(), nodes = record.spec.nodes, "lab runs");
    shutdown.cancelled().await;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// The accounts that every node has a kubeconfig of, and where the node has it.
pub(crate) const NODE_KUBECONFIGS: [(&str, &str); 2] =
    [(AGENT, inside::KUBECONFIG), (OPERATOR, inside::OPERATOR_KUBECONFIG)];

/// Returns the copy of what every node has as the kubeconfig of an account.
pub(crate) fn node_kubeconfig(dir: &LabDir, account: &str) -> PathBuf {
    dir.api().join(format!("{account}.kubeconfig"))
}

/// Returns the file whose presence says that the API can be used.
pub(crate) fn ready_file(dir: &LabDir) -> PathBuf {
    dir.path().join("ready")
}

fn api_options(
    dir: &LabDir,
    spec: &LabSpec,
    authority: &Arc<Authority>,
    pods: Arc<dyn PodBackend>,
    shutdown: &CancellationToken,
) -> Result<ApiServerOptions, ServeError> {
    let mut listeners = fabric::listen(dir, spec.ip_family, plan::API_PORT)?;
    listeners.push(on_loopback(dir)?);
    let services = plan::SERVICES.map(|network| plan::nth(network, 1).to_string());
    let names = ["localhost", "127.0.0.1", "::1"]
        .into_iter()
        .chain(["kubernetes", "kubernetes.default", "kubernetes.default.svc"])
        .map(str::to_owned)
        .chain(plan::FABRIC.iter().map(|ip| ip.to_string()))
        .chain(services);
    Ok(ApiServerOptions {
        listeners,
        authority: Arc::clone(authority),
        server_names: names.collect(),
        tokens: Vec::new(),
        pods,
        limits: Limits::default(),
        state: Some(dir.api()),
        shutdown: shutdown.clone(),
    })
}

/// Listens on the loopback, on the port of an earlier run if there was one, so that kubeconfigs stay good.
fn on_loopback(dir: &LabDir) -> Result<TcpListener, ServeError> {
    let file = dir.api().join("port");
    let earlier = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
    let bind = |port: u16| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let kept = earlier.and_then(|port| bind(port).ok());
    let listener = kept.map_or_else(|| bind(0), Ok).map_err(ServeError::Loopback)?;
    let port = listener.local_addr().map_err(ServeError::Loopback)?.port();
    state::write(&file, port.to_string().as_bytes())?;
    Ok(listener)
}

/// Writes kubeconfig files.
struct Kubeconfigs<'a> {
    dir: &'a LabDir,
    authority: &'a Authority,
    server: &'a ApiServer,
}

impl Kubeconfigs<'_> {
    fn text(&self, address: SocketAddr, user: &str, credential: Credential) -> String {
        Kubeconfig {
            cluster: format!("skep-lab-{}", self.dir.name()),
            server: format!("https://{address}"),
            authority_pem: self.authority.certificate_pem().to_owned(),
            user: user.to_owned(),
            credential,
            namespace: None,
        }
        .render()
    }

    /// Writes the administrator's file.
    fn write_admin(&self) -> Result<(), ServeError> {
        let on_loopback = |address: &&SocketAddr| address.ip().is_loopback();
        for address in self.server.addresses().iter().filter(on_loopback) {
            let admin =
                self.authority.client("kubernetes-admin", &["system:masters"], Validity::Always)?;
            let text = self.text(*address, "kubernetes-admin", Credential::Certificate(admin));
            state::write(&self.dir.kubeconfig(), text.as_bytes())?;
        }
        Ok(())
    }

    /// Writes the files of agent and operator on every node, each with a token of its own account.
    fn write_nodes(&self, spec: &LabSpec) -> Result<(), ServeError> {
        let on_fabric = self.server.addresses().iter().find(|address| !address.ip().is_loopback());
        let Some(address) = on_fabric else { return Ok(()) };
        for (account, path) in NODE_KUBECONFIGS {
            let token = self.server.service_account_token(NAMESPACE, account);
            let text = self.text(*address, account, Credential::Token(token));
            // For nodes that are switched on again.
            state::write(&node_kubeconfig(self.dir, account), text.as_bytes())?;
            for number in 1..=spec.nodes {
                let node = self.dir.node(&NodePlan::new(number, spec).name);
                state::write(&node.outside(path), text.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// Creates skep's kinds and objects.
async fn create_system(client: &Client, spec: &LabSpec) -> Result<(), ServeError> {
    let kinds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let others = install::kinds().into_iter().map(|kind| {
        serde_json::from_value::<CustomResourceDefinition>(kind).expect("a definition")
    });
    for kind in crd::all().into_iter().chain(others) {
        create(
            kinds.create(&PostParams::default(), &kind),
            "CustomResourceDefinition",
            &kind.name_any(),
        )
        .await?;
    }
    for object in system::objects(spec).into_iter().chain(dns::objects(spec)) {
        let object: DynamicObject =
            serde_json::from_value::<DynamicObject>(object).expect("skep's objects are objects");
        let types = object.types.clone().unwrap_or_default();
        let kind = GroupVersionKind::try_from(&types).expect("skep's objects have kinds");
        let resource = ApiResource::from_gvk(&kind);
        let api: Api<DynamicObject> = match object.namespace() {
            Some(namespace) => Api::namespaced_with(client.clone(), &namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        create(api.create(&PostParams::default(), &object), &kind.kind, &object.name_any()).await?;
    }
    Ok(())
}

async fn create<K>(
    request: impl Future<Output = Result<K, kube::Error>>,
    kind: &str,
    name: &str,
) -> Result<(), ServeError> {
    match request.await {
        Ok(_) => Ok(()),
        // From an earlier run.
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(()),
        Err(source) => Err(ServeError::Object {
            kind: kind.to_owned(),
            name: name.to_owned(),
            source: Box::new(source),
        }),
    }
}

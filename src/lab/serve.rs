//! The lab's one process: API server, controllers, kubelets.

use std::{
    io,
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
        ApiServer, ApiServerOptions, Authority, CertificateError, Credential, Kubeconfig, Limits,
        PodBackend, StartError, TokenGrant,
    },
    client::{self, ConnectError},
    cluster::Cluster,
    controllers,
    fabric::{self, FabricError},
    host::CgroupError,
    kubelet::{self, Backend, Host, HostOptions},
    plan::{self, NodePlan},
    spec::LabSpec,
    state::{self, LabDir, StateError, inside},
    system,
};
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
    let authority = Arc::new(Authority::generate(dir.name().as_str())?);
    let backend = Arc::new(Backend::new(dir.logs()).map_err(ServeError::Watch)?);
    let grant = system::grant();
    let pods = Arc::clone(&backend) as Arc<dyn PodBackend>;
    let options = api_options(&dir, &record.spec, &authority, pods, &grant, &shutdown)?;
    let server = Arc::new(ApiServer::start(options).await?);
    write_kubeconfigs(&dir, &record.spec, &authority, &server, &grant)?;
    let client = client::connect(&dir.kubeconfig()).await?;
    create_system(&client, &record.spec).await?;
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

/// Returns the copy of what every node has as its kubeconfig.
pub(crate) fn node_kubeconfig(dir: &LabDir) -> PathBuf {
    dir.path().join("node.kubeconfig")
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
    grant: &TokenGrant,
    shutdown: &CancellationToken,
) -> Result<ApiServerOptions, ServeError> {
    let mut listeners = fabric::listen(dir, spec.ip_family, plan::API_PORT)?;
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    listeners.push(TcpListener::bind(loopback).map_err(ServeError::Loopback)?);
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
        tokens: vec![grant.clone()],
        pods,
        limits: Limits::default(),
        shutdown: shutdown.clone(),
    })
}

/// Writes the administrator's file, and one for skep on every node.
fn write_kubeconfigs(
    dir: &LabDir,
    spec: &LabSpec,
    authority: &Authority,
    server: &ApiServer,
    grant: &TokenGrant,
) -> Result<(), ServeError> {
    let config = |address: SocketAddr, user: &str, credential| Kubeconfig {
        cluster: format!("skep-lab-{}", dir.name()),
        server: format!("https://{address}"),
        authority_pem: authority.certificate_pem().to_owned(),
        user: user.to_owned(),
        credential,
        namespace: None,
    };
    let on_loopback = |address: &&SocketAddr| address.ip().is_loopback();
    for address in server.addresses().iter().filter(on_loopback) {
        let admin = authority.client("kubernetes-admin", &["system:masters"])?;
        let text = config(*address, "kubernetes-admin", Credential::Certificate(admin)).render();
        state::write(&dir.kubeconfig(), text.as_bytes())?;
    }
    let on_fabric = server.addresses().iter().find(|address| !address.ip().is_loopback());
    let Some(address) = on_fabric else { return Ok(()) };
    let credential = Credential::Token(grant.token.clone());
    let text = config(*address, system::ACCOUNT, credential).render();
    // For nodes that are switched on again.
    state::write(&node_kubeconfig(dir), text.as_bytes())?;
    for number in 1..=spec.nodes {
        let node = dir.node(&NodePlan::new(number, spec).name);
        state::write(&node.outside(inside::KUBECONFIG), text.as_bytes())?;
    }
    Ok(())
}

/// Creates skep's kinds and objects.
async fn create_system(client: &Client, spec: &LabSpec) -> Result<(), ServeError> {
    let kinds: Api<CustomResourceDefinition> = Api::all(client.clone());
    for kind in crd::all() {
        create(
            kinds.create(&PostParams::default(), &kind),
            "CustomResourceDefinition",
            &kind.name_any(),
        )
        .await?;
    }
    for object in system::objects(spec) {
        let object: DynamicObject =
            serde_json::from_value::<DynamicObject>(object).expect("skep's objects are objects");
        let types = object.types.clone().unwrap_or_default();
        let kind = GroupVersionKind::try_from(&types).expect("skep's objects have kinds");
        let resource = ApiResource::from_gvk(&kind);
        let namespace = object.namespace().unwrap_or_default();
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &resource);
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
        Err(source) => Err(ServeError::Object {
            kind: kind.to_owned(),
            name: name.to_owned(),
            source: Box::new(source),
        }),
    }
}

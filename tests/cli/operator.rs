//! `skep operator` against the lab's API server.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use k8s_openapi::{
    api::coordination::v1::Lease,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::json;
use skep::{
    certificate::{Authority, Validity},
    install,
    kubernetes::{
        connect,
        crd::{
            self, SkepEndpointSlice, SkepEndpointSliceSpec, SkepIdentity, SkepIdentitySpec,
            SliceEndpoint,
        },
    },
    lab::apiserver::{
        ApiServer, ApiServerOptions, Attach, BackendError, ByteStream, Credential, ExecRequest,
        ExitStatus, Kubeconfig, Limits, LogRequest, PodBackend,
    },
};
use tokio_util::sync::CancellationToken;

/// There are no pods.
struct NoPods;

impl PodBackend for NoPods {
    fn exec(
        &self,
        _: ExecRequest,
        _: Attach,
    ) -> BoxFuture<'static, Result<ExitStatus, BackendError>> {
        Box::pin(async { Ok(ExitStatus(1)) })
    }

    fn logs(&self, _: LogRequest) -> BoxFuture<'static, Result<ByteStream, BackendError>> {
        Box::pin(async { Ok(tokio::sync::mpsc::channel(1).1) })
    }
}

/// A cluster that knows skep's kinds.
struct Cluster {
    server: ApiServer,
    client: Client,
    dir: tempfile::TempDir,
}

impl Cluster {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = Arc::new(Authority::generate("test", Validity::Always).unwrap());
        let server = ApiServer::start(ApiServerOptions {
            listeners: vec![listener],
            authority: Arc::clone(&authority),
            server_names: vec!["127.0.0.1".into()],
            tokens: Vec::new(),
            pods: Arc::new(NoPods),
            limits: Limits::default(),
            state: None,
            shutdown: CancellationToken::new(),
        })
        .await
        .unwrap();
        let kubeconfig = Kubeconfig {
            cluster: "test".into(),
            server: format!("https://{}", server.addresses()[0]),
            authority_pem: authority.certificate_pem().to_owned(),
            user: "admin".into(),
            credential: Credential::Certificate(
                authority.client("admin", &["system:masters"], Validity::Always).unwrap(),
            ),
            namespace: None,
        };
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kubeconfig");
        fs::write(&file, kubeconfig.render()).unwrap();
        let client = connect(Some(&file)).await.unwrap();
        grant(&client).await;
        // The operator has the rights of an installation, and no others.
        let token = server.service_account_token(install::NAMESPACE, install::OPERATOR);
        let restricted = Kubeconfig { credential: Credential::Token(token), ..kubeconfig };
        fs::write(dir.path().join("operator-kubeconfig"), restricted.render()).unwrap();
        let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
        for definition in crd::all() {
            definitions.create(&PostParams::default(), &definition).await.unwrap();
        }
        let cluster = Self { server, client, dir };
        let identities = cluster.identities();
        eventually("the kinds are served", async || {
            identities.list(&Default::default()).await.ok().map(drop)
        })
        .await;
        cluster
    }

    fn identities(&self) -> Api<SkepIdentity> {
        Api::all(self.client.clone())
    }

    fn slices(&self) -> Api<SkepEndpointSlice> {
        Api::all(self.client.clone())
    }

    async fn create(&self, number: u32) {
        let labels = [("k8s:app".to_owned(), number.to_string())].into();
        let spec = SkepIdentitySpec { labels, retired_at: None };
        let object = SkepIdentity::new(&number.to_string(), spec);
        self.identities().create(&PostParams::default(), &object).await.unwrap();
    }

    /// Makes a slice with one endpoint of this identity.
    async fn publish(&self, number: u32) {
        let endpoint = SliceEndpoint {
            namespace: "shop".into(),
            pod: format!("pod-{number}"),
            addresses: vec!["10.244.1.5".into(), "fd00:10:244:1::5".into()],
            identity: number,
            incarnation: 1,
            named_ports: Vec::new(),
            workload: None,
        };
        let spec = SkepEndpointSliceSpec { node: "node-1".into(), endpoints: vec![endpoint] };
        let slice = SkepEndpointSlice::new(&format!("node-1-{number}"), spec);
        self.slices().create(&PostParams::default(), &slice).await.unwrap();
    }

    async fn withdraw(&self, number: u32) {
        let name = format!("node-1-{number}");
        self.slices().delete(&name, &DeleteParams::default()).await.unwrap();
    }

    async fn leader(&self) -> Option<String> {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), "kube-system");
        let lease = leases.get_opt("skep-operator").await.unwrap()?;
        lease.spec?.holder_identity
    }
}

/// Creates the accounts, roles and bindings of an installation.
async fn grant(client: &Client) {
    for object in install::rights() {
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let kind = GroupVersionKind::try_from(object.types.as_ref().unwrap()).unwrap();
        let kind = ApiResource::from_gvk(&kind);
        let api: Api<DynamicObject> = match &object.metadata.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
            None => Api::all_with(client.clone(), &kind),
        };
        api.create(&PostParams::default(), &object).await.unwrap();
    }
}

/// An operator process with waits of a second.
struct Operator(Child);

impl Operator {
    fn start(dir: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skep"));
        command.arg("operator").arg("--kubeconfig").arg(dir.join("operator-kubeconfig"));
        command.args(["--metrics-address", "off", "--lease-seconds", "3"]);
        command.args(["--identity-unused-seconds", "1", "--identity-retired-seconds", "1"]);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        Self(command.spawn().unwrap())
    }

    fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.0.id().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < end, "timed out: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identities_are_collected_but_never_from_a_concurrent_user() {
    const UNUSED: u32 = 301;
    const USED: u32 = 302;
    const CONTENDED: u32 = 303;
    let cluster = Cluster::start().await;
    for number in [UNUSED, USED, CONTENDED] {
        cluster.create(number).await;
    }
    cluster.publish(USED).await;
    let _operator = Operator::start(cluster.dir.path());
    let identities = cluster.identities();
    let contended = CONTENDED.to_string();
    // A user that comes and goes at times around the ends of both waits.
    let mut recreated = 0;
    for idle in [0, 900, 1100, 1900, 2100, 2300, 2600, 1000, 2200, 2000] {
        tokio::time::sleep(Duration::from_millis(idle)).await;
        loop {
            match identities.get_opt(&contended).await.unwrap() {
                None => {
                    recreated += 1;
                    cluster.create(CONTENDED).await;
                }
                Some(object) if object.spec.retired_at.is_none() => {}
                Some(_) => {
                    let patch = Patch::Merge(json!({"spec": {"retiredAt": null}}));
                    match identities.patch(&contended, &PatchParams::default(), &patch).await {
                        Ok(_) => {}
                        Err(kube::Error::Api(status)) if status.code == 404 => continue,
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            break;
        }
        let uid = identities.get(&contended).await.unwrap().uid();
        cluster.publish(CONTENDED).await;
        let end = Instant::now() + Duration::from_millis(400);
        while Instant::now() < end {
            let object = identities.get_opt(&contended).await.unwrap();
            let object = object.expect("an identity in use is never deleted");
            assert_eq!(object.uid(), uid);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        cluster.withdraw(CONTENDED).await;
    }
    assert!(recreated > 0, "no idle time was long enough for a deletion");
    assert!(identities.get_opt(&UNUSED.to_string()).await.unwrap().is_none());
    let used = identities.get(&USED.to_string()).await.unwrap();
    assert_eq!(used.spec.retired_at, None);
    cluster.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_operator_leads_and_another_takes_over() {
    let cluster = Cluster::start().await;
    let mut first = Operator::start(cluster.dir.path());
    let led = eventually("somebody leads", async || cluster.leader().await).await;
    let second = Operator::start(cluster.dir.path());
    // A clean end releases the lease; the next one need not wait for it to run out.
    first.signal(nix::sys::signal::Signal::SIGTERM);
    let ended = first.0.wait().unwrap();
    assert_eq!(ended.code(), Some(143));
    let other = |name: &String| !name.is_empty() && *name != led;
    let next = eventually("the second leads", async || cluster.leader().await.filter(other)).await;
    second.signal(nix::sys::signal::Signal::SIGKILL);
    let third = Operator::start(cluster.dir.path());
    let other = |name: &String| *name != next;
    eventually("the third leads", async || cluster.leader().await.filter(other)).await;
    drop(third);
    cluster.server.stop().await;
}

//! A server with a fake pod backend.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use kube::config::{KubeConfigOptions, Kubeconfig as ClientConfig};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::certificate::{Authority, Validity};
use crate::lab::apiserver::*;

/// Echoes: `exec echo a b` prints the arguments, `cat` copies stdin, `exit N` ends with N.
struct FakePods;

impl PodBackend for FakePods {
    fn exec(
        &self,
        request: ExecRequest,
        mut io: Attach,
    ) -> BoxFuture<'static, Result<ExitStatus, BackendError>> {
        Box::pin(async move {
            match request.command[0].as_str() {
                "echo" => {
                    let text = format!("{}\n", request.command[1..].join(" "));
                    io.stdout.send(text.into()).await.unwrap();
                    io.stderr.send(Bytes::from_static(b"noise\n")).await.unwrap();
                    Ok(ExitStatus(0))
                }
                "cat" => {
                    let mut stdin = io.stdin.take().expect("stdin asked for");
                    while let Some(bytes) = stdin.recv().await {
                        io.stdout.send(bytes).await.unwrap();
                    }
                    Ok(ExitStatus(0))
                }
                "exit" => Ok(ExitStatus(request.command[1].parse().unwrap())),
                program => Err(BackendError::Start {
                    what: program.to_owned(),
                    source: std::io::ErrorKind::NotFound.into(),
                }),
            }
        })
    }

    fn logs(&self, request: LogRequest) -> BoxFuture<'static, Result<ByteStream, BackendError>> {
        Box::pin(async move {
            let (tx, rx) = mpsc::channel(4);
            let lines = ["one\n", "two\n", "three\n"];
            let skip = request.tail_lines.map_or(0, |n| lines.len() - n as usize);
            tokio::spawn(async move {
                for line in &lines[skip..] {
                    tx.send(Bytes::from(*line)).await.unwrap();
                }
            });
            Ok(rx)
        })
    }
}

pub(super) struct Lab {
    pub(super) server: ApiServer,
    pub(super) url: String,
    kubeconfig: String,
    authority: Arc<Authority>,
    dir: tempfile::TempDir,
    limits: Limits,
}

pub(super) const TOKEN: &str = "secret-of-node-1";

impl Lab {
    pub(super) async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub(super) async fn with(limits: Limits) -> Self {
        let authority = Arc::new(Authority::generate("test", Validity::Always).unwrap());
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = serve(&authority, listener, dir.path(), &limits).await;
        let url = format!("https://{}", server.addresses()[0]);
        let kubeconfig = Kubeconfig {
            cluster: "lab".to_owned(),
            server: url.clone(),
            authority_pem: authority.certificate_pem().to_owned(),
            user: "admin".to_owned(),
            credential: Credential::Certificate(
                authority
                    .client("kubernetes-admin", &["system:masters"], Validity::Always)
                    .unwrap(),
            ),
            namespace: None,
        }
        .render();
        Self { server, url, kubeconfig, authority, dir, limits }
    }

    /// Ends the server and starts another one on the same address with what the first has left on disk.
    pub(super) async fn restart(self) -> Self {
        let address = self.server.addresses()[0];
        self.server.stop().await;
        let listener = TcpListener::bind(address).unwrap();
        let server = serve(&self.authority, listener, self.dir.path(), &self.limits).await;
        Self { server, ..self }
    }

    /// Opens a TLS connection to the server.
    pub(super) async fn connect(&self) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.authority.certificate_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = tokio::net::TcpStream::connect(self.server.addresses()[0]).await.unwrap();
        let name = "127.0.0.1".try_into().unwrap();
        tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }

    pub(super) fn kubeconfig_file(&self) -> PathBuf {
        let path = self.dir.path().join("kubeconfig");
        std::fs::write(&path, &self.kubeconfig).unwrap();
        path
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) async fn client(&self) -> kube::Client {
        let config = ClientConfig::from_yaml(&self.kubeconfig).unwrap();
        let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())
            .await
            .unwrap();
        kube::Client::try_from(config).unwrap()
    }

    /// Returns the kubeconfig with a bearer token instead of a certificate.
    pub(super) fn kubeconfig_with_token(&self, token: &str) -> String {
        Kubeconfig {
            cluster: "lab".to_owned(),
            server: self.url.clone(),
            authority_pem: self.authority.certificate_pem().to_owned(),
            user: "account".to_owned(),
            credential: Credential::Token(token.to_owned()),
            namespace: None,
        }
        .render()
    }

    /// A client that shows a bearer token instead of a certificate.
    pub(super) async fn client_with_token(&self, token: &str) -> kube::Client {
        let mut config = ClientConfig::from_yaml(&self.kubeconfig).unwrap();
        let user = config.auth_infos[0].auth_info.as_mut().unwrap();
        user.client_certificate_data = None;
        user.client_key_data = None;
        user.token = Some(token.to_owned().into());
        let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())
            .await
            .unwrap();
        kube::Client::try_from(config).unwrap()
    }
}

async fn serve(
    authority: &Arc<Authority>,
    listener: TcpListener,
    state: &Path,
    limits: &Limits,
) -> ApiServer {
    let six = TcpListener::bind("[::1]:0").ok();
    ApiServer::start(ApiServerOptions {
        listeners: std::iter::once(listener).chain(six).collect(),
        authority: Arc::clone(authority),
        server_names: vec!["127.0.0.1".to_owned(), "::1".to_owned(), "kubernetes".to_owned()],
        tokens: vec![TokenGrant {
            token: TOKEN.to_owned(),
            user: "system:node:node-1".to_owned(),
            groups: vec!["system:masters".to_owned()],
        }],
        pods: Arc::new(FakePods),
        limits: limits.clone(),
        state: Some(state.to_owned()),
        shutdown: CancellationToken::new(),
    })
    .await
    .unwrap()
}

//! Log records to a collector by TLS: whom the agent believes, and who it is.

use std::{fs, net::SocketAddr, time::Duration};

use jiff::Timestamp;
use skep::{
    api::{
        hubble::{Clients, Credentials},
        otlp::{
            Collector, SendError, Source, Target, Tls, log,
            logs::{
                ExportRequest, ExportResponse,
                logs_service_server::{LogsService, LogsServiceServer},
            },
        },
    },
    certificate::{Authority, Validity},
    flows::Observed,
};
use tempfile::TempDir;
use tokio::{io::copy_bidirectional, net::TcpListener, net::TcpStream, task::JoinSet};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

/// Takes everything.
struct Taker;

#[tonic::async_trait]
impl LogsService for Taker {
    async fn export(&self, _: Request<ExportRequest>) -> Result<Response<ExportResponse>, Status> {
        Ok(Response::new(ExportResponse::default()))
    }
}

/// A collector behind TLS, and certificates in files.
struct Secured {
    address: SocketAddr,
    dir: TempDir,
    _tasks: JoinSet<()>,
}

impl Secured {
    async fn start(clients: Clients) -> Self {
        let ours = Authority::generate("ours", Validity::Always).expect("an authority");
        let theirs = Authority::generate("theirs", Validity::Always).expect("an authority");
        let dir = tempfile::tempdir().expect("a directory");
        let put = |name: &str, text: &str| {
            fs::write(dir.path().join(name), text).expect("it is written");
        };
        put("ours.pem", ours.certificate_pem());
        put("theirs.pem", theirs.certificate_pem());
        let client = ours.client("agent", &[], Validity::Always).expect("a certificate");
        put("client.pem", client.certificate_pem());
        put("client.key", client.key_pem());
        let server = ours.server(&["collector.test".into()], Validity::Always);
        let server = server.expect("a certificate");
        let (chain, key) = (server.certificate_pem().as_bytes(), server.key_pem().as_bytes());
        let own = Credentials::from_pem(chain, key, ours.certificate_pem().as_bytes());
        let acceptor = own.expect("PEM").server(clients).expect("a pair");

        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let inner = TcpListener::bind(any).await.expect("a port");
        let plain = inner.local_addr().expect("it is bound");
        let outer = TcpListener::bind(any).await.expect("a port");
        let address = outer.local_addr().expect("it is bound");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let served = Server::builder().add_service(LogsServiceServer::new(Taker));
            drop(served.serve_with_incoming(TcpIncoming::from(inner)).await);
        });
        tasks.spawn(async move {
            while let Ok((stream, _)) = outer.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut server = TcpStream::connect(plain).await.expect("it listens");
                tokio::spawn(async move {
                    let _ = copy_bidirectional(&mut stream, &mut server).await;
                });
            }
        });
        Self { address, dir, _tasks: tasks }
    }

    fn tls(&self, authority: &str) -> Tls {
        Tls {
            authorities: Some(self.dir.path().join(authority)),
            name: Some("collector.test".into()),
            ..Tls::default()
        }
    }

    async fn send(&self, scheme: &str, tls: Option<Tls>) -> Result<(), String> {
        let endpoint = format!("{scheme}://{}", self.address);
        let target = Target::new(endpoint, Default::default(), Duration::from_secs(20), tls);
        let source = Source { node: "n1".into(), cluster: "c".into() };
        let mut collector = Collector::new(&target.expect("a target"), source.into());
        let record = log(&Observed::Flow(Box::default()), Timestamp::UNIX_EPOCH);
        match collector.send(vec![record]).await {
            Ok(_) => Ok(()),
            // Certificates are renewed, so it is worth another try.
            Err(SendError::Later { reason, .. }) => Err(reason),
            Err(SendError::Never(reason)) => panic!("given up: {reason}"),
        }
    }
}

#[tokio::test]
async fn a_collector_must_be_who_it_should_be() {
    let server = Secured::start(Clients::Anyone).await;
    server.send("https", Some(server.tls("ours.pem"))).await.expect("it is believed");
    let anyone = Tls { anyone: true, ..server.tls("theirs.pem") };
    server.send("https", Some(anyone)).await.expect("whoever answers is believed");
    let other = Tls { name: Some("other.test".into()), ..server.tls("ours.pem") };
    for (tls, said) in [
        (server.tls("theirs.pem"), "certificate"),
        (other, "certificate"),
        (Tls::default(), "certificate"),
        (server.tls("absent.pem"), "absent.pem"),
    ] {
        let reason = server.send("https", Some(tls.clone())).await.expect_err("it is refused");
        assert!(reason.contains(said), "{tls:?}: {reason}");
    }
    server.send("http", None).await.expect_err("it does not speak in the clear");
}

#[tokio::test]
async fn a_collector_may_want_to_know_who_sends() {
    let server = Secured::start(Clients::Known).await;
    let file = |name: &str| server.dir.path().join(name);
    let own = Some((file("client.pem"), file("client.key")));
    server.send("https", Some(Tls { own, ..server.tls("ours.pem") })).await.expect("it is known");
    server.send("https", Some(server.tls("ours.pem"))).await.expect_err("it is not known");
}

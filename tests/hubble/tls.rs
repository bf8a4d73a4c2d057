//! Who is let in by TLS, and whom clients believe.

use std::{net::SocketAddr, time::Duration};

use jiff::{SignedDuration, Timestamp};
use skep::{
    api::hubble::{
        Acceptor, Clients, Connector, Credentials, Door, Server, Trust, secured, serve_relay,
    },
    certificate::{Authority, Certified, Validity},
    flows::Request,
    hubble::observer::{ServerStatusRequest, observer_client::ObserverClient},
    model::hubble::{server_name, server_names},
    relay::{Relay, RelayMetrics, Roster},
};
use tokio::{net::TcpStream, sync::watch, time::timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

fn authority(name: &str) -> Authority {
    Authority::generate(name, Validity::Always).expect("an authority")
}

fn server(by: &Authority, validity: Validity) -> Certified {
    by.server(&[server_names("default")], validity).expect("a certificate")
}

fn client(by: &Authority) -> Certified {
    by.client("relay", &[], Validity::Always).expect("a certificate")
}

fn credentials(own: &Certified, trusted: &[&Authority]) -> Credentials {
    let trusted: String = trusted.iter().map(|by| by.certificate_pem()).collect();
    let (chain, key) = (own.certificate_pem().as_bytes(), own.key_pem().as_bytes());
    Credentials::from_pem(chain, key, trusted.as_bytes()).expect("PEM")
}

fn acceptor(own: &Certified, trusted: &[&Authority]) -> TlsAcceptor {
    credentials(own, trusted).server(Clients::Known).expect("a pair")
}

/// A server that knows its clients.
struct Served {
    address: SocketAddr,
    certificate: watch::Sender<Option<TlsAcceptor>>,
    _end: DropGuard,
}

impl Served {
    async fn start(first: Option<TlsAcceptor>) -> Self {
        let certificate = watch::Sender::new(first);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let door = Door::Tcp(any, Acceptor::kept(&certificate)).open().await.expect("a port");
        let address = door.address().expect("it is TCP");
        let cancel = CancellationToken::new();
        let (nobody, stop) = (watch::Sender::<Roster>::default().subscribe(), cancel.clone());
        let relay = Relay {
            roster: nobody,
            access: None,
            metrics: RelayMetrics::default(),
            cancel: cancel.clone(),
        };
        tokio::spawn(async move { serve_relay(door, relay, stop).await.expect("it is served") });
        Self { address, certificate, _end: cancel.drop_guard() }
    }

    /// Asks as somebody; returns what went wrong.
    async fn asked(&self, own: &Credentials, name: &str) -> Result<(), String> {
        let kept = watch::Sender::new(Some(own.client().expect("a pair")));
        let channel = secured(self.address.to_string(), name.to_owned(), Connector::kept(&kept));
        let mut client = ObserverClient::new(channel);
        let answer = client.server_status(ServerStatusRequest {}).await;
        answer.map(drop).map_err(|status| chain(&status))
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn only_clients_of_the_authority_are_let_in_and_only_its_servers_are_believed() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let served = Served::start(Some(acceptor(&server(&ours, Validity::Always), &[&ours]))).await;
    let name = server_name("n1.example.com", "default");
    let known = credentials(&client(&ours), &[&ours]);
    assert_eq!(served.asked(&known, &name).await, Ok(()));
    let stranger = credentials(&client(&theirs), &[&ours]);
    served.asked(&stranger, &name).await.expect_err("signed by somebody else");
    let other_node = credentials(&server(&ours, Validity::Always), &[&ours]);
    served.asked(&other_node, &name).await.expect_err("a server is no client");
    let distrustful = credentials(&client(&ours), &[&theirs]);
    let error = served.asked(&distrustful, &name).await.expect_err("an unknown server");
    assert!(error.contains("UnknownIssuer"), "{error}");
    let elsewhere = server_name("n1", "prod");
    let error = served.asked(&known, &elsewhere).await.expect_err("a node of another cluster");
    assert!(error.contains("not valid for"), "{error}");
}

#[tokio::test]
async fn there_is_no_way_in_without_a_certificate_and_new_ones_are_used_at_once() {
    let (old, new) = (authority("old"), authority("new"));
    let served = Served::start(None).await;
    let name = server_name("n1", "default");
    let known = credentials(&client(&old), &[&old, &new]);
    served.asked(&known, &name).await.expect_err("the server has no certificate");
    let hour = SignedDuration::from_hours(1);
    let past = Timestamp::now().checked_sub(hour * 3).expect("a time");
    let over = server(&old, Validity::lasting(past, hour));
    served.certificate.send_replace(Some(acceptor(&over, &[&old])));
    let error = served.asked(&known, &name).await.expect_err("the certificate is over");
    assert!(error.contains("expired"), "{error}");
    let renewed = server(&new, Validity::lasting(Timestamp::now(), hour));
    served.certificate.send_replace(Some(acceptor(&renewed, &[&old, &new])));
    assert_eq!(served.asked(&known, &name).await, Ok(()), "both authorities are trusted");
}

#[tokio::test]
async fn clients_of_this_machine_may_speak_in_the_clear() {
    let ours = authority("ours");
    let served = Served::start(Some(acceptor(&server(&ours, Validity::Always), &[&ours]))).await;
    let channel = skep::api::hubble::reach(&served.address.to_string());
    let status = ObserverClient::new(channel).server_status(ServerStatusRequest {}).await;
    assert_eq!(status.expect("an answer").into_inner().num_flows, 0);
}

#[tokio::test]
async fn those_who_say_nothing_keep_nobody_out() {
    let ours = authority("ours");
    let served = Served::start(Some(acceptor(&server(&ours, Validity::Always), &[&ours]))).await;
    let mut silent = Vec::new();
    // More than may begin at a time, and each may take ten seconds.
    for _ in 0..300 {
        silent.push(TcpStream::connect(served.address).await.expect("it is accepted"));
    }
    let known = credentials(&client(&ours), &[&ours]);
    let name = server_name("n1.example.com", "default");
    let asked = timeout(Duration::from_secs(5), served.asked(&known, &name)).await;
    assert_eq!(asked, Ok(Ok(())));
}

#[test]
fn what_is_no_certificate_is_named() {
    let own = client(&authority("ours"));
    let (chain, key) = (own.certificate_pem().as_bytes(), own.key_pem().as_bytes());
    for (chain, key, trusted, what) in [
        (&b"x"[..], key, chain, "certificate"),
        (chain, b"x", chain, "private key"),
        (chain, key, b"", "authority"),
    ] {
        let error = Credentials::from_pem(chain, key, trusted).expect_err("refused").to_string();
        assert_eq!(error, format!("no {what} in the PEM text"));
    }
    // A key of somebody else is no pair with the certificate.
    let other = client(&authority("theirs"));
    let mixed = Credentials::from_pem(chain, other.key_pem().as_bytes(), chain).expect("PEM");
    assert!(mixed.server(Clients::Anyone).is_err());
}

#[tokio::test]
async fn clients_from_elsewhere_say_whom_they_believe() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let own = server(&ours, Validity::Always);
    let anyone = credentials(&own, &[&ours]).server(Clients::Anyone).expect("a pair");
    let served = Served::start(Some(anyone)).await;
    let pem = |by: &Authority| by.certificate_pem().as_bytes().to_vec();
    let named = Trust { name: Some(server_name("n1", "default")), ..Trust::default() };
    for (trust, answers) in [
        (Trust { authorities: pem(&ours), ..named.clone() }, true),
        (Trust { authorities: pem(&theirs), ..named.clone() }, false),
        (Trust { authorities: pem(&ours), ..Trust::default() }, false),
        (named, false),
        (Trust { anyone: true, ..Trust::default() }, true),
    ] {
        let server = Server::parse(&format!("tls://{}", served.address), Some(&trust));
        let flows = server.expect("an address").flows(&Request::default()).await;
        assert_eq!(flows.is_ok(), answers, "{trust:?}: {:?}", flows.err());
    }
    // A server that wants to know its clients gets to know them.
    let known = Served::start(Some(acceptor(&own, &[&ours]))).await;
    let (address, me) = (format!("tls://{}", known.address), client(&ours));
    let own = (me.certificate_pem().as_bytes().to_vec(), me.key_pem().as_bytes().to_vec());
    for (own, answers) in [(Some(own), true), (None, false)] {
        let trust = Trust { own, anyone: true, ..Trust::default() };
        let flows = Server::parse(&address, Some(&trust)).expect("an address");
        assert_eq!(flows.flows(&Request::default()).await.is_ok(), answers);
    }
}

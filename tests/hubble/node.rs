//! The real server of a node over made-up events.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use skep::{
    api::hubble::{AgentEvents, Door, HubbleError, Peer, Peers, serve},
    events::{Direction, Event, EventKind, L4, Observation, Peer as End, TcpFlags, Totals},
    flows::{Observer, PeerInfo, Resolve, Settings},
    hubble::{
        flow::{Flow, LostEvent},
        observer::{
            GetFlowsRequest, GetFlowsResponse, get_flows_response::ResponseTypes,
            observer_client::ObserverClient,
        },
    },
    model::{DropReason, Identity, IfIndex, MacAddr},
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{
    Status, Streaming,
    transport::{Channel, Endpoint},
};

/// Longest wait for a condition.
const DEADLINE: Duration = Duration::from_secs(20);

/// A node that serves a socket until dropped.
pub(crate) struct Node {
    pub(crate) observer: Arc<Observer>,
    pub(crate) events: Arc<AgentEvents>,
    pub(crate) peers: watch::Sender<Peers>,
    pub(crate) cancel: CancellationToken,
    pub(crate) server: JoinHandle<Result<(), HubbleError>>,
    dir: tempfile::TempDir,
}

impl Node {
    pub(crate) async fn start() -> Self {
        Self::named("n1").await
    }

    pub(crate) async fn named(name: &str) -> Self {
        Self::with(Settings::new("default", name)).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let peers = watch::Sender::new(Arc::new(BTreeMap::from([(
            "n1".to_owned(),
            Peer { address: "172.31.0.11:4244".to_owned(), tls: None },
        )])));
        let observer = Observer::new(settings, Arc::new(Names));
        let events = Arc::new(AgentEvents::started(Timestamp::UNIX_EPOCH));
        let cancel = CancellationToken::new();
        let node = skep::api::hubble::Node {
            observer: Arc::clone(&observer),
            events: Arc::clone(&events),
            peers: peers.subscribe(),
            address: "127.0.0.1:4244".to_owned(),
        };
        let (door, stop) = (Door::Unix(socket(&dir)), cancel.clone());
        let server = tokio::spawn(async move { serve(&door, node, stop).await });
        let this = Self { observer, events, peers, cancel, server, dir };
        eventually("the socket is there", || socket(&this.dir).exists()).await;
        this
    }

    pub(crate) async fn channel(&self) -> Channel {
        connect(&self.socket()).await
    }

    pub(crate) fn socket(&self) -> PathBuf {
        socket(&self.dir)
    }

    pub(crate) async fn client(&self) -> ObserverClient<Channel> {
        ObserverClient::new(self.channel().await)
    }

    /// Asks for flows.
    pub(crate) async fn flows(
        &self,
        request: GetFlowsRequest,
    ) -> Result<Streaming<GetFlowsResponse>, Status> {
        Ok(self.client().await.get_flows(request).await?.into_inner())
    }

    /// Asks for flows that are stored.
    pub(crate) async fn stored(&self, request: GetFlowsRequest) -> Vec<Flow> {
        let mut stream = self.flows(request).await.expect("a stream");
        let mut flows = Vec::new();
        while let Some(message) = stream.message().await.expect("an answer") {
            flows.extend(message.flow().cloned());
        }
        flows
    }
}

/// Connects to a socket that is served.
pub(crate) async fn connect(socket: &Path) -> Channel {
    let address = format!("unix://{}", socket.display());
    Endpoint::from_shared(address).expect("an address").connect().await.expect("it is served")
}

fn socket(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("hubble.sock")
}

/// Takes the next answer as a flow or a loss.
pub(crate) async fn next(stream: &mut Streaming<GetFlowsResponse>) -> Result<Flow, LostEvent> {
    let message = tokio::time::timeout(DEADLINE, stream.message()).await;
    let message = message.expect("in time").expect("an answer").expect("no end");
    match message.response_types.expect("it has a kind") {
        ResponseTypes::Flow(flow) => Ok(flow),
        ResponseTypes::LostEvents(lost) => Err(lost),
        ResponseTypes::NodeStatus(status) => panic!("a node said {status:?}"),
    }
}

/// Waits until a condition holds.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < end, "timed out: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A SYN between two pods; its port tells it apart from others.
pub(crate) fn event(port: u16) -> Event {
    let end = |address: [u8; 4], port, identity| End {
        address: Some(address.into()),
        port: Some(port),
        identity: Identity(identity),
        mac: MacAddr([2, 0, 0, 0, 0, address[3]]),
    };
    Event {
        time: Duration::from_nanos(u64::from(port)),
        kind: EventKind::Open,
        observation: Observation::ToEndpoint,
        direction: Direction::Ingress,
        source: end([10, 244, 1, 1], port, 1001),
        destination: end([10, 244, 1, 2], 8080, 1002),
        translated_source: None,
        service: None,
        l4: Some(L4::Tcp(TcpFlags::SYN)),
        ip_version: Some(4),
        ether_type: 0x0800,
        reply: Some(false),
        related: false,
        endpoint: None,
        device: IfIndex(3),
        length: 60,
        rule: None,
        vni: None,
        totals: Totals::default(),
    }
}

/// The same, dropped.
pub(crate) fn dropped(port: u16) -> Event {
    Event { kind: EventKind::Drop(DropReason::InvalidSourceIp), reply: None, ..event(port) }
}

/// Pods by address.
struct Names;

impl Resolve for Names {
    fn address(&self, address: IpAddr) -> Option<Arc<PeerInfo>> {
        let pod = match address.to_string().as_str() {
            "10.244.1.1" => "frontend-x",
            "10.244.1.2" => "api-y",
            _ => return None,
        };
        Some(Arc::new(PeerInfo {
            namespace: if pod == "api-y" { "back".into() } else { "shop".into() },
            pod: pod.into(),
            ..PeerInfo::default()
        }))
    }

    fn identity(&self, _: Identity) -> Option<Arc<PeerInfo>> {
        None
    }
}

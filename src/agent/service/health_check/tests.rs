//! What load balancers get, over real sockets.

use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    num::NonZeroU16,
    sync::Arc,
    time::Duration,
};

use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep},
};

use super::{
    listen::{CONNECTIONS, PATIENCE},
    serve,
};
use crate::{
    agent::service::Balancer,
    kubernetes::Change,
    maps::MemoryStore,
    model::{Addresses, Family},
    service::{
        ObjectName,
        input::{
            Conditions, Endpoint, EndpointSlice, Place, Service, ServiceKind, Site, TrafficPolicy,
        },
        maglev::Limit,
    },
};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

struct Node {
    balancer: Arc<Balancer<MemoryStore>>,
    task: JoinHandle<()>,
}

impl Node {
    fn new() -> Self {
        let balancer = Arc::new(
            Balancer::open(Arc::new(MemoryStore::default()), Limit::default(), 100).unwrap(),
        );
        let place = Place { node: "here".into(), zone: None };
        balancer.set_site(Site { place, ..Site::default() });
        balancer.set_synced();
        let task = tokio::spawn(serve(Arc::clone(&balancer)));
        Self { balancer, task }
    }

    fn put(&self, name: &str, port: NonZeroU16) {
        self.balancer.changed(Change::Changed(service(name, port)));
    }

    /// Sets how many endpoints of a service are ready here; one that is not, and one elsewhere, are besides.
    fn endpoints(&self, name: &str, ready: u8) {
        let endpoint = |last, node: &str, ready| Endpoint {
            address: [10, 0, 0, last].into(),
            others: [].into(),
            conditions: Conditions { ready, serving: ready, terminating: false },
            node: Some(node.into()),
            zone: None,
            hints: None,
        };
        let here = (1..=ready).map(|last| endpoint(last, "here", true));
        let others = [endpoint(100, "here", false), endpoint(101, "there", true)];
        self.balancer.changed(Change::Changed(EndpointSlice {
            name: ObjectName::new("shop", format!("{name}-1")),
            service: name.into(),
            family: Family::V4,
            ports: vec![],
            endpoints: here.chain(others).collect(),
        }));
    }

    fn remove(&self, name: &str) {
        self.balancer.changed::<Service>(Change::Gone(format!("shop/{name}")));
    }

    /// Ends as the agent does.
    async fn end(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

fn service(name: &str, port: NonZeroU16) -> Service {
    Service {
        name: ObjectName::new("shop", name),
        created: 1,
        kind: ServiceKind::LoadBalancer,
        cluster_ips: Addresses { v4: Some([10, 96, 0, 1].into()), v6: None },
        external_ips: vec![],
        load_balancer_ips: vec![],
        ports: vec![],
        affinity: None,
        internal: TrafficPolicy::Cluster,
        external: TrafficPolicy::Local,
        source_ranges: None,
        publish_not_ready: false,
        health_check_port: Some(port),
        distribution: None,
    }
}

/// Returns a port that nobody has.
fn free() -> NonZeroU16 {
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
    NonZeroU16::new(listener.local_addr().unwrap().port()).unwrap()
}

/// Sends a request and returns all that comes back; nothing if nobody listens.
async fn ask(address: IpAddr, port: NonZeroU16, request: &'static str) -> Option<String> {
    let asked = move || {
        let mut stream = TcpStream::connect(SocketAddr::new(address, port.get())).ok()?;
        stream.write_all(format!("{request} HTTP/1.1\r\nHost: n\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    };
    spawn_blocking(asked).await.unwrap()
}

/// Asks until the answer is as it should be.
async fn until(port: NonZeroU16, is_right: impl Fn(Option<&str>) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = ask(V4, port, "GET /").await;
        if is_right(answer.as_deref()) {
            return;
        }
        assert!(Instant::now() < deadline, "still {answer:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

fn is_of(name: &str) -> impl Fn(Option<&str>) -> bool {
    let word = format!("\"name\":\"{name}\"");
    move |answer| answer.is_some_and(|text| text.contains(&word))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_that_of_kube_proxy() {
    let (node, port) = (Node::new(), free());
    node.put("web", port);
    until(port, is_of("web")).await;
    for (ready, status) in [(0, "503 Service Unavailable"), (2, "200 OK"), (1, "200 OK")] {
        node.endpoints("web", ready);
        for (address, request) in [(V4, "GET /"), (V6, "GET /any/path?x"), (V4, "POST /")] {
            let answer = ask(address, port, request).await.unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert_eq!(head.lines().next(), Some(&*format!("HTTP/1.1 {status}")));
            for header in [
                "content-type: application/json",
                &format!("x-load-balancing-endpoint-weight: {ready}"),
                "connection: close",
            ] {
                assert!(head.lines().any(|line| line == header), "no {header} in {head}");
            }
            let expected = format!(
                r#"{{"service":{{"namespace":"shop","name":"web"}},"localEndpoints":{ready},"serviceProxyHealthy":true}}"#
            );
            assert_eq!(body, expected);
        }
    }
    let head = ask(V6, port, "HEAD /").await.unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_open_move_and_close_with_their_services() {
    let (node, first, second) = (Node::new(), free(), free());
    node.put("web", first);
    until(first, is_of("web")).await;
    node.put("web", second);
    until(second, is_of("web")).await;
    until(first, |answer| answer.is_none()).await;
    let near = Service { external: TrafficPolicy::Cluster, ..service("web", second) };
    node.balancer.changed(Change::Changed(near));
    until(second, |answer| answer.is_none()).await;
    node.put("web", second);
    until(second, is_of("web")).await;
    node.remove("web");
    until(second, |answer| answer.is_none()).await;
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_by_name_has_a_port_of_two_services() {
    let (node, port) = (Node::new(), free());
    node.put("b", port);
    until(port, is_of("b")).await;
    node.put("a", port);
    until(port, is_of("a")).await;
    node.remove("a");
    until(port, is_of("b")).await;
    node.end().await;
    assert_eq!(ask(V4, port, "GET /").await, None, "nothing listens when the agent has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_somebody_else_has_is_tried_again() {
    let (node, port) = (Node::new(), free());
    let other = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port.get())).unwrap();
    let next = free();
    node.put("web", port);
    node.put("x", next);
    // Ports are opened in one go, so the other was tried.
    until(next, is_of("x")).await;
    drop(other);
    until(port, is_of("web")).await;
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_listens_before_all_was_seen() {
    let balancer =
        Arc::new(Balancer::open(Arc::new(MemoryStore::default()), Limit::default(), 100).unwrap());
    let port = free();
    balancer.changed(Change::Changed(service("web", port)));
    assert_eq!(balancer.health_check_ports(), []);
    balancer.set_synced();
    assert_eq!(balancer.health_check_ports(), [(port, ObjectName::new("shop", "web"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_cut_off_and_others_get_their_turn() {
    let (node, port) = (Node::new(), free());
    node.put("web", port);
    until(port, is_of("web")).await;
    let silent = || TcpStream::connect(SocketAddr::new(V4, port.get())).unwrap();
    let mut slow: Vec<TcpStream> = (0..=CONNECTIONS).map(|_| silent()).collect();
    let answer = ask(V4, port, "GET /").await;
    assert!(is_of("web")(answer.as_deref()), "{answer:?}");
    // The oldest had to go, and the newest has had its time.
    for mut stream in [slow.remove(0), slow.remove(CONNECTIONS - 1)] {
        stream.set_read_timeout(Some(PATIENCE * 4)).unwrap();
        let end = spawn_blocking(move || stream.read(&mut [0; 16])).await.unwrap();
        let is_over = match &end {
            Ok(read) => *read == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        };
        assert!(is_over, "{end:?}");
    }
    node.end().await;
}

//! Services as clients outside of the cluster and the nodes themselves meet them.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    ops::Range,
    os::fd::AsRawFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use nix::{
    sys::{
        signal::{Signal, kill},
        socket::{
            AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, setsockopt, socket,
            sockopt,
        },
        time::{TimeVal, TimeValLike},
    },
    unistd::Pid,
};
use serde_json::{Value, json};
use skep::kernel::NetNs;

use super::{
    host::reaches,
    lab::{Lab, eventually, skep, text},
    pods::nodes,
};

const APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/services/outside.yaml");
const SKEP: &str = env!("CARGO_BIN_EXE_skep");

/// curl's exit codes.
const REFUSED: i32 = 7;
const TIMED_OUT: i32 = 28;

fn host(address: IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}

/// Asks for a page from outside; curl's exit code and the page.
fn get(lab: &Lab, address: IpAddr, port: u16, more: &[&str]) -> (i32, Value) {
    let url = format!("http://{}:{port}/", host(address));
    let output = lab.within("world", &[&["curl", "-s", "-m", "2"], more, &[&url]].concat());
    let page = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code().expect("it ends"), page)
}

/// Returns the node of the pod that answered, and the address that it saw.
fn seen(page: &Value) -> (String, IpAddr) {
    let client: SocketAddr = page["client"].as_str().expect("whom it saw").parse().expect("an end");
    (page["node"].as_str().expect("where it is").to_owned(), client.ip())
}

/// Sends a datagram from outside and expects it back; what was told.
fn echo(lab: &Lab, address: IpAddr, rest: &str) -> Value {
    let probe = format!("udp://{}:{rest}", host(address));
    let words = [SKEP, "connectivity", "probe", &probe, "-o", "json"];
    result(&lab.within("world", &words).stdout)
}

fn result(told: &[u8]) -> Value {
    let told: Value = serde_json::from_slice(told).expect("told as JSON");
    told["items"][0]["result"].clone()
}

/// Waits until all nodes know all pods: each answers at node ports, to somebody.
async fn settled(lab: &Lab, all: &[(String, Vec<IpAddr>)]) {
    for address in all.iter().flat_map(|(_, addresses)| addresses) {
        for port in [30_080, 30_081, 30_090] {
            eventually("node ports answer", || async {
                (get(lab, *address, port, &[]).0 == 0).then_some(())
            })
            .await;
        }
    }
}

#[tokio::test]
#[ignore = "needs root"]
async fn clients_outside_reach_services_by_every_node() {
    for routing in ["vxlan", "native"] {
        let lab = Lab::bare(routing, &["--nodes", "3", "--routing", routing, "-f", APP]);
        let all = nodes(&lab).await;
        settled(&lab, &all).await;
        for (name, addresses) in &all {
            for address in addresses {
                let at = format!("{routing}, {name}, {address}");
                for port in [30_080, 30_081, 30_090] {
                    for _ in 0..6 {
                        let (code, page) = get(&lab, *address, port, &[]);
                        assert_eq!(code, 0, "{at}:{port}");
                        let (node, client) = seen(&page);
                        // Only who is elsewhere sees the node.
                        assert_eq!(client == *address, node != *name, "{at}:{port}: {page}");
                    }
                }
                for port in ["30053", "30054", "30093"] {
                    assert_eq!(echo(&lab, *address, port), "answered", "{at}:{port}");
                }
                // The first may be too big for the overlay, which is told.
                let _ = echo(&lab, *address, "30054,size=4000");
                assert_eq!(echo(&lab, *address, "30054,size=4000"), "answered", "{at}");
                assert_eq!(get(&lab, *address, 30_083, &[]).0, REFUSED, "{at}");
                assert_eq!(echo(&lab, *address, "30055"), "refused", "{at}");
                // Other nodes do not answer for the pod, and load balancers are told so.
                let (code, page) = get(&lab, *address, 30_082, &[]);
                let (health, told) = get(&lab, *address, 31_999, &["--fail"]);
                if name == "node-1" {
                    assert_eq!((code, seen(&page).1 == *address), (0, false), "{at}: {page}");
                    assert_eq!((health, &told["localEndpoints"]), (0, &json!(1)), "{at}");
                    assert_eq!(get(&lab, *address, 18_080, &[]).0, 0, "the host's port at {at}");
                } else {
                    assert_eq!(code, TIMED_OUT, "{at}");
                    assert_ne!(health, 0, "{at}");
                    assert_eq!(get(&lab, *address, 18_080, &[]).0, REFUSED, "{at}");
                }
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs root"]
async fn nodes_reach_services_of_datagrams() {
    for routing in ["vxlan", "native"] {
        let lab = Lab::bare(routing, &["--nodes", "2", "--routing", routing, "-f", APP]);
        settled(&lab, &nodes(&lab).await).await;
        let services: Api<Service> = Api::namespaced(lab.client().await, "default");
        for (name, wanted) in [("web", "answered"), ("host", "answered"), ("empty", "refused")] {
            let spec = services.get(name).await.expect("it is there").spec.expect("it has one");
            for vip in spec.cluster_ips.expect("it has addresses") {
                let probe = format!("udp://{}:53", host(vip.parse().expect("an address")));
                // Backends of its own node, of itself and of the other one: each time another is drawn.
                for _ in 0..8 {
                    let words = [SKEP, "connectivity", "probe", &probe, "-o", "json"];
                    let told = result(&lab.exec("node-1", &words).stdout);
                    assert_eq!(told, wanted, "{routing}: {name} at {vip}");
                }
            }
        }
        for address in nodes(&lab).await.into_iter().flat_map(|(_, addresses)| addresses) {
            for (port, wanted) in [
                ("30053", "answered"),
                ("30054", "answered"),
                ("30093", "answered"),
                ("30055", "refused"),
            ] {
                let probe = format!("udp://{}:{port}", host(address));
                let words = [SKEP, "connectivity", "probe", &probe, "-o", "json"];
                for _ in 0..4 {
                    let told = result(&lab.exec("node-1", &words).stdout);
                    assert_eq!(told, wanted, "{routing}: node port {port} at {address}");
                }
            }
        }
    }
}

/// Ports that no kernel hands out by itself. One that it does may be held for a minute by another connection
/// that has just ended.
const CLIENTS: Range<u16> = 20_000..20_012;

/// Asks for a page from a port of the client's that is free again at once, since the connection is reset in
/// the end.
fn ask(server: SocketAddr, port: u16) -> std::io::Result<String> {
    let family = if server.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let socket = socket(family, SockType::Stream, SockFlag::empty(), None)?;
    setsockopt(&socket, sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 0 })?;
    setsockopt(&socket, sockopt::SendTimeout, &TimeVal::seconds(2))?;
    let any: IpAddr =
        if server.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    bind(socket.as_raw_fd(), &SockaddrStorage::from(SocketAddr::new(any, port)))?;
    connect(socket.as_raw_fd(), &SockaddrStorage::from(server))?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    let body = page.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok(body.to_owned())
}

#[tokio::test]
#[ignore = "needs root"]
async fn load_balancers_addresses_lead_to_the_same_backend_by_every_node() {
    let lab = Lab::bare("balanced", &["--nodes", "2", "-f", APP]);
    settled(&lab, &nodes(&lab).await).await;
    let world = NetNs::open(lab.dir().join("world/net")).expect("the world's namespace");
    let services: Api<Service> = Api::namespaced(lab.client().await, "default");
    let patch = json!({ "spec": {
        "type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.0/24", "2001:db8::/32"],
    }});
    services.patch("web", &PatchParams::default(), &Patch::Merge(&patch)).await.expect("patched");
    let status = json!({ "status": { "loadBalancer": {
        "ingress": [{ "ip": "10.77.0.1" }, { "ip": "fd77::1" }],
    }}});
    let params = PatchParams::default();
    services.patch_status("web", &params, &Patch::Merge(&status)).await.expect("patched");
    for (address, gateway, via) in [
        ("10.77.0.1", "192.0.2.1", ["172.31.0.11", "172.31.0.12"]),
        ("fd77::1", "2001:db8:ffff::1", ["fd31::11", "fd31::12"]),
    ] {
        let vip: IpAddr = address.parse().expect("an address");
        let routed = |namespace: &str, via: &str| {
            let output = lab.within(namespace, &["ip", "route", "replace", address, "via", via]);
            assert!(output.status.success(), "{}", text(&output));
        };
        routed("world", gateway);
        let mut drawn = BTreeSet::new();
        for port in CLIENTS {
            let mut takers = Vec::new();
            for node in via {
                routed("fabric", node);
                let taker = eventually("the load balancer answers", || async {
                    let page = world.run(|| ask(SocketAddr::new(vip, 80), port)).expect("entered");
                    let page: Value = serde_json::from_str(&page.ok()?).expect("a page");
                    Some(page["pod"].as_str().expect("a pod").to_owned())
                })
                .await;
                takers.push(taker);
            }
            assert_eq!(takers[0], takers[1], "{address}, client's port {port}");
            drawn.extend(takers);
        }
        assert_eq!(drawn.len(), 2, "both backends take connections to {address}");
    }
    // From elsewhere nobody may connect.
    let strange = ["--interface", "203.0.113.10"];
    let vip = "10.77.0.1".parse().expect("an address");
    assert_eq!(get(&lab, vip, 80, &strange).0, TIMED_OUT);
    // A node is told at once, and served as soon as it may.
    let ask = || lab.exec("node-1", &["curl", "-s", "-m", "5", "http://10.77.0.1/"]);
    assert_eq!(ask().status.code(), Some(REFUSED), "the host is unreachable");
    let patch = json!({ "spec": { "loadBalancerSourceRanges": ["172.31.0.0/16"] } });
    services.patch("web", &PatchParams::default(), &Patch::Merge(&patch)).await.expect("patched");
    eventually("nodes are served", || async { ask().status.success().then_some(()) }).await;
}

/// Opens connection after connection until a file is gone, and sends a big one slowly; prints how many
/// failed and how many there were.
const LOAD: &str = "touch $1; failed=0; all=0; \
    head -c 12000000 /dev/zero | curl -s -m 60 --limit-rate 2M -T - -o /dev/null \"$2\" & \
    while [ -e $1 ]; do curl -s -o /dev/null -m 5 \"$2\" || failed=$((failed+1)); all=$((all+1)); \
    done; wait $! || failed=$((failed+1)); echo $failed $all";

#[tokio::test]
#[ignore = "needs root"]
async fn no_connection_from_outside_fails_while_agents_are_killed() {
    let lab = Lab::bare("outload", &["--nodes", "2", "-f", APP]);
    let all = nodes(&lab).await;
    settled(&lab, &all).await;
    let (_, second) = &all[1];
    // The pod is on the first node: every packet is translated twice.
    let url = format!("http://{}:30081/", host(second[0]));
    let mark = std::env::temp_dir().join(format!("{}-load", lab.name));
    let file = mark.to_str().expect("a path of text");
    let load = std::thread::scope(|scope| {
        let load = scope.spawn(|| lab.within("world", &["sh", "-c", LOAD, "sh", file, &url]));
        for _ in 0..3 {
            let victims = lab.processes(&["agent", "--node-name"]);
            for pid in victims {
                kill(Pid::from_raw(pid), Signal::SIGKILL).expect("killed");
            }
            let deadline = Instant::now() + Duration::from_secs(60);
            while !skep(&["lab", "status", "--name", &lab.name]).status.success() {
                assert!(Instant::now() < deadline, "the agents come back");
            }
        }
        std::fs::remove_file(&mark).expect("the client is busy");
        load.join().expect("the client ends")
    });
    let said = String::from_utf8_lossy(&load.stdout).into_owned();
    let counts: Vec<u32> = said.split_whitespace().map(|n| n.parse().expect("a number")).collect();
    let [failed, all] = counts[..] else { panic!("two numbers: {said}") };
    println!("{all} connections, {failed} failed");
    assert!(all > 20, "{all}");
    assert_eq!(failed, 0, "of {all}");
}

/// Opens flows of UDP from the world until the node's table of connections is full, many times over.
fn flood(world: &NetNs, server: SocketAddr) {
    let sent = world.run(|| {
        for port in 20_000..60_000 {
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?.send_to(b"flood", server)?;
        }
        Ok::<_, std::io::Error>(())
    });
    sent.expect("entered").expect("sent");
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_full_table_of_connections_cuts_none_and_is_told() {
    let lab = Lab::bare("outfull", &["--nodes", "2", "-f", APP]);
    let all = nodes(&lab).await;
    settled(&lab, &all).await;
    let world = NetNs::open(lab.dir().join("world/net")).expect("the world's namespace");
    let (name, second) = &all[1];
    let url = format!("http://{}:30081/", host(second[0]));
    let slow = "head -c 12000000 /dev/zero | \
        curl -s -m 60 --limit-rate 2M -T - -o /dev/null -w %{http_code} $1";
    let code = std::thread::scope(|scope| {
        let load = scope.spawn(|| lab.within("world", &["sh", "-c", slow, "sh", &url]));
        for _ in 0..3 {
            flood(&world, SocketAddr::new(second[0], 30_054));
        }
        load.join().expect("it ends")
    });
    assert_eq!(text(&code), "200", "who was connected stays connected");
    let output = lab.exec(name, &[SKEP, "bpf", "metrics", "list", "-o", "json"]);
    let counters: Value = serde_json::from_slice(&output.stdout).expect("told as JSON");
    let refused = counters["items"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|counter| counter["reason"] == "CT_MAP_INSERTION_FAILED");
    println!("{}", refused.expect("what found no room is counted"));
    // Strangers have half of the table, however busy they are: in the midst of it the node finds room.
    let (on, server) = (Arc::new(AtomicBool::new(true)), SocketAddr::new(second[0], 30_054));
    let goes_on = Arc::clone(&on);
    let flooding = std::thread::spawn(move || {
        (0..60).take_while(|_| goes_on.load(Ordering::Relaxed)).for_each(|_| flood(&world, server));
    });
    let first = all[0].1[0].to_string();
    eventually("the node opens connections", || async {
        (0..5).all(|_| reaches(&lab, name, &first)).then_some(())
    })
    .await;
    assert!(!flooding.is_finished(), "it went on all the time");
    on.store(false, Ordering::Relaxed);
    flooding.join().expect("it ends");
}

#[tokio::test]
#[ignore = "needs root"]
async fn kube_proxy_beside_skep_is_told() {
    let lab = Lab::bare("switch", &["--nodes", "1"]);
    let services = || {
        let output = lab.exec("node-1", &[SKEP, "status", "-o", "json"]);
        text(&output).contains("kube-proxy-1 runs here, too").then_some(())
    };
    assert_eq!(services(), None);
    let pod = serde_json::from_value(json!({
        "metadata": { "name": "kube-proxy-1", "labels": { "k8s-app": "kube-proxy" } },
        "spec": { "hostNetwork": true, "containers": [{ "name": "one", "image": "none" }] },
    }));
    let pods: Api<Pod> = Api::namespaced(lab.client().await, "kube-system");
    pods.create(&PostParams::default(), &pod.expect("a pod")).await.expect("it is made");
    eventually("the agent knows of kube-proxy", || async { services() }).await;
}

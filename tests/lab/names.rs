//! Names of the cluster and of the world, and the world's web servers.

use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

use domain::{
    base::{Message, MessageBuilder, Name, ParsedName, Rtype, iana::Rcode},
    rdata::AllRecordData,
};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams},
};
use skep::kernel::NetNs;

use super::{
    lab::{Lab, eventually, skep, text},
    pods,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs a command in a pod of the shop: its output, if it ended with success.
async fn try_in_pod(client: &Client, pod: &str, command: &str) -> Result<String, String> {
    let words = ["sh", "-c", command].map(str::to_owned);
    let ran = skep::kubernetes::exec(client, "shop", pod, None, &words).await;
    let output = ran.expect("it is run");
    let both = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&both).trim_end().to_owned();
    if output.code == 0 { Ok(said) } else { Err(format!("{command}: {} {said}", output.code)) }
}

async fn in_pod(client: &Client, pod: &str, command: &str) -> String {
    try_in_pod(client, pod, command).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Asks a name server from a node: over UDP first, and TCP when the reply is cut short or `tcp`.
fn ask(from: &NetNs, server: IpAddr, name: &str, rtype: Rtype, tcp: bool) -> (Rcode, Vec<String>) {
    let mut question = MessageBuilder::new_vec().question();
    question.header_mut().set_rd(true);
    question.push((Name::vec_from_str(name).expect("a name"), rtype)).expect("room");
    let query = question.finish();
    let address = SocketAddr::new(server, 53);
    let octets = from.run(|| if tcp { by_tcp(address, &query) } else { by_udp(address, &query) });
    let octets = octets.expect("the namespace can be entered").expect("a reply");
    let reply = Message::from_octets(octets).expect("a message");
    let records = reply.answer().expect("answers").limit_to::<AllRecordData<_, ParsedName<_>>>();
    let mut texts: Vec<String> =
        records.map(|record| record.expect("a record").data().to_string()).collect();
    texts.sort();
    (reply.header().rcode(), texts)
}

fn by_udp(server: SocketAddr, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(server)?;
    socket.send(query)?;
    let mut buffer = vec![0; 4096];
    let length = socket.recv(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}

fn by_tcp(server: SocketAddr, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = u16::try_from(query.len()).expect("short");
    stream.write_all(&[&length.to_be_bytes(), query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut reply = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut reply)?;
    Ok(reply)
}

/// Returns the DNS pods that are ready.
async fn dns_pods(client: &Client) -> Vec<Pod> {
    let api: Api<Pod> = Api::namespaced(client.clone(), "kube-system");
    let selector = ListParams::default().labels("k8s-app=kube-dns");
    let pods = api.list(&selector).await.expect("pods are listed").items;
    let ready = |pod: &Pod| {
        let conditions = pod.status.clone().and_then(|status| status.conditions);
        pod.metadata.deletion_timestamp.is_none()
            && conditions.is_some_and(|all| {
                all.iter().any(|one| one.type_ == "Ready" && one.status == "True")
            })
    };
    pods.into_iter().filter(ready).collect()
}

async fn service_ips(client: &Client, namespace: &str, name: &str) -> Vec<String> {
    let api: Api<Service> = Api::namespaced(client.clone(), namespace);
    let service = api.get(name).await.expect("a service");
    service.spec.and_then(|spec| spec.cluster_ips).expect("addresses")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root"]
async fn pods_resolve_services_pods_and_the_world_by_both_families() {
    let lab = Lab::up("names", &["--nodes", "2"]);
    let client = lab.client().await;
    let frontend = pods::pods(&lab, "frontend").await.remove(0).name_any();
    let servers = dns_pods(&client).await;
    assert_eq!(servers.len(), 2);
    // What kubelet writes.
    let conf = in_pod(&client, &frontend, "cat /etc/resolv.conf").await;
    assert!(
        conf.contains("\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\n"),
        "{conf}"
    );
    assert!(conf.ends_with("options ndots:5"), "{conf}");
    let service = service_ips(&client, "kube-system", "kube-dns").await;
    assert_eq!(service, ["10.96.0.10", "fd00:10:96::a"]);
    assert!(conf.starts_with("nameserver 10.96.0.10\nnameserver fd00:10:96::a\n"), "{conf}");
    // Through the machine's own resolver, with search paths.
    let api = service_ips(&client, "shop", "api").await;
    for (name, family, expected) in [
        ("api", "ahostsv4", api[0].as_str()),
        ("api.shop", "ahostsv6", &api[1]),
        ("kubernetes.default", "ahostsv4", "10.96.0.1"),
        ("api.shop.svc.cluster.local", "ahostsv4", &api[0]),
        ("example.com", "ahostsv4", "198.51.100.10"),
        ("www.example.net", "ahostsv6", "2001:db8:2::10"),
    ] {
        let found = in_pod(&client, &frontend, &format!("getent {family} {name}")).await;
        assert!(found.starts_with(&format!("{expected} ")), "{name}: {found}");
    }
    assert!(try_in_pod(&client, &frontend, "getent hosts absent.example").await.is_err());
    // Everything else, asked by both families and both transports.
    let database = pods::pods(&lab, "database").await.remove(0);
    let own = pods::addresses(&database);
    let node = NetNs::open(lab.dir().join("node-1/net")).expect("the node's namespace");
    let (ok, none) = (Rcode::NOERROR, Rcode::NXDOMAIN);
    for server in servers.iter().flat_map(pods::addresses) {
        for tcp in [false, true] {
            let ask = |name: &str, rtype| ask(&node, server, name, rtype, tcp);
            let service = "database.shop.svc.cluster.local";
            assert_eq!(ask(service, Rtype::A), (ok, vec![own[0].to_string()]));
            assert_eq!(ask(service, Rtype::AAAA), (ok, vec![own[1].to_string()]));
            let host = format!("database-0.{service}");
            assert_eq!(ask(&host, Rtype::A), (ok, vec![own[0].to_string()]));
            let (code, ports) = ask(&format!("_postgres._tcp.{service}"), Rtype::SRV);
            assert_eq!((code, ports), (ok, vec![format!("0 100 5432 {host}")]));
            for address in &own {
                let reverse = Name::<Vec<u8>>::reverse_from_addr(*address).expect("a name");
                let found = ask(&reverse.to_string(), Rtype::PTR);
                assert_eq!(found, (ok, vec![format!("{host}.")]), "{address}");
            }
            let dashed = own[0].to_string().replace('.', "-");
            let pod = ask(&format!("{dashed}.shop.pod.cluster.local"), Rtype::A);
            assert_eq!(pod, (ok, vec![own[0].to_string()]));
            assert_eq!(ask(service, Rtype::TXT), (ok, vec![]));
            assert_eq!(ask("absent.shop.svc.cluster.local", Rtype::A), (none, vec![]));
            assert_eq!(ask("example.com", Rtype::AAAA), (ok, vec!["2001:db8:1::10".into()]));
            assert_eq!(ask("absent.example", Rtype::A), (none, vec![]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root"]
async fn names_work_again_when_the_servers_have_been_replaced() {
    let lab = Lab::up("renamed", &["--nodes", "1"]);
    let client = lab.client().await;
    let frontend = pods::pods(&lab, "frontend").await.remove(0).name_any();
    let before = dns_pods(&client).await.remove(0);
    let api: Api<Pod> = Api::namespaced(client.clone(), "kube-system");
    api.delete(&before.name_any(), &DeleteParams::default().grace_period(0))
        .await
        .expect("deleted");
    let after = eventually("another DNS pod", || async {
        dns_pods(&client).await.into_iter().find(|pod| pod.uid() != before.uid())
    })
    .await;
    assert_ne!(pods::addresses(&after), pods::addresses(&before));
    // The node learns of it a moment later.
    eventually("a name", || async {
        try_in_pod(&client, &frontend, "getent hosts api").await.ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root"]
async fn the_world_has_names_that_come_and_go_and_web_servers_that_pods_trust() {
    let lab = Lab::up("world", &["--nodes", "1"]);
    let client = lab.client().await;
    let frontend = pods::pods(&lab, "frontend").await.remove(0).name_any();
    let dns = |verb: &str, args: &[&str]| {
        skep(&[&["lab", "world", "dns", verb, "--name", &lab.name], args].concat())
    };
    // One address of each external network that nothing else has.
    let added = dns("add", &["Shop.Test", "203.0.113.77", "2001:db8:1::77"]);
    assert!(added.status.success(), "{}", text(&added));
    let curl = "curl -sS -m 5 --noproxy '*'";
    for (family, expected) in [("-4", "203.0.113.77:"), ("-6", "[2001:db8:1::77]:")] {
        for (url, port) in [("http://shop.test/a", 80), ("https://shop.test/a", 443)] {
            // No flag for certificates: pods trust the world's authority as images do the internet's.
            let answer = in_pod(&client, &frontend, &format!("{curl} {family} {url}")).await;
            assert!(
                answer.contains(&format!("\"server\":\"{expected}{port}\"")),
                "{url}: {answer}"
            );
        }
    }
    let authority = skep(&["lab", "world", "ca", "--name", &lab.name]);
    let shown = String::from_utf8_lossy(&authority.stdout).trim().to_owned();
    assert!(shown.starts_with("-----BEGIN CERTIFICATE-----"), "{}", text(&authority));
    let file = "/run/lab/world-ca.crt";
    assert_eq!(in_pod(&client, &frontend, &format!("cat {file}")).await, shown);
    let by_address = format!("{curl} --cacert {file} 'https://[2001:db8:2::10]/'");
    in_pod(&client, &frontend, &by_address).await;
    let distrusted = format!("env -u CURL_CA_BUNDLE -u SSL_CERT_FILE {curl} https://shop.test/");
    assert!(try_in_pod(&client, &frontend, &distrusted).await.is_err());
    // Nodes ask the world, too.
    let on_node =
        lab.exec("node-1", &["sh", "-c", &format!("{curl} --cacert {file} https://shop.test/")]);
    assert!(on_node.status.success(), "{}", text(&on_node));
    // Lists, removals, mistakes.
    let list = dns("list", &["-o", "json"]);
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).expect("JSON");
    let items = list["items"].as_array().expect("a list");
    let shop = items.iter().find(|item| item["name"] == "shop.test").expect("the name");
    assert_eq!(shop["addresses"], serde_json::json!(["203.0.113.77", "2001:db8:1::77"]));
    assert!(text(&dns("list", &[])).contains("shop.test        203.0.113.77 2001:db8:1::77"));
    assert!(dns("remove", &["shop.test", "203.0.113.77"]).status.success());
    assert!(try_in_pod(&client, &frontend, "getent ahostsv4 shop.test").await.is_err());
    in_pod(&client, &frontend, "getent ahostsv6 shop.test").await;
    assert!(dns("remove", &["shop.test"]).status.success());
    assert!(try_in_pod(&client, &frontend, "getent ahostsv6 shop.test").await.is_err());
    for (verb, args, code, expected) in [
        ("remove", &["shop.test"][..], 4, "the world has no name shop.test"),
        ("remove", &["example.com", "192.0.2.1"], 4, "example.com has no address 192.0.2.1"),
        ("add", &["api.shop.svc.cluster.local", "192.0.2.1"], 2, "belongs to the cluster"),
        ("add", &["a..b", "192.0.2.1"], 2, "is not a domain name"),
        ("add", &["a.test"], 2, "required"),
    ] {
        let output = dns(verb, args);
        assert_eq!(output.status.code(), Some(code), "{verb} {args:?}: {}", text(&output));
        assert!(text(&output).contains(expected), "{}", text(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root"]
async fn one_family_is_enough_for_names() {
    for (family, expected) in [("ipv4", "198.51.100.10"), ("ipv6", "2001:db8:1::10")] {
        let lab = Lab::up(family, &["--nodes", "1", "--ip-family", family]);
        let client = lab.client().await;
        let frontend = pods::pods(&lab, "frontend").await.remove(0).name_any();
        let found = in_pod(&client, &frontend, "getent ahosts example.com").await;
        assert!(found.starts_with(&format!("{expected} ")), "{found}");
        let api = service_ips(&client, "shop", "api").await;
        let found = in_pod(&client, &frontend, "getent ahosts api").await;
        assert!(found.starts_with(&format!("{} ", api[0])), "{found}");
        let url = "curl -sS -m 5 --noproxy '*' https://www.example.net/";
        in_pod(&client, &frontend, url).await;
    }
}

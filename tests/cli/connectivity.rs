use insta::assert_snapshot;

use crate::run::Home;

#[test]
fn a_bad_pattern_is_a_usage_error_with_its_place() {
    let home = Home::new();
    assert_snapshot!(home.run(&["connectivity", "test", "--test", "pod-(to"]), @r"
code: 2
--- stdout
--- stderr
error: invalid value 'pod-(to' for '--test <REGEX>': column 5: unclosed group

For more information, try '--help'.
");
    for (pattern, place) in [("!a[b", "column 3"), ("dns/a{", "column 6"), ("!", "column 2")] {
        let outcome = home.run(&["connectivity", "test", "--test", pattern]);
        assert_eq!(outcome.code, Some(2), "{outcome}");
        assert!(outcome.stderr.contains(place), "{outcome}");
    }
}

#[test]
fn a_pattern_that_fits_nothing_is_a_usage_error() {
    let home = Home::new();
    assert_snapshot!(home.run(&["connectivity", "test", "--test", "pod-to-pot"]), @r#"
code: 2
--- stdout
--- stderr
error: --test "pod-to-pot" fits no scenario

hint: `skep connectivity list --profile full` shows every scenario
"#);
}

#[test]
fn other_mistakes_are_found_before_anyone_is_asked() {
    let home = Home::new();
    for (args, part) in [
        (&["--external-target", "http://example.org"][..], "neither an address nor a name"),
        (&["--external-target", "example.org:web"], "\"web\" is no port"),
        (&["--test-namespace", "Upper"], "a namespace's name"),
        (&["--profile", "tiny"], "possible values: smoke, standard, full"),
        (&["--timeout", "0"], "0 is not in 1..=600"),
    ] {
        let outcome = home.run(&[&["connectivity", "test"], args].concat());
        assert_eq!(outcome.code, Some(2), "{outcome}");
        assert!(outcome.stderr.contains(part), "{outcome}");
    }
}

#[test]
fn without_a_cluster_the_error_says_what_to_do() {
    let home = Home::new();
    let outcome = home.run(&["connectivity", "test"]);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.contains("\nhint: check --kubeconfig"), "{outcome}");
}

#[test]
fn the_list_needs_no_cluster_and_both_ways_to_it_agree() {
    let home = Home::new();
    assert_snapshot!(home.run(&["connectivity", "list", "--profile", "smoke"]), @r"
code: 0
--- stdout
SCENARIO                        PROFILE  WHAT IT TRIES
no-policies/pod-to-pod          smoke    Pods reach pods of their own and of other nodes, and keep their address
no-policies/client-to-client    smoke    Pods that serve nothing reach each other by ICMP
no-policies/pod-to-host         smoke    Pods reach the host network of their own node
no-policies/pod-to-remote-host  smoke    Pods reach the host network of other nodes
no-policies/host-to-pod         smoke    Nodes reach pods of their own and of other nodes
no-policies/pod-to-world        smoke    Pods reach the external targets
probes/kubelet-exec             smoke    Exec probes of kubelets succeed
dns/dns-service                 smoke    Pods resolve the cluster's own service
services/pod-to-service         smoke    Pods reach every server by a service's address
policy/echo-ingress             smoke    Only one team reaches servers, by TCP
policy/all-egress-deny-knp      smoke    Nothing gets out but answers, by NetworkPolicy
gates/no-unexpected-drops       smoke    No packet was dropped but by policies under test
gates/expected-flows            smoke    Agents tell of what got through, in flows with the right facts
gates/no-errors-in-logs         smoke    No agent logged an error
--- stderr
");
    let list = home.run(&["connectivity", "list", "--test", "dns/", "-o", "json"]);
    let same = home.run(&["connectivity", "test", "--list", "--test", "dns/", "-o", "json"]);
    assert_eq!(list.json(), same.json());
    let json = list.json();
    assert_eq!(json["apiVersion"], "cli.skep.io/v1");
    assert_eq!(json["kind"], "ScenarioList");
    assert_eq!(json["items"].as_array().map(Vec::len), Some(4));
    assert_eq!(json["items"][0]["name"], "dns-service");
}

#[test]
fn a_probe_tells_how_it_ended() {
    let home = Home::new();
    // Nobody listens on this port of the loopback device.
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let open = format!("tcp://127.0.0.1:{port},size=0");
    let outcome = home.run(&["connectivity", "probe", &open, "-o", "json"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(outcome.json()["items"][0]["result"], "answered");
    drop(socket);
    let outcome = home.run(&["connectivity", "probe", &open]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    let heading = format!("{:width$}  RESULT", "PROBE", width = open.len());
    assert_eq!(outcome.stdout, format!("{heading}\n{open}  refused\n"));
    assert_snapshot!(home.run(&["connectivity", "probe", "tcp://10.0.0.1"]), @r"
code: 2
--- stdout
--- stderr
error: invalid value 'tcp://10.0.0.1' for '<PROBE>...': tcp:// needs a port, as in tcp://10.0.0.1:80

For more information, try '--help'.
");
}

#[test]
fn client_and_server_work_by_hand() {
    let home = Home::new();
    let port = port_to_serve().to_string();
    let mut server = home.spawn(&["connectivity", "serve", "--port", &port, "--name", "me"]);
    let probes = ["http", "tcp", "udp"].map(|protocol| format!("{protocol}://127.0.0.1:{port}"));
    let who = format!("udp://127.0.0.1:{port},servers=1");
    let mut args = vec!["connectivity", "probe", "--wait", "--timeout", "20", "-o", "json"];
    args.extend(probes.iter().chain([&who]).map(String::as_str));
    let outcome = home.run(&args);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(outcome.json()["items"][0]["seenAs"], "127.0.0.1");
    assert_eq!(outcome.json()["items"][3]["servers"][0], "me");
    // A second one cannot have the port.
    let second = home.run(&["connectivity", "serve", "--port", &port]);
    assert_eq!(second.code, Some(3), "{second}");
    assert!(second.stderr.contains("hint: another program listens there"), "{second}");
    server.kill().expect("it runs");
    server.wait().expect("it ends");
}

/// A port that nobody has by TCP or UDP, below those that clients of other tests get: one of these
/// may be a client's by TCP when it was free by UDP.
fn port_to_serve() -> u16 {
    let own = (std::process::id() % 10_000) as u16;
    let is_free = |port: &u16| {
        let any = (std::net::Ipv4Addr::UNSPECIFIED, *port);
        std::net::TcpListener::bind(any).is_ok() && std::net::UdpSocket::bind(any).is_ok()
    };
    (20_000 + own..32_000).find(is_free).expect("one of thousands of ports is free")
}

//! Nothing that is wrong reaches the agent, and each mistake has its code.

use std::time::Duration;

use serde_json::{Value, json};

use super::plugin::{Call, Node, OtherNetns};

/// Nobody listens in these tests, so code 11 would mean that a bad call got as far as the agent.
fn check(node: &Node, call: Call, code: u64, part: &str) {
    let shown = format!(
        "{:?} {}",
        call.env,
        String::from_utf8_lossy(&call.stdin[..call.stdin.len().min(300)])
    );
    let answer = call.run();
    let (found, msg) = answer.failure();
    assert_eq!(found, code, "{shown}: {msg}");
    assert!(msg.contains(part), "{shown}: {msg}");
    assert!(msg.len() < 600 && !msg.contains("s3cret"), "{msg}");
    assert_eq!(answer.stderr, "");
    assert_eq!(node.queued(), Vec::<Value>::new());
}

#[test]
fn malformed_configurations() {
    let node = Node::new();
    let bytes = |stdin: &[u8]| {
        let mut call = node.call("ADD", "1.0.0");
        call.stdin = stdin.to_vec();
        call
    };
    for (stdin, code, part) in [
        (&b""[..], 6, "no network configuration"),
        (b" \n", 6, "no network configuration"),
        (b"{\"token\": s3cret", 6, "not valid JSON (line 1"),
        (b"\xff\xfe", 6, "not valid JSON"),
        (b"[]", 6, "not a JSON object"),
        (b"null", 6, "not a JSON object"),
        (b"{}", 1, "has no cniVersion"),
    ] {
        check(&node, bytes(stdin), code, part);
    }
    check(&node, bytes("[".repeat(100_000).as_bytes()), 6, "not valid JSON");
    for (change, code, part) in [
        (json!({"cniVersion": 1}), 6, "cniVersion"),
        (json!({"cniVersion": "s3cret"}), 6, "cniVersion"),
        (json!({"cniVersion": "9.9.9"}), 1, "9.9.9 is not supported; set one of 0.3.1"),
        (json!({"cniVersion": "0.2.0"}), 1, "0.2.0 is not supported"),
        (json!({"name": null}), 7, "name is missing"),
        (json!({"name": "../s3cret"}), 7, "name must be"),
        (json!({"type": "/bin/s3cret"}), 7, "type must be"),
        (json!({"socket": "s3cret"}), 7, "socket must be"),
        (json!({"prevResult": "s3cret"}), 7, "prevResult must be an object"),
        (json!({"prevResult": {"ips": [{"address": "s3cret"}]}}), 7, "prevResult has ips"),
        (json!({"runtimeConfig": {"portMappings": "s3cret"}}), 7, "runtimeConfig has"),
        (json!({"ipam": {"type": "host-local"}}), 2, "ipam is not supported"),
        (
            json!({"runtimeConfig": {"portMappings": [{"HostPort": 8080, "ContainerPort": 80}]}}),
            2,
            "8080->80/tcp",
        ),
        (
            json!({"prevResult": {"interfaces": [{"name": "eth0", "sandbox": "/run/netns/x"}]}}),
            7,
            "already has the interface eth0",
        ),
    ] {
        check(&node, node.call("ADD", "1.0.0").with(&change), code, part);
    }
    check(&node, node.call("GC", "1.1.0"), 7, "cni.dev/valid-attachments is missing");
    let escaping = json!({"cni.dev/valid-attachments": [{"containerID": "../x", "ifname": "a"}]});
    check(&node, node.call("GC", "1.1.0").with(&escaping), 7, "cni.dev/valid-attachments must be");
}

#[test]
fn verbs_need_their_version() {
    let node = Node::new();
    check(&node, node.call("CHECK", "0.3.1"), 1, "CHECK needs cniVersion 0.4.0");
    for verb in ["GC", "STATUS"] {
        check(&node, node.call(verb, "1.0.0"), 1, "needs cniVersion 1.1.0");
    }
}

#[test]
fn a_huge_configuration_is_refused_quickly() {
    let node = Node::new();
    let mut call = node.call("ADD", "1.0.0");
    call.stdin = format!("{{\"x\": \"{}\"}}", "y".repeat(10 << 20)).into_bytes();
    let answer = call.run();
    assert_eq!(answer.failure().0, 6);
    assert!(answer.took < Duration::from_secs(2), "{:?}", answer.took);
}

#[test]
fn malformed_environments() {
    let node = Node::new();
    let long = "a".repeat(4096);
    for (name, value, part) in [
        ("CNI_COMMAND", &b""[..], "CNI_COMMAND is missing"),
        ("CNI_COMMAND", b"BREW", "CNI_COMMAND must be ADD"),
        ("CNI_CONTAINERID", b"", "CNI_CONTAINERID is missing"),
        ("CNI_CONTAINERID", b"../../etc", "CNI_CONTAINERID must be"),
        ("CNI_CONTAINERID", b"a\xff", "CNI_CONTAINERID is not UTF-8"),
        ("CNI_CONTAINERID", long.as_bytes(), "CNI_CONTAINERID has 4096 bytes"),
        ("CNI_IFNAME", b"", "CNI_IFNAME is missing"),
        ("CNI_IFNAME", b"sixteen-letters-", "CNI_IFNAME has 16 bytes"),
        ("CNI_IFNAME", b"a/b", "CNI_IFNAME is no name"),
        ("CNI_IFNAME", b"eth0:1", "CNI_IFNAME is no name"),
        ("CNI_IFNAME", b"..", "CNI_IFNAME is no name"),
        ("CNI_ARGS", b"K8S_POD_NAME", "CNI_ARGS must be"),
        ("CNI_ARGS", b"K8S_POD_NAME=a/b;K8S_POD_NAMESPACE=x", "CNI_ARGS has a K8S_POD_"),
        ("CNI_NETNS", b"", "CNI_NETNS is missing"),
        ("CNI_NETNS", b"netns/x", "is not below /run/netns"),
        ("CNI_NETNS", b"/etc/passwd", "is not below /run/netns"),
        ("CNI_NETNS", b"/run/netns/../../etc/passwd", "is not below /run/netns"),
        ("CNI_NETNS", b"/run/netns/skept-absent", "cannot be opened"),
        ("CNI_NETNS", b"/proc/4194304/ns/net", "cannot be opened"),
    ] {
        check(&node, node.call("ADD", "1.0.0").env(name, value), 4, part);
    }
    let host = format!("/proc/{}/ns/net", std::process::id());
    check(&node, node.call("ADD", "1.0.0").env("CNI_NETNS", host), 4, "the node's own");
    let all = node.call("ADD", "1.0.0").env("CNI_CONTAINERID", "/").env("CNI_IFNAME", "/");
    check(&node, all, 4, "CNI_IFNAME");
}

#[test]
fn only_the_agent_is_missing_when_all_is_well() {
    let node = Node::new();
    let netns = OtherNetns::new();
    let call = node.call("ADD", "1.0.0").env("CNI_NETNS", netns.path());
    check(&node, call, 11, "the skep agent is not running on this node");
}

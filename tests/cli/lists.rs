use insta::assert_snapshot;

use crate::agent::{Agent, Facts, endpoint};

#[test]
fn a_list_is_a_table_for_people() {
    let agent = Agent::start(Facts::default());
    assert_snapshot!(agent.home.run(&["endpoint", "list"]), @r"
code: 0
--- stdout
ID  NAMESPACE  POD         IPV4        IPV6              IDENTITY  STATE
1   shop       frontend-x  10.244.1.1  fd00:10:244:1::1  1001      ready
2   shop       api-y       10.244.1.2  fd00:10:244:1::2  1002      ready
--- stderr
");
    assert_snapshot!(agent.home.run(&["endpoint", "list", "-o", "wide"]), @r"
code: 0
--- stdout
ID  NAMESPACE  POD         IPV4        IPV6              IDENTITY  STATE  INTERFACE       IFINDEX  MAC                INCARNATION  LABELS
1   shop       frontend-x  10.244.1.1  fd00:10:244:1::1  1001      ready  skep0000000001  11       02:00:00:00:00:01  1            k8s:app=frontend-x
2   shop       api-y       10.244.1.2  fd00:10:244:1::2  1002      ready  skep0000000002  12       02:00:00:00:00:02  2            k8s:app=api-y
--- stderr
");
    assert_snapshot!(agent.home.run(&["node", "list"]), @r"
code: 0
--- stdout
NAME  READY  IPV4         IPV6  POD CIDRS
n1    yes    172.31.0.11  -     10.244.1.0/24
--- stderr
");
    assert_snapshot!(agent.home.run(&["identity", "list"]), @r"
code: 0
--- stdout
ID    STATE   ENDPOINTS  LABELS
1001  active  1          k8s:app=frontend
--- stderr
");
    assert_snapshot!(agent.home.run(&["bpf", "metrics", "list"]), @r"
code: 0
--- stdout
REASON             DIRECTION  PACKETS  BYTES
INVALID_SOURCE_IP  egress     3        2.00Ki
--- stderr
");
    assert_snapshot!(agent.home.run(&["endpoint", "list", "-o", "name"]).stdout, @r"
shop/frontend-x
shop/api-y
");
}

#[test]
fn a_list_is_a_versioned_document_for_scripts() {
    let agent = Agent::start(Facts::default());
    let json = agent.home.run(&["endpoint", "list", "-o", "json"]).json();
    assert_eq!(json["apiVersion"], "cli.skep.io/v1");
    assert_eq!(json["kind"], "EndpointList");
    assert_eq!(json["items"][0]["nodeName"], "n1");
    assert_eq!(json["items"][0]["podInterface"], "eth0");
    assert_eq!(json["items"][0]["addresses"]["v6"], "fd00:10:244:1::1");
    assert_eq!(json["items"][0]["mac"], "02:00:00:00:00:01");
    let yaml = agent.home.run(&["endpoint", "list", "-o", "yaml"]);
    assert!(yaml.stdout.starts_with("apiVersion: cli.skep.io/v1\nkind: EndpointList\nitems:\n"));
    for (command, kind) in [
        ("node list", "NodeList"),
        ("identity list", "IdentityList"),
        ("bpf endpoint list", "BpfEndpointList"),
        ("bpf ct list", "ConnectionList"),
        ("bpf node list", "BpfNodeList"),
        ("bpf lb list", "BpfFrontendList"),
        ("bpf lb list --frontends", "BpfFrontendList"),
        ("bpf lb list --backends", "BpfBackendList"),
        ("bpf lb list --affinity", "BpfAffinityList"),
        ("bpf lb list --maglev", "BpfMaglevList"),
        ("bpf lb list --revnat", "BpfRevNatList"),
        ("bpf nat list", "TranslationList"),
        ("bpf metrics list", "MetricList"),
        ("status", "NodeStatusList"),
    ] {
        let args: Vec<&str> = command.split(' ').chain(["-o", "json"]).collect();
        let outcome = agent.home.run(&args);
        assert_eq!(outcome.json()["kind"], kind, "{outcome}");
        assert!(outcome.json()["items"].is_array(), "{outcome}");
    }
}

#[test]
fn an_empty_list_is_said_on_stderr_and_is_no_error() {
    let agent = Agent::start(Facts { endpoints: vec![], ..Facts::default() });
    let run = |args: &[&str]| agent.home.run(args);
    assert_snapshot!(run(&["endpoint", "list"]), @r"
code: 0
--- stdout
--- stderr
No endpoints found.
");
    assert_eq!(run(&["endpoint", "list", "-q"]).stderr, "");
    assert_eq!(run(&["endpoint", "list", "-o", "json"]).json()["items"], serde_json::json!([]));
    assert_eq!(run(&["endpoint", "list", "-o", "name"]).stdout, "");
}

#[test]
fn a_namespace_narrows_the_list() {
    let endpoints = vec![endpoint(1, "shop", "a", 1), endpoint(2, "bank", "b", 2)];
    let agent = Agent::start(Facts { endpoints, ..Facts::default() });
    let outcome = agent.home.run(&["endpoint", "list", "-n", "bank", "-o", "name"]);
    assert_eq!(outcome.stdout, "bank/b\n", "{outcome}");
}

#[test]
fn names_cannot_move_the_cursor() {
    let endpoints = vec![endpoint(1, "shop", "evil\u{1b}[2J\nname", 1)];
    let agent = Agent::start(Facts { endpoints, ..Facts::default() });
    let outcome = agent.home.run(&["endpoint", "list"]);
    assert!(outcome.stdout.contains("evil\\u{1b}[2J\\nname"), "{outcome}");
}

#[test]
fn an_agent_that_cannot_answer_says_why() {
    let agent = Agent::start(Facts::default());
    assert_snapshot!(agent.home.run(&["bpf", "ipcache", "list"]), @r"
code: 3
--- stdout
--- stderr
error: the skep agent cannot answer: the agent is still starting
");
}

#[test]
fn the_socket_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let agent = Agent::start(Facts::default());
    let socket = agent.home.dir.path().join("agent.sock");
    let mode = std::fs::metadata(&socket).expect("the socket is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(agent);
    assert!(!socket.exists(), "an agent that ends takes its socket along");
}

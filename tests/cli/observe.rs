use std::{
    io::{BufRead, BufReader},
    process::Child,
};

use insta::assert_snapshot;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    agent::{Agent, Facts, Packet},
    run::{Home, end, rest},
};

/// A request and its answer in both families, a spoofed packet, and one to the outside.
fn traffic() -> Agent {
    let agent = Agent::start(Facts::default());
    let reply = |packet: Packet, at| Packet {
        source: packet.destination,
        destination: packet.source,
        identities: (packet.identities.1, packet.identities.0),
        reply: true,
        at,
        ..packet
    };
    let spoofed = Packet {
        source: ("10.9.9.9", 1),
        reason: 132,
        identities: (1001, 1002),
        at: 5,
        ..Packet::V4
    };
    let outside = Packet {
        destination: ("2001:db8:1::10", 443),
        identities: (1001, 10),
        at: 6,
        ..Packet::V6
    };
    agent.observer.push(
        [Packet::V4, Packet::V6, reply(Packet::V4, 3), reply(Packet::V6, 4), spoofed, outside]
            .map(Packet::event),
    );
    agent
}

/// Cuts the time off, which depends on when the machine was booted.
fn lines(agent: &Agent, args: &[&str]) -> String {
    let outcome = agent.home.run(&[&["observe", "--quiet"], args].concat());
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(outcome.stderr, "", "{outcome}");
    let stamp = "Nov 24 12:00:00.123".len();
    outcome.stdout.lines().map(|line| format!("{}\n", &line[stamp..])).collect()
}

#[test]
fn flows_are_lines_for_people() {
    let agent = traffic();
    assert_snapshot!(lines(&agent, &[]), @r"
: shop/frontend-x:41234 (ID:1001) -> shop/api-y:8080 (ID:1002) to-endpoint FORWARDED (TCP Flags: SYN)
: shop/frontend-x:41234 (ID:1001) -> shop/api-y:8080 (ID:1002) to-endpoint FORWARDED (TCP Flags: SYN)
: shop/frontend-x:41234 (ID:1001) <- shop/api-y:8080 (ID:1002) to-endpoint FORWARDED (TCP Flags: SYN, ACK)
: shop/frontend-x:41234 (ID:1001) <- shop/api-y:8080 (ID:1002) to-endpoint FORWARDED (TCP Flags: SYN, ACK)
: 10.9.9.9:1 (ID:1001) <> shop/api-y:8080 (ID:1002) INVALID_SOURCE_IP DROPPED (TCP Flags: SYN)
: shop/frontend-x:41234 (ID:1001) -> [2001:db8:1::10]:443 (world-ipv6) to-endpoint FORWARDED (TCP Flags: SYN)
");
    assert_snapshot!(lines(&agent, &["--numeric", "--last", "2", "--print-node-name"]), @r"
[default/n1]: 10.9.9.9:1 (ID:1001) <> 10.244.1.2:8080 (ID:1002) INVALID_SOURCE_IP DROPPED (TCP Flags: SYN)
[default/n1]: [fd00:10:244:1::1]:41234 (ID:1001) -> [2001:db8:1::10]:443 (world-ipv6) to-endpoint FORWARDED (TCP Flags: SYN)
");
}

#[test]
fn flows_are_hubbles_json_for_scripts() {
    let agent = traffic();
    let outcome = agent.home.run(&["observe", "--first", "1", "-o", "json"]);
    let mut flow = outcome.json();
    assert_eq!(flow["time"], flow["flow"]["time"]);
    assert!(flow["time"].as_str().is_some_and(|time| time.len() == 30 && time.ends_with('Z')));
    for pointer in ["/time", "/flow/time", "/flow/uuid"] {
        *flow.pointer_mut(pointer).expect("every flow has it") = "...".into();
    }
    assert_snapshot!(serde_json::to_string_pretty(&flow).expect("it is JSON"), @r#"
{
  "flow": {
    "time": "...",
    "uuid": "...",
    "verdict": "FORWARDED",
    "ethernet": {
      "source": "02:00:00:00:00:01",
      "destination": "02:00:00:00:00:02"
    },
    "IP": {
      "source": "10.244.1.1",
      "destination": "10.244.1.2",
      "ipVersion": "IPv4"
    },
    "l4": {
      "TCP": {
        "source_port": 41234,
        "destination_port": 8080,
        "flags": {
          "SYN": true
        }
      }
    },
    "source": {
      "ID": 1,
      "identity": 1001,
      "cluster_name": "default",
      "namespace": "shop",
      "labels": [
        "k8s:app=frontend-x"
      ],
      "pod_name": "frontend-x",
      "workloads": [
        {
          "name": "frontend-x",
          "kind": "Deployment"
        }
      ]
    },
    "destination": {
      "ID": 2,
      "identity": 1002,
      "cluster_name": "default",
      "namespace": "shop",
      "labels": [
        "k8s:app=api-y"
      ],
      "pod_name": "api-y",
      "workloads": [
        {
          "name": "api-y",
          "kind": "Deployment"
        }
      ]
    },
    "Type": "L3_L4",
    "node_name": "default/n1",
    "event_type": {
      "type": 4
    },
    "traffic_direction": "INGRESS",
    "trace_observation_point": "TO_ENDPOINT",
    "trace_reason": "NEW",
    "is_reply": false,
    "interface": {
      "index": 12,
      "name": "skep000000000c"
    },
    "emitter": {
      "name": "skep",
      "version": "0.1.0"
    },
    "Summary": "TCP Flags: SYN"
  },
  "node_name": "default/n1",
  "time": "..."
}
"#);
}

#[test]
fn filters_narrow_what_is_shown() {
    let agent = traffic();
    let count = |args: &[&str]| lines(&agent, args).lines().count();
    for (args, expected) in [
        (&["--verdict", "DROPPED"][..], 1),
        (&["--not", "--verdict", "dropped"], 5),
        (&["-4"], 3),
        (&["-6"], 3),
        (&["--pod", "shop/frontend"], 5),
        (&["-n", "shop", "--from-pod", "api"], 2),
        (&["--from-pod", "shop/frontend", "--to-pod", "shop/api"], 2),
        (&["--ip", "2001:db8:1::/64"], 1),
        (&["--from-ip", "10.9.9.9"], 1),
        (&["--to-port", "8080", "--from-port", "41234"], 2),
        (&["--port", "443"], 1),
        (&["--to-identity", "world-ipv6"], 1),
        (&["--to-label", "app=api-y,!tier"], 3),
        (&["--type", "drop"], 1),
        (&["-t", "trace:to-endpoint"], 5),
        (&["--protocol", "udp"], 0),
        (&["--tcp-flags", "SYN,ACK"], 2),
        (&["--reply", "true"], 2),
        (&["--workload", "Deployment/api-y"], 5),
        (&["--node-name", "default/n*"], 6),
        (&["--node-name", "other"], 0),
        (&["--drop-reason-desc", "invalid_source_ip"], 1),
        (&["--last", "2"], 2),
        (&["--first", "4"], 4),
        (&["--until", "2001-01-01T00:00:00Z"], 0),
        (&["--all-namespaces"], 6),
        (&["-A", "--from-pod", "api"], 2),
        (&["--to-all-namespaces"], 5),
        (&["--interface", "skep000000000c"], 6),
        (&["--cluster", "def*"], 6),
        (&["--from-cluster", "default", "--to-cluster", "default"], 4),
        (&["--ip-version", "v6"], 3),
        (&["--encrypted"], 0),
        (&["--unencrypted"], 6),
        (&["--service", "shop/"], 0),
        (&["--fqdn", "*.example.com"], 0),
        (&["--uuid", "no-such"], 0),
        (&["--allowlist", r#"{"verdict":["DROPPED"]} {"destination_port":["443"]}"#], 2),
        (&["--denylist", r#"{"verdict":["DROPPED"]}"#, "--last", "100"], 5),
    ] {
        assert_eq!(count(args), expected, "{args:?}");
    }
}

#[test]
fn a_denied_packet_is_a_verdict_and_a_drop() {
    let agent = Agent::start(Facts::default());
    agent.observer.push(
        [133, 181, 180, 189, 132].map(|reason| Packet { reason, at: 9, ..Packet::V4 }.event()),
    );
    let count = |args: &[&str]| lines(&agent, args).lines().count();
    assert_eq!(count(&["--type", "policy-verdict", "--verdict", "dropped"]), 4);
    assert_eq!(count(&["--type", "drop"]), 5, "a spoofed packet met no policy");
    assert_eq!(count(&["--drop-reason-desc", "policy_denied"]), 2);
    let outcome = agent.home.run(&["observe", "-o", "json"]);
    let field = |line: &str, path: &str| {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        line.pointer(path).unwrap_or_else(|| panic!("{line} has {path}")).clone()
    };
    let flows: Vec<&str> = outcome.stdout.lines().collect();
    let ids: std::collections::BTreeSet<String> =
        flows.iter().map(|line| field(line, "/flow/uuid").to_string()).collect();
    assert_eq!(ids.len(), 9, "each is a flow of its own");
    let kinds: Vec<_> = flows.iter().map(|line| field(line, "/flow/event_type/type")).collect();
    assert_eq!(kinds[..2], [5, 1], "the verdict comes first");
}

#[test]
fn nonsense_filters_are_usage_errors() {
    let agent = traffic();
    assert_snapshot!(agent.home.run(&["observe", "--ip", "10.0.0.0/99"]), @r#"
code: 2
--- stdout
--- stderr
error: source_ip: "10.0.0.0/99" is not an IP address or CIDR

hint: `skep observe --help` lists the filters
"#);
    for args in [
        &["--verdict", "MAYBE"][..],
        &["--label", "a in b"],
        &["--port", "http"],
        &["--type", "trace:nowhere"],
        &["--not"],
        &["--since", "yesterday"],
        &["--first", "1", "--last", "1"],
        &["-n", "a", "--pod", "b/c"],
        &["--http-path", "("],
        &["--http-status", "abc"],
        &["--http-header", "no colon"],
        &["--ip-version", "5"],
        &["--ip-trace-id", "x"],
        &["--allowlist", "{\"no_such_field\":1}"],
        &["--denylist", "nonsense"],
        &["--time-format", "sometime"],
        &["--cel-expression", "_flow.verdct == 1"],
        &["--input-file", "flows.json", "--follow"],
        &["--input-file", "flows.json", "--server", "localhost:1"],
    ] {
        let outcome = agent.home.run(&[&["observe"], args].concat());
        assert_eq!(outcome.code, Some(2), "{args:?} {outcome}");
    }
}

struct Follower {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Follower {
    /// Starts to follow, and is ready when the stored flow has come.
    fn start(agent: &Agent) -> Self {
        Self::with(agent, &[])
    }

    fn with(agent: &Agent, args: &[&str]) -> Self {
        let mut child = agent.home.spawn(&[&["observe", "-f", "--last", "1"], args].concat());
        let lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut follower = Self { child, lines };
        assert!(follower.line().contains("2001:db8:1::10"));
        follower
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("output is text");
        line
    }
}

#[test]
fn following_shows_new_flows_and_losses_until_a_signal() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let agent = traffic();
        let mut follower = Follower::start(&agent);
        agent.observer.lose(7);
        agent.observer.push([Packet { at: 9, ..Packet::V4 }.event()]);
        assert!(follower.line().contains("shop/frontend-x:41234 (ID:1001) -> shop/api-y:8080"));
        let pid = Pid::from_raw(follower.child.id().try_into().expect("a pid"));
        kill(pid, signal).expect("the process is there");
        assert_eq!(end(&mut follower.child, || {}).code(), Some(code));
        let stderr = rest(follower.child.stderr.take());
        let said = "warning: 7 events were lost on default/n1\n2 flows, 0 dropped, 7 lost\n";
        assert_eq!(stderr, said);
    }
}

#[test]
fn any_hubble_server_can_be_asked() {
    let agent = traffic();
    let server = format!("unix:{}", agent.home.dir.path().join("hubble.sock").display());
    for args in [&[][..], &["--last", "2"], &["--first", "3", "-o", "json"], &["--to-port", "443"]]
    {
        let asked = [args, &["--server", &server]].concat();
        assert_eq!(lines(&agent, &asked), lines(&agent, args), "{args:?}");
    }
    let nobody = agent.home.run(&["observe", "--server", "unix:/nowhere/hubble.sock"]);
    assert_eq!(nobody.code, Some(3), "{nobody}");
    let said = "error: cannot reach the Hubble server at unix:/nowhere/hubble.sock\ncaused by: ";
    assert!(nobody.stderr.starts_with(said), "{nobody}");
    for (address, code) in [("tls://localhost:4245", 3), ("localhost", 2)] {
        let refused = agent.home.run(&["observe", "--server", address]);
        assert_eq!(refused.code, Some(code), "{refused}");
    }
}

#[test]
fn what_is_wrong_about_tls_is_said_before_anyone_is_asked() {
    let home = Home::new();
    let nothing = home.dir.path().join("nothing.pem");
    std::fs::write(&nothing, "no certificate").unwrap();
    let nothing = nothing.to_str().unwrap();
    for (args, code, said) in [
        (vec!["--tls"], 2, "--server"),
        (vec!["--server", "h:1", "--tls-client-cert-file", "a"], 2, "--tls-client-key-file"),
        (vec!["--server", "h:1", "--tls-ca-cert-files", "/nowhere"], 4, "cannot read /nowhere"),
        (vec!["--server", "h:1", "--tls-ca-cert-files", nothing], 4, "no authority in the PEM"),
    ] {
        let refused = home.run(&[&["observe"], &args[..]].concat());
        assert_eq!(refused.code, Some(code), "{refused}");
        assert!(refused.stderr.contains(said), "{refused}");
    }
}

#[test]
fn following_ends_with_an_error_when_the_agent_does_not_come_back() {
    for (retry, said) in [("0", ""), ("0.5s", "; asking again for 0s")] {
        let mut agent = traffic();
        let mut follower = Follower::with(&agent, &["--retry-for", retry]);
        agent.stop();
        assert_eq!(end(&mut follower.child, || {}).code(), Some(3));
        let stderr = rest(follower.child.stderr.take());
        assert!(stderr.contains("1 flow, 0 dropped, 0 lost\nerror: "), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
}

#[test]
fn following_survives_whoever_is_asked() {
    let sockets: [fn(&Agent) -> Vec<String>; 2] = [
        |_| vec![],
        |agent| {
            let socket = agent.home.dir.path().join("hubble.sock");
            vec!["--server".to_owned(), format!("unix:{}", socket.display())]
        },
    ];
    for whom in sockets {
        let mut agent = traffic();
        let whom = whom(&agent);
        let args: Vec<&str> = whom.iter().map(String::as_str).collect();
        let mut follower = Follower::with(&agent, &args);
        let at = |at, port| Packet { at, source: ("10.244.1.1", port), ..Packet::V4 }.event();
        agent.observer.push([at(9, 1001)]);
        assert!(follower.line().contains(":1001 "));
        agent.stop();
        agent.observer.push([at(10, 1002)]);
        agent.serve();
        assert!(follower.line().contains(":1002 "), "what was stored meanwhile is shown");
        agent.observer.push([at(11, 1003)]);
        assert!(follower.line().contains(":1003 "), "nothing is shown twice");
        let pid = Pid::from_raw(follower.child.id().try_into().expect("a pid"));
        kill(pid, Signal::SIGINT).expect("the process is there");
        assert_eq!(end(&mut follower.child, || {}).code(), Some(130));
        let stderr = rest(follower.child.stderr.take());
        assert!(stderr.contains("; asking again for 5m\n"), "{stderr}");
        assert!(stderr.contains(" answers again; flows from "), "{stderr}");
        assert!(stderr.ends_with("4 flows, 0 dropped, 0 lost\n"), "{stderr}");
    }
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let agent = traffic();
    let Follower { mut child, lines } = Follower::start(&agent);
    drop(lines);
    // A process that another test forks just now may hold the pipe a moment longer.
    let status = end(&mut child, || agent.observer.push([Packet::V4.event()]));
    assert_eq!(status.code(), Some(0));
    assert_eq!(rest(child.stderr.take()), "");
}

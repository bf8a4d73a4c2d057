//! What `skep observe` prints: filters, tables, times, the line at the end.

use insta::assert_snapshot;

use crate::{
    agent::{Agent, Facts, Packet},
    run::Home,
};

#[test]
fn filters_are_printed_as_hubble_does() {
    let home = Home::new();
    let outcome = home.run(&[
        "observe",
        "--print-raw-filters",
        "--pod",
        "shop/front",
        "--not",
        "--to-port",
        "53",
        "--fqdn",
        "*.example.com",
    ]);
    assert_snapshot!(outcome, @r#"
code: 0
--- stdout
allowlist:
- '{"source_pod":["shop/front"],"source_fqdn":["*.example.com"]}'
- '{"source_pod":["shop/front"],"destination_fqdn":["*.example.com"]}'
- '{"destination_pod":["shop/front"],"source_fqdn":["*.example.com"]}'
- '{"destination_pod":["shop/front"],"destination_fqdn":["*.example.com"]}'
denylist:
- '{"destination_port":["53"]}'
--- stderr
"#);
}

#[test]
fn every_filter_has_its_field() {
    let home = Home::new();
    for (flags, filters) in [
        (&["--from-service", "shop/web"][..], &[r#"{"source_service":["shop/web"]}"#][..]),
        (
            &["--service", "web"],
            &[r#"{"source_service":["web"]}"#, r#"{"destination_service":["web"]}"#],
        ),
        (&["--to-fqdn", "a.b"], &[r#"{"destination_fqdn":["a.b"]}"#]),
        (&["--from-cluster", "c"], &[r#"{"source_cluster_name":["c"]}"#]),
        (&["--cluster", "c", "--node-name", "d/n"], &[r#"{"node_name":["c/","d/n"]}"#]),
        (&["--snat-ip", "10.0.0.0/8"], &[r#"{"source_ip_xlated":["10.0.0.0/8"]}"#]),
        (&["--interface", "eth0"], &[r#"{"interface":[{"name":"eth0"}]}"#]),
        (&["--node-label", "a=b"], &[r#"{"node_labels":["a=b"]}"#]),
        (&["--http-method", "GET"], &[r#"{"http_method":["GET"]}"#]),
        (&["--http-path", "/a.*"], &[r#"{"http_path":["/a.*"]}"#]),
        (&["--http-url", "x", "--http-url", "y"], &[r#"{"http_url":["x","y"]}"#]),
        (&["--http-status", "5+"], &[r#"{"http_status_code":["5+"]}"#]),
        (&["--http-header", "a: b"], &[r#"{"http_header":[{"key":"a","value":"b"}]}"#]),
        (&["--trace-id", "x"], &[r#"{"trace_id":["x"]}"#]),
        (&["--ip-trace-id", "7"], &[r#"{"ip_trace_id":["7"]}"#]),
        (&["--uuid", "u"], &[r#"{"uuid":["u"]}"#]),
        (&["--ip-version", "none"], &[r#"{"ip_version":["IP_NOT_USED"]}"#]),
        (&["-4", "-6"], &[r#"{"ip_version":["IPv4","IPv6"]}"#]),
        (&["--encrypted", "--unencrypted"], &[r#"{"encrypted":[true,false]}"#]),
        (&["-A"], &[r#"{"source_pod":["/"]}"#, r#"{"destination_pod":["/"]}"#]),
        (&["--from-all-namespaces"], &[r#"{"source_pod":["/"]}"#]),
        (&["--cel-expression", "true"], &[r#"{"experimental":{"cel_expression":["true"]}}"#]),
    ] {
        let outcome = home.run(&[&["observe", "--print-raw-filters"], flags].concat());
        let expected: String = filters.iter().map(|filter| format!("- '{filter}'\n")).collect();
        assert_eq!(outcome.stdout, format!("allowlist:\n{expected}"), "{flags:?} {outcome}");
        for filter in filters {
            let again = home.run(&["observe", "--print-raw-filters", "--allowlist", filter]);
            assert_eq!(again.stdout, format!("allowlist:\n- '{filter}'\n"), "{again}");
        }
    }
}

fn two_flows() -> Agent {
    let agent = Agent::start(Facts::default());
    let dropped = Packet { reason: 133, at: 5, ..Packet::V6 };
    agent.observer.push([Packet::V4, dropped].map(Packet::event));
    agent
}

#[test]
fn tables_have_columns_that_fit() {
    let agent = two_flows();
    let outcome = agent.home.run(&["observe", "-o", "table", "--time-format", "T%%"]);
    assert_snapshot!(outcome, @r"
code: 0
--- stdout
TIMESTAMP  SOURCE                           DESTINATION                TYPE                    VERDICT    SUMMARY
T%         shop/frontend-x:41234 (ID:1001)  shop/api-y:8080 (ID:1002)  to-endpoint             FORWARDED  TCP Flags: SYN
T%         shop/frontend-x:41234 (ID:1001)  shop/api-y:8080 (ID:1002)  policy-verdict ingress  DENIED     TCP Flags: SYN
T%         shop/frontend-x:41234 (ID:1001)  shop/api-y:8080 (ID:1002)  POLICY_DENIED           DROPPED    TCP Flags: SYN
--- stderr
3 flows, 1 dropped, 0 lost
");
}

#[test]
fn names_and_policies_can_be_left_out() {
    let agent = two_flows();
    let numeric = agent.home.run(&["observe", "--ip-translation=false"]);
    assert!(numeric.stdout.contains("10.244.1.1:41234 (ID:1001) -> 10.244.1.2:8080"), "{numeric}");
    assert_eq!(numeric.stdout, agent.home.run(&["observe", "--numeric"]).stdout);
    for flag in ["--print-policy-names", "--print-policy-names=false", "--ip-translation"] {
        assert_eq!(agent.home.run(&["observe", flag]).code, Some(0), "{flag}");
    }
}

#[test]
fn times_are_shown_as_asked() {
    let agent = two_flows();
    let outcome = agent.home.run(&["observe", "--time-format", "RFC3339Nano", "--last", "1"]);
    let time = outcome.stdout.split(": shop").next().expect("a line");
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "{outcome}");
}

#[test]
fn the_last_line_says_how_much_it_was() {
    let agent = two_flows();
    for format in ["compact", "dict", "table", "json", "jsonpb"] {
        let outcome = agent.home.run(&["observe", "-o", format]);
        assert_eq!(outcome.stderr, "3 flows, 1 dropped, 0 lost\n", "{outcome}");
    }
    assert_eq!(agent.home.run(&["observe", "--quiet"]).stderr, "");
}

//! Expressions as people write them, and as attackers do.

use serde_json::json;

use super::{Fuel, Problem, Program};
use crate::hubble::{
    flow::Flow,
    schema::{self, Kind, Message},
    wire,
};

/// A dropped packet to a port of a pod.
fn flow() -> Vec<u8> {
    let flow: Flow = serde_json::from_value(json!({
        "time": "2026-11-24T12:30:00.5Z",
        "verdict": "DROPPED",
        "drop_reason_desc": "POLICY_DENIED",
        "IP": {"source": "10.0.0.1", "destination": "fd00::9", "ipVersion": "IPv6"},
        "l4": {"TCP": {"source_port": 40000, "destination_port": 443, "flags": {"SYN": true}}},
        "source": {"identity": 1001, "namespace": "shop", "pod_name": "front-1",
            "labels": ["k8s:app=front", "k8s:tier=web"],
            "workloads": [{"name": "front", "kind": "Deployment"}]},
        "event_type": {"type": 1, "sub_type": 133},
        "is_reply": false,
        "tunnel": {"protocol": "VXLAN", "vni": 5},
        "ip_trace_id": {"trace_id": "18446744073709551615"},
    }))
    .unwrap();
    wire::encode(&flow)
}

fn is_true(text: &str, flow: &[u8]) -> bool {
    let program = Program::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    program.is_true(flow, &mut Fuel::default())
}

fn refused(text: &str) -> String {
    Program::compile(text).expect_err(text).to_string()
}

#[test]
fn fields_enums_and_presence_are_as_in_hubble() {
    for (text, wanted) in [
        ("_flow.verdict == Verdict.FORWARDED || _flow.verdict == Verdict.DROPPED", true),
        ("_flow.verdict == flow.Verdict.DROPPED", true),
        ("_flow.verdict == .flow.Verdict.DROPPED", true),
        ("_flow.verdict == 2", true),
        ("_flow.verdict in [Verdict.ERROR, Verdict.DROPPED]", true),
        ("_flow.tunnel.protocol == Tunnel.Protocol.VXLAN", true),
        ("_flow.IP.source == '1.1.1.1' || _flow.IP.destination == 'fd00::9'", true),
        ("_flow.IP.ipVersion == IPVersion.IPv4", false),
        ("has(_flow.l4.TCP)", true),
        ("has(_flow.l4.UDP)", false),
        ("has(_flow.l4.TCP) && (_flow.l4.TCP.destination_port == uint(443))", true),
        ("_flow.l4.TCP.destination_port == 443u", true),
        ("_flow.l4.TCP.destination_port == 443", true),
        ("_flow.l4.TCP.destination_port in [80, 443]", true),
        ("_flow.l4.TCP.flags.SYN && !_flow.l4.TCP.flags.ACK", true),
        // What is not there has its default, however deep.
        ("_flow.l4.UDP.destination_port == 0u && _flow.destination.namespace == ''", true),
        ("_flow.l7.dns.query == '' && !has(_flow.l7)", true),
        ("has(_flow.destination)", false),
        ("has(_flow.source.pod_name) && !has(_flow.source.cluster_name)", true),
        ("has(_flow.source.labels) && !has(_flow.node_labels)", true),
        ("_flow.is_reply == false && has(_flow.is_reply)", true),
        ("_flow.is_reply", false),
        ("_flow.trace_context == null", false),
        ("_flow.source == _flow.destination", false),
        ("_flow.ip_trace_id.trace_id == 18446744073709551615u", true),
        ("_flow.event_type.sub_type > 132", true),
        ("_flow.time > timestamp('2026-11-24T12:00:00Z')", true),
        ("_flow.time - timestamp('2026-11-24T12:00:00Z') > duration('29m')", true),
        ("_flow.time.getHours() == 12 && _flow.time.getMilliseconds() == 500", true),
        ("_flow.time.getMonth() == 10 && _flow.time.getDayOfWeek() == 2", true),
    ] {
        assert_eq!(is_true(text, &flow()), wanted, "{text}");
    }
    for (text, wanted) in [("_flow.is_reply == null", true), ("_flow.is_reply", false)] {
        assert_eq!(is_true(text, &[]), wanted, "{text} on nothing");
    }
}

#[test]
fn text_lists_and_macros_are_as_in_cel() {
    for (text, wanted) in [
        ("_flow.source.pod_name.startsWith('front-')", true),
        ("_flow.source.pod_name.endsWith('-2')", false),
        ("_flow.source.pod_name.contains('nt-')", true),
        ("_flow.source.pod_name.matches('^front-[0-9]+$')", true),
        ("matches(_flow.source.pod_name, r'\\d')", true),
        ("size(_flow.source.labels) == 2 && 'äö'.size() == 2", true),
        ("'k8s:app=front' in _flow.source.labels", true),
        ("_flow.source.labels[1] == 'k8s:tier=web'", true),
        ("_flow.source.labels[2] == ''", false),
        ("_flow.source.labels.exists(l, l.startsWith('k8s:app='))", true),
        ("_flow.source.labels.all(l, l.startsWith('k8s:'))", true),
        ("_flow.source.labels.exists_one(l, l.contains('t'))", false),
        ("_flow.source.labels.filter(l, l.contains('web')).size() == 1", true),
        ("_flow.source.labels.map(l, size(l)) == [13, 12]", true),
        ("_flow.source.labels.map(l, l.contains('web'), size(l)) == [12]", true),
        ("['db', 'front'].exists(n, _flow.source.workloads.exists(w, w.name == n))", true),
        ("_flow.node_labels.all(l, false) && !_flow.node_labels.exists(l, true)", true),
        ("[1, 2] + [3] == [1, 2, 3] && 'a' + 'b' == 'ab'", true),
        ("1 + 2 * 3 - 4 / 2 == 5 && 7 % 4 == 3 && -(1) < 0 && - 1 < 0", true),
        ("!(1 == 2) ? true : false", true),
        ("false ? true : false ? false : true", true),
        ("-9223372036854775808 < 0x10 && 1.5e1 == 15 && .5 < 1", true),
        ("int('12') == 12 && uint(3.9) == 3u && double(2) == 2.0 && bool('true')", true),
        ("string(443) == '443' && string(duration('90s')) == '90s' && int(_flow.time) > 0", true),
        ("\"a\\\"\\u00e4\\x41\\101\\n\" == 'a\"äAA' + \"\"\"\n\"\"\" // and so on", true),
        // An error on one side does not matter when the other side decides.
        ("1 / 0 == 1 || true", true),
        ("true || 1 / 0 == 1", true),
        ("!(1 / 0 == 1 && false)", true),
        ("1 / 0 == 1 || false", false),
        ("9223372036854775807 + 1 > 0", false),
        ("[1, 0].exists(x, 1 / x == 1) && [0, 2].exists(x, 1 / x == 0)", true),
        ("dyn(1) == 1 && dyn('x').startsWith('x')", true),
        ("dyn(_flow.source.pod_name)", false),
    ] {
        assert_eq!(is_true(text, &flow()), wanted, "{text}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    for (text, wanted) in [
        ("", "column 1: the end where an expression should be"),
        ("something-invalid", "column 1: something is not known; the flow is _flow"),
        (
            "flow.verdict == 1",
            "column 1: flow is not known; the flow is _flow; did you mean _flow?",
        ),
        ("_flow", "column 1: the expression gives flow.Flow, but a filter needs bool"),
        ("_flow.verdict", "column 7: the expression gives int, but a filter needs bool"),
        ("_flow.verdct == 1", "column 7: flow.Flow has no field verdct; did you mean verdict?"),
        ("_flow.l4.tcp == null", "flow.Layer4 has no field tcp; did you mean TCP?"),
        ("_flow.source.planet == ''", "flow.Endpoint has no field planet"),
        ("_flow.verdict == Verdict.DROPED", "Verdict has no value DROPED; did you mean DROPPED?"),
        (
            "_flow.verdict == Verdikt.DROPPED",
            "Verdikt is not known; the flow is _flow; did you mean Verdict?",
        ),
        ("_flow.verdict == 'DROPPED'", "column 15: == does not take int and string"),
        ("_flow.verdict.name == ''", "column 15: int has no fields, so no name"),
        ("_flow.l4.TCP.source_port + 1 > 0", "+ does not take uint and int"),
        ("_flow.source.pod_name.startWith('a')", "no function startWith; did you mean startsWith?"),
        ("_flow.source.startsWith('a')", "startsWith does not take flow.Endpoint"),
        ("size(1) == 1", "size() does not take int"),
        ("int('1', 2) == 1", "int does not take string and int"),
        ("has(_flow)", "has() takes a field"),
        ("_flow.source.labels.exists(l == 'x')", "exists() takes the name of a variable first"),
        ("_flow.source.labels.exists(l, size(l))", "exists does not take int"),
        ("_flow.source.labels.exists(l, true) && l == ''", "l is not known"),
        ("_flow.source.labels['a'] == ''", "[] does not take list(string) and string"),
        ("'a' in 'abc'", "in does not take string and string"),
        ("_flow.source.pod_name.matches('(')", "\"(\" is not a regular expression"),
        ("'a'.matches(_flow.uuid)", "patterns that are not written out cannot be used"),
        ("{'a': 1}['a'] == 1", "maps cannot be used in filters"),
        ("Flow{}.verdict == 1", "messages made by an expression cannot be used"),
        ("b'a' == b'a'", "bytes cannot be used in filters"),
        ("type(1) == int", "type cannot be used in filters"),
        ("_flow.extensions == null", "fields of such a type cannot be used"),
        ("_flow.time.getHours('UTC') == 1", "time zones cannot be used"),
        ("true ? 1 : 'a'", "?: does not take int and string"),
        ("'a", "column 1: the text that begins here does not end"),
        ("'\\q' == ''", "\\q stands for nothing"),
        ("9223372036854775808 > 0", "9223372036854775808 is not a number that CEL can hold"),
        ("true true", "column 6: a value where an operator or the end should be"),
        ("(true", "the end where ) should be"),
        ("true &", "where an expression should be"),
        ("a = b", "column 3: \"=\" where an operator"),
        ("_flow.", "the end where a name should be"),
    ] {
        let error = refused(text);
        assert!(error.contains(wanted), "{text}: {error}");
    }
}

/// Expressions that are meant to cost: refused, or done after a bounded number of steps.
#[test]
fn no_expression_can_burn_the_agents_time() {
    let nest = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    for text in [
        nest("(", "true", ")", 2000),
        nest("(", "true", ")", 1_000_000),
        nest("!", "true", "", 4000),
        nest("- ", "1", "", 2000) + " < 0",
        nest("[", "1", "]", 2000) + " == []",
        nest("int(", "1", ")", 800) + " == 1",
        nest("has(", "_flow.l4", ")", 800),
        nest("true ? ", "true", " : false", 200),
        "true ? true : ".repeat(290) + "false",
        "'a' + ".repeat(600) + "'a' == ''",
        "_flow".to_owned() + &".source".repeat(500),
        "_flow.source.labels".to_owned() + &"[0]".repeat(1000) + " == ''",
        "(".repeat(4000),
        "[".repeat(4000),
        "'a".repeat(1000),
    ] {
        let error = Program::compile(&text).expect_err(&text[..40]);
        assert!(error.to_string().len() < 300, "{error}");
    }
    let list = format!("[{}]", "0, ".repeat(300));
    let loops = format!("{list}.all(a, {list}.all(b, {list}.all(c, true)))");
    assert!(matches!(
        Program::compile(&loops).expect_err("refused").problem,
        Problem::TooManyLoops { .. }
    ));
    let patterns = "'a'.matches('a') || ".repeat(30) + "true";
    assert!(matches!(
        Program::compile(&patterns).expect_err("refused").problem,
        Problem::TooManyPatterns { .. }
    ));
    assert!(refused("'a'.matches('(a{1000}){1000}')").contains("or too large"));

    // These are refused by nobody, and end.
    let doubled = |times: usize| {
        format!("['0123456789abcdef']{}.size() == 1", ".map(x, x + x)".repeat(times))
    };
    let twins = |times: usize| {
        let twins = format!("[1]{}", ".map(x, [x, x])".repeat(times));
        format!("{twins} == {twins}")
    };
    for text in [
        doubled(20),
        doubled(40),
        twins(40),
        format!("{list}.all(a, {list}.all(b, {list} == {list}))"),
        format!("{list}.map(a, {list}).map(b, b + b + b + b).size() == 0"),
        "_flow.source == _flow.source || ".repeat(120) + "false",
        "!_flow.l4.TCP.flags.SYN || ".repeat(150) + "false",
    ] {
        let program = Program::compile(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut fuel = Fuel::default();
        let passes = program.is_true(&flow(), &mut fuel);
        assert!(fuel.spent() > 0 && (!passes || text.starts_with("_flow.source")), "{text}");
    }
    // The expressions of one request share what there is.
    let mut fuel = Fuel::default();
    let costly = Program::compile(&format!("{list}.all(a, {list}.all(b, b == 0))")).unwrap();
    let cheap = Program::compile("true").unwrap();
    assert!(cheap.is_true(&flow(), &mut fuel));
    assert!(!costly.is_true(&flow(), &mut fuel) && !cheap.is_true(&flow(), &mut fuel));
}

#[test]
fn long_chains_of_alternatives_are_not_deep() {
    let text = "_flow.verdict==1||".repeat(220) + "_flow.verdict==2";
    assert!(is_true(&text, &flow()));
}

/// Whatever Hubble adds to flows is of a type that expressions know, or is left out here by name.
#[test]
fn every_field_of_a_flow_can_be_read() {
    fn walk(message: &Message, path: &str, found: &mut Vec<String>) {
        for field in &message.fields {
            let path = format!("{path}.{}", field.name);
            match super::kind::Kind::of(field) {
                None => found.push(path),
                Some(_) if path.len() > 80 => {}
                Some(_) => {
                    if let Kind::Message(name) = &field.kind
                        && name.starts_with(".flow.")
                    {
                        walk(schema::message(name).unwrap(), &path, found);
                    }
                }
            }
        }
    }
    let mut unknown = Vec::new();
    walk(schema::message(".flow.Flow").unwrap(), "_flow", &mut unknown);
    assert_eq!(unknown, ["_flow.extensions"]);
}

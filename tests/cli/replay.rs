//! Saved flows: no agent, no cluster.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::Write as _,
    process::Stdio,
};

use insta::assert_snapshot;

use crate::run::{Home, Outcome};

/// A flow as an exporter writes it.
fn flow(second: u32, port: u16, verdict: &str) -> String {
    format!(
        r#"{{"flow":{{"time":"2026-11-24T12:{:02}:{:02}Z","uuid":"{second}","verdict":"{verdict}","IP":{{"source":"10.0.0.1","destination":"10.0.0.2","ipVersion":"IPv4"}},"l4":{{"TCP":{{"source_port":40000,"destination_port":{port}}}}},"source":{{"identity":1001,"namespace":"shop","pod_name":"web"}},"destination":{{"identity":2}},"event_type":{{"type":4}},"is_reply":false}},"node_name":"c/n1","time":"2026-11-24T12:{:02}:{:02}Z"}}"#,
        second / 60,
        second % 60,
        second / 60,
        second % 60,
    )
}

fn home(lines: &str) -> Home {
    let home = Home::new();
    fs::write(home.dir.path().join("flows.json"), lines).expect("it is written");
    home
}

fn replay(home: &Home, args: &[&str]) -> Outcome {
    home.run(&[&["observe", "--input-file", "flows.json"], args].concat())
}

fn three() -> String {
    [flow(1, 80, "FORWARDED"), flow(2, 443, "DROPPED"), flow(3, 80, "FORWARDED")].join("\n") + "\n"
}

#[test]
fn saved_flows_are_shown_as_live_ones() {
    assert_snapshot!(replay(&home(&three()), &[]), @r"
code: 0
--- stdout
Nov 24 12:00:01.000: shop/web:40000 (ID:1001) -> 10.0.0.2:80 (world) FORWARDED ()
Nov 24 12:00:02.000: shop/web:40000 (ID:1001) -> 10.0.0.2:443 (world) DROPPED ()
Nov 24 12:00:03.000: shop/web:40000 (ID:1001) -> 10.0.0.2:80 (world) FORWARDED ()
--- stderr
3 flows, 1 dropped, 0 lost
");
}

#[test]
fn filters_times_and_numbers_count() {
    let home = home(&three());
    for (args, uuids) in [
        (&[][..], &["1", "2", "3"][..]),
        (&["--last", "2"], &["2", "3"]),
        (&["--last", "0"], &[]),
        (&["--first", "1"], &["1"]),
        (&["--all"], &["1", "2", "3"]),
        (&["--verdict", "DROPPED"], &["2"]),
        (&["--not", "--to-port", "443", "--last", "1"], &["3"]),
        (&["--since", "2026-11-24T12:00:02Z"], &["2", "3"]),
        (&["--until", "2026-11-24T12:00:02Z"], &["1", "2"]),
        (&["-n", "shop", "--ip", "10.0.0.0/8", "--first", "9"], &["1", "2", "3"]),
        (&["--cel-expression", "_flow.l4.TCP.destination_port == 443u"], &["2"]),
        (&["--not", "--cel-expression", "_flow.l4.TCP.destination_port == 443u"], &["1", "3"]),
        (
            &["--cel-expression", "_flow.uuid == '1'", "--cel-expression", "_flow.uuid > '2'"],
            &["1", "3"],
        ),
        (&["--verdict", "FORWARDED", "--cel-expression", "has(_flow.l4.TCP)"], &["1", "3"]),
    ] {
        let outcome = replay(&home, &[args, &["-o", "json"]].concat());
        let shown: Vec<String> = outcome
            .stdout
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
            .map(|line| line["flow"]["uuid"].as_str().expect("text").to_owned())
            .collect();
        assert_eq!(shown, uuids, "{args:?} {outcome}");
    }
}

#[test]
fn a_mask_says_which_fields_are_shown() {
    let home = home(&three());
    let mask = ["--first", "1", "-o", "json", "--field-mask", "verdict,source.pod_name"];
    assert_snapshot!(replay(&home, &mask), @r#"
code: 0
--- stdout
{"flow":{"verdict":"FORWARDED","source":{"pod_name":"web"}},"node_name":"c/n1","time":"2026-11-24T12:00:01.000000000Z"}
--- stderr
1 flow, 0 dropped, 0 lost
"#);
    let wrong = replay(&home, &["-o", "json", "--field-mask", "source.colour"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""));
    assert!(wrong.stderr.contains(r#""source.colour" is not a path of a flow"#), "{wrong}");
    let people = replay(&home, &["--field-mask", "verdict"]);
    assert_eq!(people.code, Some(2), "{people}");
}

#[test]
fn an_expression_that_makes_no_sense_is_pointed_at() {
    let outcome = replay(&home(&three()), &["--cel-expression", "has(_flow.l4.tcp)"]);
    assert_snapshot!(outcome, @r#"
code: 2
--- stdout
--- stderr
error: experimental.cel_expression: "has(_flow.l4.tcp)": column 14: flow.Layer4 has no field tcp; did you mean TCP?

hint: `skep observe --help` lists the filters
"#);
}

#[test]
fn what_was_saved_comes_out_again() {
    let home = home(&three());
    let once = replay(&home, &["-o", "json"]);
    assert_eq!(once.stdout.lines().count(), 3);
    fs::write(home.dir.path().join("flows.json"), &once.stdout).expect("it is written");
    assert_eq!(replay(&home, &["-o", "jsonpb"]).stdout, once.stdout);
}

#[test]
fn standard_input_is_a_file_too() {
    let home = home(&three());
    let mut command = home.command(&["observe", "--input-file", "-", "--quiet"]);
    command.stdin(Stdio::from(File::open(home.dir.path().join("flows.json")).expect("a file")));
    let outcome = home.finish(command);
    assert_eq!(outcome.stdout, replay(&home, &["--quiet"]).stdout, "{outcome}");
}

#[test]
fn lines_of_other_versions_and_cut_ones_do_not_hide_the_rest() {
    let old = r#"{"time":"2026-11-24T12:00:05Z","verdict":"DROPPED","IP":{"source":"10.0.0.3","destination":"10.0.0.4"},"Summary":"TCP Flags: SYN","new_field":{}}"#;
    let lost = r#"{"lost_events":{"source":"HUBBLE_RING_BUFFER","num_events_lost":"5"},"node_name":"c/n1","time":"2026-11-24T12:00:05Z"}"#;
    let cut = &flow(6, 80, "FORWARDED")[..100];
    let lines = [&flow(1, 80, "FORWARDED"), "oops", old, "", lost, cut].join("\n");
    assert_snapshot!(replay(&home(&lines), &[]), @r"
code: 0
--- stdout
Nov 24 12:00:01.000: shop/web:40000 (ID:1001) -> 10.0.0.2:80 (world) FORWARDED ()
Nov 24 12:00:05.000: 10.0.0.3 (unknown) <> 10.0.0.4 (unknown) DROPPED (TCP Flags: SYN)
--- stderr
warning: line 2: expected value
warning: 5 events were lost on c/n1
warning: line 6: cut off
2 flows, 1 dropped, 5 lost
");
}

#[test]
fn a_file_without_flows_is_invalid_input() {
    let mut nonsense = String::new();
    for number in 0..25 {
        writeln!(nonsense, "line {number}").expect("a string takes any text");
    }
    let outcome = replay(&home(&nonsense), &[]);
    assert_eq!(outcome.code, Some(4), "{outcome}");
    assert_eq!(outcome.stderr.matches("warning: line").count(), 10, "{outcome}");
    assert!(outcome.stderr.contains("15 more lines cannot be read as flows"), "{outcome}");
    assert!(outcome.stderr.contains("error: flows.json has no flows"), "{outcome}");
    let absent = Home::new().run(&["observe", "--input-file", "absent.json"]);
    assert_eq!(absent.code, Some(4), "{absent}");
    let empty = replay(&home(""), &[]);
    assert_eq!((empty.code, empty.stderr.as_str()), (Some(0), "0 flows, 0 dropped, 0 lost\n"));
}

#[test]
fn a_large_file_costs_little_memory() {
    const SIZE: usize = 48 << 20;
    let home = Home::new();
    let mut command = home.command(&["observe", "--input-file", "-", "--last", "3", "--quiet"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let block = format!("{}\n", flow(1, 80, "FORWARDED")).repeat(1000);
    for _ in 0..SIZE / block.len() {
        stdin.write_all(block.as_bytes()).expect("it reads");
    }
    // All but what fits into the pipe has been read by now.
    let held = held_kib(child.id());
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 3);
    assert!(held < SIZE >> 11, "{held} KiB for a file of 48 MiB");
}

/// What it holds of its own: pages of the binary itself are no part of that, and fill 40 MiB when it is not optimised.
fn held_kib(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it is ours");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

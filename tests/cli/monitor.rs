//! `skep monitor`: raw events of a node.

use std::{
    io::{BufRead, BufReader},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::{
    agent::{Agent, Facts, Packet},
    run::{end, rest},
};

/// Runs until so many lines have come, while packets go by.
fn watch(agent: &Agent, args: &[&str], count: usize) -> (Vec<String>, String) {
    let mut child = agent.home.spawn(&[&["monitor"], args].concat());
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let (sender, receiver) = channel();
    let reader = thread::spawn(move || {
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            if sender.send(std::mem::take(&mut line)).is_err() {
                break;
            }
        }
    });
    let mut seen = Vec::new();
    while seen.len() < count {
        let dropped = Packet { reason: 132, ..Packet::V6 };
        agent.observer.push([Packet::V4, dropped].map(Packet::event));
        match receiver.recv_timeout(Duration::from_millis(50)) {
            Ok(line) => seen.push(line),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("{}", rest(child.stderr.take())),
        }
    }
    let pid = Pid::from_raw(child.id().try_into().expect("a pid"));
    kill(pid, Signal::SIGINT).expect("the process is there");
    assert_eq!(end(&mut child, || {}).code(), Some(130));
    drop(receiver);
    reader.join().expect("it ends with the stream");
    seen.truncate(count);
    (seen, rest(child.stderr.take()))
}

#[test]
fn events_are_shown_as_the_datapath_told_them() {
    let agent = Agent::start(Facts::default());
    let (lines, stderr) = watch(&agent, &["--type", "drop"], 1);
    let line = &lines[0]["00:00:00.000000 ".len()..];
    let expected = "drop    INVALID_SOURCE_IP to-endpoint ingress [fd00:10:244:1::1]:41234 (ID:1001) <> [fd00:10:244:1::2]:8080 (ID:1002) TCP SYN device 12 endpoint 1 74 bytes\n";
    assert_eq!(line, expected);
    assert_eq!(stderr, "");
}

#[test]
fn events_are_json_for_scripts() {
    let agent = Agent::start(Facts::default());
    let (lines, _) = watch(&agent, &["-o", "json", "--endpoint", "1", "-t", "open"], 2);
    let event: Value = serde_json::from_str(&lines[1]).expect("JSON");
    let event = &event["event"];
    assert_eq!(event["kind"], "open");
    assert_eq!(event["source"]["address"], "10.244.1.1");
    assert_eq!((&event["device"], &event["endpoint"]), (&12.into(), &1.into()));
}

#[test]
fn nonsense_is_a_usage_error_and_no_agent_an_environments() {
    let agent = Agent::start(Facts::default());
    for args in [&["monitor", "--type", "nothing"][..], &["monitor", "--endpoint", "x"]] {
        assert_eq!(agent.home.run(args).code, Some(2), "{args:?}");
    }
    let alone = crate::run::Home::new().run(&["monitor"]);
    assert_eq!(alone.code, Some(3), "{alone}");
}

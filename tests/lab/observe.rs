//! `skep observe` and `skep monitor` on a cluster whose nodes come and go.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use skep::hubble::observer::GetFlowsResponse;

use super::lab::{Lab, skep, text};

/// How long a line may take to come.
const DEADLINE: Duration = Duration::from_secs(60);

/// A command that runs until dropped, and the lines of both its streams.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(lab: &Lab, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_skep"))
            .args(args)
            .arg("--kubeconfig")
            .arg(lab.dir().join("kubeconfig"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("skep can be run");
        let (sender, lines) = channel();
        read(child.stdout.take().expect("stdout is piped"), sender.clone());
        read(child.stderr.take().expect("stderr is piped"), sender);
        Self { child, lines }
    }

    /// Waits for a line; returns it and those before.
    fn wait(&self, what: &str, mut is_it: impl FnMut(&str) -> bool) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            let line = self.lines.recv_timeout(DEADLINE);
            seen.push(line.unwrap_or_else(|_| panic!("{what} never came: {seen:#?}")));
            if seen.last().is_some_and(|line| is_it(line)) {
                return seen;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(stream: impl Read + Send + 'static, lines: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
}

fn power(lab: &Lab, verb: &str) {
    let output = skep(&["lab", "node", verb, "node-1", "--name", &lab.name]);
    assert!(output.status.success(), "{}", text(&output));
}

/// Tells whether a line is a flow of node-1 that is younger.
fn is_flow_since(line: &str, time: Timestamp) -> bool {
    serde_json::from_str::<GetFlowsResponse>(line).is_ok_and(|message| {
        message.node_name == "default/node-1" && message.flow().is_some() && message.moment() > time
    })
}

/// Kubelets probe pods all the time, so flows need not be made.
#[test]
#[ignore = "needs root"]
fn flows_go_on_when_a_node_is_back() {
    let lab = Lab::up("follow", &["--nodes", "2"]);
    let follower = Running::start(&lab, &["observe", "--follow", "-o", "json"]);
    let start = Timestamp::now();
    follower.wait("a flow of node-1", |line| is_flow_since(line, start));
    power(&lab, "stop");
    follower.wait("that node-1 is gone", |line| line.contains("node-1 cannot be asked"));
    power(&lab, "start");
    let meanwhile = follower.wait("that node-1 is back", |line| line.contains("answers again"));
    let complaints = meanwhile.iter().filter(|line| line.starts_with("warning: the agent of"));
    assert_eq!(complaints.count(), 1, "it is back when it answers, not before: {meanwhile:#?}");
    let back = Timestamp::now();
    follower.wait("a flow of node-1 again", |line| is_flow_since(line, back));

    let monitor = Running::start(&lab, &["monitor", "--node", "node-1", "-o", "json"]);
    monitor.wait("an event", |line| line.starts_with("{\"event\":{\"time\":"));
    let kubeconfig = lab.dir().join("kubeconfig");
    let all = skep(&["monitor", "--kubeconfig", kubeconfig.to_str().expect("a path is text")]);
    assert_eq!(all.status.code(), Some(2), "{}", text(&all));
}

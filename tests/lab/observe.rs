//! `skep observe` and `skep monitor` on a cluster whose nodes come and go.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use skep::hubble::{
    flow::{DropReason, Flow, FlowType, SocketTranslationPoint, Verdict},
    observer::GetFlowsResponse,
};

use super::{
    lab::{Lab, skep, text},
    services::{APP, all_answer, cluster_ips, echo, get, url},
};

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
    // Labels of a node are those of its object.
    let with = ["--node-label", "kubernetes.io/hostname=node-1", "--field-mask", "node_labels"];
    let labelled = [&["observe", "--follow", "-o", "json"][..], &with].concat();
    let line = Running::start(&lab, &labelled).wait("a flow", |line| line.starts_with("{\"flow\""));
    let line = line.last().expect("what was waited for");
    let of_node = line.contains(r#"{"flow":{"node_labels":["kubernetes.io/"#)
        && line.contains(r#""kubernetes.io/hostname=node-1""#)
        && line.contains(r#""node_name":"default/node-1""#);
    assert!(of_node, "{line}");

    let monitor = Running::start(&lab, &["monitor", "--node", "node-1", "-o", "json"]);
    monitor.wait("an event", |line| line.starts_with("{\"event\":{\"time\":"));
    let kubeconfig = lab.dir().join("kubeconfig");
    let all = skep(&["monitor", "--kubeconfig", kubeconfig.to_str().expect("a path is text")]);
    assert_eq!(all.status.code(), Some(2), "{}", text(&all));
}

/// Asks the lab's agents for flows.
pub(crate) fn observed(lab: &Lab, words: &[&str]) -> Vec<Flow> {
    let kubeconfig = lab.dir().join("kubeconfig");
    let kubeconfig = kubeconfig.to_str().expect("a path is text");
    let words = [&["observe", "--all", "-o", "json", "--kubeconfig", kubeconfig], words].concat();
    let output = skep(&words);
    assert!(output.status.success(), "{}", text(&output));
    let lines = String::from_utf8_lossy(&output.stdout);
    let messages = lines.lines().map(|line| {
        serde_json::from_str::<GetFlowsResponse>(line).unwrap_or_else(|e| panic!("{line}: {e}"))
    });
    messages.filter_map(|message| message.flow().cloned()).collect()
}

fn goes_to(flow: &Flow, address: &str) -> bool {
    flow.ip.as_ref().is_some_and(|ip| ip.destination == address)
}

#[tokio::test]
#[ignore = "needs root"]
async fn flows_name_the_service_that_a_client_asked() {
    let lab = Lab::bare("talks", &["--nodes", "2", "-f", APP]);
    let client = lab.client().await;
    for vip in cluster_ips(&client, "web").await {
        all_answer(&client, &url(&vip, 80)).await;
        let (answered, told) = echo(&client, "client", &vip, "53").await;
        assert!(answered, "{vip}: {told}");
        let asked = ["--from-pod", "default/client", "--to-service", "default/web"];
        let flows = observed(&lab, &asked);
        let point = |flow: &&Flow| flow.sock_xlate_point();
        let before = flows
            .iter()
            .filter(|flow| point(flow) == SocketTranslationPoint::SockXlatePointPreDirectionFwd);
        let before: Vec<_> = before.filter(|flow| goes_to(flow, &vip)).collect();
        assert!(before.len() >= 4, "one for each connection to {vip}: {flows:#?}");
        for flow in before {
            assert_eq!((flow.verdict(), flow.r#type()), (Verdict::Traced, FlowType::Sock));
            assert_eq!(flow.ports(), Some((0, 80)));
        }
        let is_web = |flow: &Flow| flow.receiver().pod_name.starts_with("web-");
        let is_family = |flow: &Flow| {
            flow.ip.as_ref().is_some_and(|ip| ip.destination.contains(':') == vip.contains(':'))
        };
        let to_pods = || flows.iter().filter(|flow| is_web(flow) && is_family(flow));
        let translated = to_pods().filter(|flow| flow.verdict() == Verdict::Translated);
        assert!(translated.count() >= 4, "and where it went: {flows:#?}");
        for port in [8080, 5353] {
            let mut sent = to_pods().filter(|flow| flow.verdict() == Verdict::Forwarded);
            let is_there = sent.any(|flow| flow.ports().is_some_and(|ports| ports.1 == port));
            assert!(is_there, "packets to port {port} are with the service of {vip}: {flows:#?}");
        }
        let answers = observed(&lab, &["--from-service", "default/web", "--to-pod", "client"]);
        assert!(answers.iter().any(|flow| {
            flow.sender().pod_name.starts_with("web-") && flow.is_reply == Some(true)
        }));
    }
    for vip in cluster_ips(&client, "empty").await {
        assert_ne!(get(&client, &url(&vip, 80)).await.0, 0, "{vip} has no backend");
        let flows = observed(&lab, &["--to-service", "default/empty", "--verdict", "DROPPED"]);
        let dropped = flows.iter().find(|flow| goes_to(flow, &vip));
        let dropped = dropped.unwrap_or_else(|| panic!("it is told: {flows:#?}"));
        assert_eq!(dropped.drop_reason_desc(), DropReason::ServiceBackendNotFound);
        assert_eq!(dropped.sender().pod_name, "client");
    }
}

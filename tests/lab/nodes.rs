//! Nodes that are switched off, stand still, or are cut off.

use std::{
    fs,
    io::ErrorKind,
    net::{SocketAddr, TcpStream},
    os::unix::process::ExitStatusExt,
    process::Command,
    thread,
    time::Duration,
};

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Api, ResourceExt, api::ListParams};
use skep::kernel::NetNs;
use tokio::runtime::Runtime;

use super::{
    footprint::{Footprint, control_groups},
    lab::{Lab, eventually, skep, text},
};

/// What a node's condition Ready says.
async fn readiness(nodes: &Api<Node>, name: &str) -> Option<String> {
    let conditions = nodes.get(name).await.ok()?.status?.conditions?;
    conditions.into_iter().find(|one| one.type_ == "Ready").map(|one| one.status)
}

async fn becomes(nodes: &Api<Node>, name: &str, status: &str) {
    let what = format!("{name} Ready={status}");
    eventually(&what, || async { readiness(nodes, name).await.filter(|is| is == status) }).await;
}

/// Waits until all pods of a node say so of their readiness.
async fn pods_become(pods: &Api<Pod>, node: &str, status: &str) {
    let here = ListParams::default().fields(&format!("spec.nodeName={node}"));
    let says = |pod: &Pod| {
        let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref());
        let mut conditions = conditions.unwrap_or_default().iter();
        conditions.any(|one| one.type_ == "Ready" && one.status == status)
    };
    let all = || async {
        let found = pods.list(&here).await.ok()?.items;
        (!found.is_empty() && found.iter().all(says)).then_some(())
    };
    eventually(&format!("pods of {node} Ready={status}"), all).await;
}

fn verb(lab: &Lab, args: &[&str]) -> std::process::Output {
    skep(&[&["lab"], args, &["--name", &lab.name]].concat())
}

fn done(lab: &Lab, args: &[&str]) {
    let output = verb(lab, args);
    assert!(output.status.success(), "{args:?}: {}", text(&output));
}

/// Tells whether a node reaches an address: a port that nobody has is refused, not silent.
fn reaches(lab: &Lab, node: &str, address: &str) -> bool {
    let address = SocketAddr::new(address.parse().expect("an address"), 9);
    let netns = NetNs::open(lab.dir().join(node).join("net")).expect("the node is on");
    let tried = netns.run(|| TcpStream::connect_timeout(&address, Duration::from_secs(2)));
    match tried.expect("entered") {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionRefused,
    }
}

#[test]
#[ignore = "needs root"]
fn a_node_that_was_off_comes_back_with_its_pods() {
    let before = Footprint::take();
    let lab = Lab::up("power", &["--nodes", "2"]);
    Runtime::new().expect("a runtime").block_on(async {
        let client = lab.client().await;
        let nodes: Api<Node> = Api::all(client.clone());
        let pods: Api<Pod> = Api::all(client);
        let here = ListParams::default().fields("spec.nodeName=node-2");
        let running = pods.list(&here).await.expect("listed").items;
        assert!(running.len() > 2, "{}", running.len());
        done(&lab, &["node", "stop", "node-2"]);
        assert!(lab.processes(&["skep agent", "node-2"]).is_empty());
        assert!(!lab.dir().join("node-2").exists());
        becomes(&nodes, "node-2", "Unknown").await;
        eventually("the taint of a node that is lost", || async {
            let taints = nodes.get("node-2").await.ok()?.spec?.taints?;
            taints.iter().any(|one| one.key == "node.kubernetes.io/unreachable").then_some(())
        })
        .await;
        // Again is no error, and what is off cannot stand still.
        done(&lab, &["node", "stop", "node-2"]);
        assert_eq!(verb(&lab, &["node", "pause", "node-2"]).status.code(), Some(3));
        done(&lab, &["node", "start", "node-2"]);
        becomes(&nodes, "node-2", "True").await;
        for pod in running {
            let (name, namespace) = (pod.name_any(), pod.namespace().unwrap_or_default());
            eventually(&format!("{name} is ready again"), || async {
                let all = pods.list(&here).await.ok()?.items;
                let one = all.iter().find(|one| {
                    one.name_any() == name && one.namespace().as_ref() == Some(&namespace)
                })?;
                let status = one.status.as_ref()?;
                let restarts = status.container_statuses.as_ref()?.first()?.restart_count;
                let ready = status
                    .conditions
                    .as_ref()?
                    .iter()
                    .any(|condition| condition.type_ == "Ready" && condition.status == "True");
                (ready && restarts > 0).then_some(())
            })
            .await;
        }
    });
    drop(lab);
    before.assert_restored();
}

/// A container's process that is still on its way into its control group when the node's
/// processes are ended comes in after that.
#[test]
#[ignore = "needs root"]
fn what_comes_late_does_not_keep_a_node_from_being_switched_off() {
    let lab = Lab::bare("late", &["--nodes", "2"]);
    let group = control_groups().join(&lab.name).join("node-2");
    let mut late = Command::new("sleep").arg("600").spawn().expect("started");
    let (pods, id) = (group.join("pods").join("cgroup.procs"), late.id().to_string());
    let vacant = || {
        let events = fs::read_to_string(group.join("cgroup.events")).expect("the group is there");
        events.lines().any(|line| line == "populated 0")
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !vacant() {}
            fs::write(&pods, id).expect("joined");
        });
        done(&lab, &["node", "stop", "node-2"]);
    });
    assert!(!group.exists() && !lab.dir().join("node-2").exists());
    assert_eq!(late.wait().expect("ended").signal(), Some(9));
}

#[test]
#[ignore = "needs root"]
fn a_node_that_stands_still_goes_on_where_it_was() {
    let lab = Lab::bare("pause", &["--nodes", "2"]);
    Runtime::new().expect("a runtime").block_on(async {
        let client = lab.client().await;
        let nodes: Api<Node> = Api::all(client.clone());
        let pods: Api<Pod> = Api::all(client);
        let agents = lab.processes(&["skep agent", "node-2"]);
        done(&lab, &["node", "pause", "node-2"]);
        becomes(&nodes, "node-2", "Unknown").await;
        pods_become(&pods, "node-2", "False").await;
        assert_eq!(lab.processes(&["skep agent", "node-2"]), agents);
        done(&lab, &["node", "start", "node-2"]);
        becomes(&nodes, "node-2", "True").await;
        pods_become(&pods, "node-2", "True").await;
        assert_eq!(lab.processes(&["skep agent", "node-2"]), agents);
    });
}

#[test]
#[ignore = "needs root"]
fn nodes_are_cut_off_from_each_other_in_both_families_and_heal() {
    let lab = Lab::bare("cut", &["--nodes", "3"]);
    let reached = |expected: bool| {
        for (node, addresses) in
            [("node-1", ["172.31.0.12", "fd31::12"]), ("node-2", ["172.31.0.11", "fd31::11"])]
        {
            for address in addresses {
                assert_eq!(reaches(&lab, node, address), expected, "{node} {address}");
            }
        }
    };
    reached(true);
    done(&lab, &["partition", "node-1", "node-2"]);
    reached(false);
    assert!(reaches(&lab, "node-1", "172.31.0.13") && reaches(&lab, "node-3", "fd31::12"));
    done(&lab, &["partition", "node-1", "node-2", "--heal"]);
    reached(true);
    done(&lab, &["partition", "node-3", "fabric"]);
    assert!(!reaches(&lab, "node-3", "172.31.0.1") && !reaches(&lab, "node-3", "fd31::1"));
    assert!(reaches(&lab, "node-3", "172.31.0.11"));
    done(&lab, &["partition", "node-3", "fabric", "--heal"]);
    assert!(reaches(&lab, "node-3", "172.31.0.1") && reaches(&lab, "node-3", "fd31::1"));
    let same = verb(&lab, &["partition", "node-1", "node-1"]);
    assert_eq!(same.status.code(), Some(2), "{}", text(&same));
}

#[test]
#[ignore = "needs root"]
fn netem_disturbs_or_says_what_the_kernel_lacks() {
    let lab = Lab::bare("netem", &["--nodes", "1"]);
    let output = verb(&lab, &["netem", "node-1", "--loss", "100%", "--delay", "1ms"]);
    if output.status.success() {
        assert!(!reaches(&lab, "node-1", "172.31.0.1"));
        done(&lab, &["netem", "node-1", "--clear"]);
    } else {
        println!("no netem in this kernel");
        assert_eq!(output.status.code(), Some(3), "{}", text(&output));
        assert!(text(&output).contains("sch_netem"), "{}", text(&output));
    }
    assert!(reaches(&lab, "node-1", "172.31.0.1"));
}

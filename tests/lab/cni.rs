//! The plugin's verbs against a living agent, and against a dead one.

use std::{net::IpAddr, path::PathBuf};

use k8s_openapi::api::core::v1::Event;
use kube::{Api, api::ListParams};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use skep::{
    cni::record::host_ifname,
    kernel::KernelMaps,
    maps::{DeviceTable, EndpointTable, MapStore},
};

use super::{
    evidence::wait_for,
    lab::{Lab, text},
    pods::{addresses, echoes, netns, node, pods},
    runtime::{Container, Runtime},
};

/// Codes of the specification.
const TRY_LATER: u64 = 11;
const UNKNOWN: u64 = 3;
const NOT_AVAILABLE: u64 = 50;
/// skep's own: not as ADD left it.
const DIFFERS: u64 = 100;

/// The agent's process on a node.
fn agent(lab: &Lab, node: &str) -> i32 {
    lab.processes(&["skep agent", &format!("--node-name {node}")])[0]
}

/// The datapath's maps of a node.
fn maps(lab: &Lab, node: &str) -> KernelMaps {
    let pins = PathBuf::from(format!("/proc/{}/root/sys/fs/bpf/skep", agent(lab, node)));
    KernelMaps::open(&pins).expect("the node's maps")
}

/// What is broken, how, and what CHECK says about it.
type Breakage<'a> = (&'a str, Box<dyn Fn(&Container) + 'a>, &'a str);

fn breakages<'a>(runtime: &'a Runtime<'_>, maps: &'a KernelMaps) -> Vec<Breakage<'a>> {
    let inside = move |what: &'static str| -> Box<dyn Fn(&Container) + 'a> {
        Box::new(move |container| {
            let [v4, v6] = container.addresses();
            let command = what.replace("V4", &v4).replace("V6", &v6);
            runtime.ip(&format!("-n {} {command}", container.id));
        })
    };
    let entry = move |family: usize| -> Box<dyn Fn(&Container) + 'a> {
        Box::new(move |container| {
            let text = container.addresses()[family].clone();
            let address: IpAddr = text.split('/').next().expect("one").parse().expect("one");
            maps.delete::<EndpointTable>(&address.into()).expect("it was there");
        })
    };
    let device = move |container: &Container| {
        let records = runtime.records();
        let own = records.iter().find(|one| one.attachment == container.key()).expect("known");
        maps.delete::<DeviceTable>(&own.ifindex.0).expect("it was there");
    };
    let host = move |what: &'static str| -> Box<dyn Fn(&Container) + 'a> {
        Box::new(move |container| {
            let command = what.replace("HOST", container.host_ifname());
            let output = runtime.lab.exec(runtime.node, &["sh", "-ec", &command]);
            assert!(output.status.success(), "{command}: {}", text(&output));
        })
    };
    // A filter at first, a link later: whichever it is by now.
    let program = "i=$(ip -o link show HOST | cut -d: -f1); tc qdisc del dev HOST clsact || true; \
                   rm -f /sys/fs/bpf/skep/links/*-$i-ingress";
    vec![
        ("host's device", host("ip link set HOST down"), "down"),
        ("host's neighbour", host("ip neigh flush dev HOST nud permanent"), "neighbour"),
        ("host's route", host("ip route flush dev HOST"), "route"),
        ("program", host(program), "program"),
        ("IPv4 address", inside("addr del V4 dev eth0"), "address"),
        ("IPv6 address", inside("addr del V6 dev eth0"), "address"),
        ("IPv4 route", inside("route del default"), "route"),
        ("IPv6 route", inside("-6 route del default"), "route"),
        ("IPv4 neighbour", inside("neigh del 169.254.1.1 dev eth0"), "neighbour"),
        ("IPv6 neighbour", inside("neigh del fe80::1 dev eth0"), "neighbour"),
        ("MTU", inside("link set eth0 mtu 1300"), "MTU"),
        ("device", inside("link set eth0 down"), "eth0"),
        ("whole device", inside("link del eth0"), "no device"),
        ("IPv4 map entry", entry(0), "endpoint map"),
        ("IPv6 map entry", entry(1), "endpoint map"),
        ("device map entry", Box::new(device), "device map"),
    ]
}

#[test]
#[ignore = "needs root"]
fn check_names_what_was_tampered_with() {
    let lab = Lab::bare("check", &["--nodes", "1"]);
    let runtime = Runtime { lab: &lab, node: "node-1" };
    let maps = maps(&lab, "node-1");
    let breakages = breakages(&runtime, &maps);
    let mut failures = Vec::new();
    for (number, (what, tamper, named)) in breakages.iter().enumerate() {
        let container = runtime.add(&format!("check-{number}"));
        let good = runtime.check(&container);
        assert_eq!(good.code, 0, "before: {good:?}");
        tamper(&container);
        let mut bad = runtime.check(&container);
        if bad.code == 0 && ["map", "program"].iter().any(|repaired| what.contains(repaired)) {
            // The agent repairs its maps every few seconds: this was the moment.
            tamper(&container);
            bad = runtime.check(&container);
        }
        if bad.code != DIFFERS || !bad.message().contains(named) {
            failures.push(format!("{what}: {bad:?}"));
        }
        runtime.del(&container);
        wait_for("the record goes", || runtime.knows(&container), |known| !known);
    }
    let container = runtime.add("check-good");
    let nobody = Container { id: "check-nobody".into(), ..container.clone() };
    runtime.ip("netns add check-nobody");
    assert_eq!(runtime.check(&nobody).code, UNKNOWN);
    let mut less = container.clone();
    less.result["ips"].as_array_mut().expect("a list").pop();
    assert_eq!(runtime.check(&less).code, DIFFERS);
    assert_eq!(runtime.check(&container).code, 0);
    println!("CHECK named {} of {} differences", breakages.len() - failures.len(), breakages.len());
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
#[ignore = "needs root"]
fn a_new_pod_is_moved_from_filters_to_links() {
    let lab = Lab::bare("settle", &["--nodes", "1"]);
    let runtime = Runtime { lab: &lab, node: "node-1" };
    let container = runtime.add("settle");
    let look = format!(
        "i=$(ip -o link show {0} | cut -d: -f1); ls /sys/fs/bpf/skep/links | grep -c -- -$i- || true; \
         tc qdisc show dev {0} | grep -c clsact || true",
        container.host_ifname()
    );
    let attached = || text(&lab.exec("node-1", &["sh", "-ec", &look]));
    let last = wait_for("links and no qdisc", attached, |seen| seen == "2\n0\n");
    assert_eq!(runtime.check(&container).code, 0);
    println!("links, qdiscs of a new pod in the end: {last:?}");
}

#[test]
#[ignore = "needs root"]
fn gc_removes_what_the_runtime_does_not_know_and_nothing_else() {
    let lab = Lab::up("gc", &["--nodes", "1"]);
    let runtime = Runtime { lab: &lab, node: "node-1" };
    let before: Vec<_> = runtime.records().into_iter().map(|one| one.attachment).collect();
    let [listed, lost, alive] = ["gc-listed", "gc-lost", "gc-alive"].map(|id| runtime.add(id));
    // Namespaces of containers that have ended.
    runtime.ip("netns del gc-listed");
    runtime.ip("netns del gc-lost");
    runtime.gc(&[&before[..], &[listed.key()]].concat());
    let known = [&listed, &lost, &alive].map(|container| runtime.knows(container));
    assert_eq!(known, [true, false, true], "listed, lost, alive but not listed");
    // A runtime that has forgotten everything must not take the network from what runs.
    runtime.gc(&[]);
    let known = [&listed, &alive].map(|container| runtime.knows(container));
    assert_eq!(known, [false, true], "listed before, alive");
    let after: Vec<_> = runtime.records().into_iter().map(|one| one.attachment).collect();
    assert!(before.iter().all(|key| after.contains(key)), "a pod was collected");
    let shop = tokio::runtime::Runtime::new().expect("a runtime");
    let client = shop.block_on(pods(&lab, "frontend")).remove(0);
    let servers = shop.block_on(pods(&lab, "api"));
    assert_eq!(node(&servers[0]), "node-1");
    let reached = servers.iter().flat_map(addresses);
    reached.for_each(|server| echoes(&netns(&lab, &client), server));
    assert_eq!(runtime.check(&alive).code, 0);
    println!("GC removed 2 of {} attachments, none that lives", before.len() + 3);
}

/// A runtime that gave up on an ADD tries again while the first may still be at work.
#[test]
#[ignore = "needs root"]
fn additions_of_one_container_at_once_are_one_addition() {
    let lab = Lab::bare("once", &["--nodes", "1"]);
    let runtime = Runtime { lab: &lab, node: "node-1" };
    runtime.ip("netns add once");
    let answers: Vec<_> = std::thread::scope(|scope| {
        let add = || runtime.call("ADD", "once", &json!({}));
        let calls: Vec<_> = (0..4).map(|_| scope.spawn(add)).collect();
        calls.into_iter().map(|call| call.join().expect("it ends")).collect()
    });
    for answer in &answers {
        assert_eq!(answer.code, 0, "{answer:?}");
        assert_eq!(answer.document, answers[0].document);
    }
    let container = Container { id: "once".into(), result: answers[0].document.clone() };
    let records = runtime.records();
    assert_eq!(records.iter().filter(|one| one.attachment == container.key()).count(), 1);
    assert_eq!(runtime.check(&container).code, 0);
    runtime.del(&container);
    wait_until_gone(&runtime, &container);
    println!("{} ADDs at once: one address, one device, one record", answers.len());
}

#[test]
#[ignore = "needs root"]
fn a_deletion_ends_what_a_killed_addition_began() {
    let lab = Lab::bare("killed", &["--nodes", "1"]);
    let runtime = Runtime { lab: &lab, node: "node-1" };
    let mut begun = 0;
    for round in 0..12 {
        let container = Container { id: format!("killed-{round}"), result: json!({}) };
        runtime.ip(&format!("netns add {}", container.id));
        let mut plugin = runtime.start("ADD", &container.id, &json!({}));
        // As soon as there is a plugin, a device, a record: early, in the middle, late. Who is too quick to be
        // seen has ended.
        let reached = || match round % 3 {
            _ if plugin.try_wait().is_ok_and(|ended| ended.is_some()) => true,
            0 => !lab.processes(&["cni/bin/skep-cni"]).is_empty(),
            1 => has_device(&runtime, &container),
            _ => runtime.knows(&container),
        };
        wait_for("it is on its way", reached, |reached| *reached);
        for process in lab.processes(&["cni/bin/skep-cni"]) {
            // Some have ended by now.
            let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
        }
        plugin.wait().expect("it ends");
        begun += u32::from(has_device(&runtime, &container));
        let deleted = runtime.call("DEL", &container.id, &json!({}));
        assert_eq!(deleted.code, 0, "{deleted:?}");
        wait_until_gone(&runtime, &container);
    }
    println!("12 ADDs killed, {begun} with a device by then: DEL left no record and no device");
}

/// Waits until a container has no record and no device.
fn wait_until_gone(runtime: &Runtime<'_>, container: &Container) {
    wait_for("the record goes", || runtime.knows(container), |known| !known);
    wait_for("its device goes", || has_device(runtime, container), |there| !there);
}

/// Tells whether a container has a device on the node.
fn has_device(runtime: &Runtime<'_>, container: &Container) -> bool {
    let device = host_ifname(&container.key());
    runtime.lab.exec(runtime.node, &["ip", "link", "show", &device]).status.success()
}

#[test]
#[ignore = "needs root"]
fn without_an_agent_status_says_so_and_deletions_wait_for_the_next() {
    let lab = Lab::bare("down", &["--nodes", "1"]);
    let runtime = Runtime { lab: &lab, node: "node-1" };
    let (kept, gone) = (runtime.add("down-kept"), runtime.add("down-gone"));
    let status = || runtime.call("STATUS", "none", &json!({}));
    assert_eq!(status().code, 0);
    // Nobody may start the agent again.
    let [kubelet] = lab.processes(&["lab serve"])[..] else { panic!("one process") };
    kill(Pid::from_raw(kubelet), Signal::SIGSTOP).expect("it is there");
    kill(Pid::from_raw(agent(&lab, "node-1")), Signal::SIGKILL).expect("it is there");
    let down = wait_for("the agent is gone", status, |status| status.code != 0);
    assert_eq!(down.code, NOT_AVAILABLE, "{down:?}");
    runtime.ip("netns add down-new");
    let new = runtime.call("ADD", "down-new", &json!({}));
    let check = runtime.check(&kept);
    assert_eq!((new.code, check.code), (TRY_LATER, TRY_LATER), "{new:?} {check:?}");
    runtime.del(&gone);
    runtime.del(&gone);
    assert!(runtime.knows(&gone), "who removed it?");
    kill(Pid::from_raw(kubelet), Signal::SIGCONT).expect("it is there");
    wait_for("the deletion is done", || runtime.knows(&gone), |known| !known);
    let queue =
        || text(&lab.exec("node-1", &["sh", "-c", "ls /run/skep/cni-deletes/*.json 2>/dev/null"]));
    wait_for("the queue is empty", queue, String::is_empty);
    wait_for("its device goes", || has_device(&runtime, &gone), |there| !there);
    wait_for("the agent is back", status, |status| status.code == 0);
    let check = runtime.check(&kept);
    assert_eq!(check.code, 0, "{check:?}");
    println!(
        "agent down: STATUS {}, ADD {}, DEL queued and done at its start",
        down.code, new.code
    );
}

/// A plugin that is not there yet is no failure: retries of one would be further and further apart.
#[tokio::test]
#[ignore = "needs root"]
async fn pods_start_the_moment_their_node_has_a_network() {
    let lab = Lab::bare("network", &["--nodes", "1"]);
    let events = Api::<Event>::all(lab.client().await).list(&ListParams::default()).await;
    let events = events.expect("events are listed").items;
    let told = |reason: &str| {
        let found = events.iter().find(|event| event.reason.as_deref() == Some(reason));
        found.and_then(|event| event.message.clone())
    };
    let waited = told("NetworkNotReady").expect("DNS is there before the plugin");
    assert!(waited.starts_with("network is not ready: container runtime network"), "{waited}");
    assert_eq!(told("FailedCreatePodSandBox"), None);
}

//! The node itself: registration, readiness, and a task for each of its pods.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Node, Pod},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
    core::ApiResource,
};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{cni, host::Host, pod, sandbox::Left, written::time};
use crate::lab::{
    cluster::{Action, Teller, Tone},
    power::Power,
    quantity::{NODE_CPUS, NODE_MEMORY, NODE_PODS},
    state::inside,
};

/// How often the lease is renewed: more often than on a real node, so that a lost one is noticed
/// within seconds.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How often a node without a network is looked at.
const WATCHFUL: Duration = Duration::from_millis(20);
/// How often a node with a network is looked at.
const CALM: Duration = Duration::from_secs(2);
/// How long a node that is switched off waits for sandboxes that are being made or removed.
const HALF_WAY: Duration = Duration::from_secs(2);

/// Runs a node's kubelet until shutdown; pods keep running then.
pub(crate) async fn run(host: Arc<Host>, shutdown: CancellationToken) {
    let work = async {
        tokio::join!(host.power.follow(), boots(&host));
    };
    shutdown.run_until_cancelled(work).await;
}

/// Starts anew each time the node is switched on.
async fn boots(host: &Arc<Host>) {
    loop {
        host.power.running().await;
        let boot = async {
            register(host).await;
            tokio::join!(readiness(host), heartbeat(host), pods(host));
        };
        tokio::select! {
            () = boot => return,
            () = host.power.off() => {}
        }
        // The tasks of its pods have ended with it; whoever asked ends the processes and removes
        // what sandboxes are made of, so none may be half-way.
        host.works.close();
        if timeout(HALF_WAY, host.works.wait()).await.is_err() {
            // Its plugin waits for an agent that hangs, and gives up when that one is ended.
            warn!(node = host.name(), "a sandbox is neither made nor removed");
        }
        host.works.reopen();
        host.shared.backend.remove_node(host.name());
        host.power.acknowledge(Power::Off);
    }
}

/// Creates the Node object.
async fn register(host: &Host) {
    let name = host.name();
    let cidrs: Vec<String> = host.plan.pod_cidrs.iter().map(ToString::to_string).collect();
    let node: Node = serde_json::from_value(json!({
        "metadata": { "name": name, "labels": {
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": match std::env::consts::ARCH {
                "x86_64" => "amd64",
                "aarch64" => "arm64",
                other => other,
            },
            "topology.kubernetes.io/zone": "lab",
        } },
        "spec": {
            "podCIDR": cidrs.first(),
            "podCIDRs": cidrs,
            "taints": [{ "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" }],
        },
    }))
    .expect("a node");
    let client = host.shared.cluster.client();
    while let Err(error) = Action::create(&node).run(client).await {
        warn!(node = name, %error, "node not registered");
        sleep(Duration::from_millis(200)).await;
    }
    // There already where only the lab's process is new.
    let ready = cni::has_network(&host.node.outside(inside::CNI_CONF));
    write_status(host, &node, ready).await;
    let api: Api<Node> = Api::all(client.clone());
    if let Ok(node) = api.get(name).await {
        // The same at every boot, unless somebody deleted the node meanwhile.
        host.uid.set(node.uid().unwrap_or_default()).ok();
    }
    let teller = Teller { component: "kubelet", host: Some(name.to_owned()) };
    let text = "Starting kubelet.";
    host.shared.cluster.events.tell(&node, teller, Tone::Normal, "Starting", text);
}

/// Keeps the condition Ready as containerd and kubelet would: it is about the network's file only.
async fn readiness(host: &Host) {
    let conf_dir = host.node.outside(inside::CNI_CONF);
    let node = Node {
        metadata: ObjectMeta { name: Some(host.name().to_owned()), ..ObjectMeta::default() },
        ..Node::default()
    };
    let mut ready = false;
    let mut calls = host.shared.cluster.changes();
    loop {
        host.power.running().await;
        let now = cni::has_network(&conf_dir);
        host.network.send_if_modified(|known| std::mem::replace(known, now) != now);
        calls.mark_unchanged();
        // The node controller doubts a node that was silent; it says so itself that it lives.
        if (now != ready || host.is_doubted()) && write_status(host, &node, now).await {
            info!(node = host.name(), ready = now, "node readiness changed");
            ready = now;
        }
        let pause = if ready { CALM } else { WATCHFUL };
        let interest =
            async { if ready { calls.changed().await.ok() } else { std::future::pending().await } };
        // Changes come in bursts.
        if timeout(pause, interest).await.is_ok() {
            sleep(WATCHFUL).await;
        }
    }
}

async fn write_status(host: &Host, node: &Node, ready: bool) -> bool {
    let client = host.shared.cluster.client();
    let api: Api<Node> = Api::all(client.clone());
    // Others own conditions too (NetworkUnavailable is skep's), and a merge replaces the list.
    let Ok(current) = api.get(host.name()).await else { return false };
    let conditions = current.status.and_then(|status| status.conditions).unwrap_or_default();
    let mut conditions: Vec<Value> = conditions
        .iter()
        .filter(|condition| condition.type_ == "NetworkUnavailable")
        .map(|condition| json!(condition))
        .collect();
    conditions.extend(own_conditions(ready));
    let mut status = status(host);
    status["conditions"] = Value::from(conditions);
    let patch = json!({
        "metadata": { "resourceVersion": current.metadata.resource_version },
        "status": status,
    });
    let params = PatchParams::default();
    api.patch_status(&node.name_any(), &params, &Patch::Merge(&patch)).await.is_ok()
}

/// Why a node without a network is not ready, in the words of a kubelet.
pub(super) const NO_NETWORK: &str = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized";

fn own_conditions(ready: bool) -> Vec<Value> {
    let now = time(Timestamp::now());
    let condition = |kind: &str, holds: bool, reason: &str, message: &str| {
        json!({
            "type": kind,
            "status": if holds { "True" } else { "False" },
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        })
    };
    vec![
        condition(
            "MemoryPressure",
            false,
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
        ),
        condition(
            "DiskPressure",
            false,
            "KubeletHasNoDiskPressure",
            "kubelet has no disk pressure",
        ),
        condition(
            "PIDPressure",
            false,
            "KubeletHasSufficientPID",
            "kubelet has sufficient PID available",
        ),
        if ready {
            condition("Ready", true, "KubeletReady", "kubelet is posting ready status")
        } else {
            condition("Ready", false, "KubeletNotReady", NO_NETWORK)
        },
    ]
}

fn status(host: &Host) -> Value {
    let mut addresses: Vec<Value> =
        host.plan.ips().map(|ip| json!({ "type": "InternalIP", "address": ip })).collect();
    addresses.push(json!({ "type": "Hostname", "address": host.name() }));
    let system = nix::sys::utsname::uname();
    let kernel = system.as_ref().map_or("", |system| system.release().to_str().unwrap_or(""));
    let version = concat!("v1.36.0-skep-", env!("CARGO_PKG_VERSION"));
    json!({
        "addresses": addresses,
        "capacity": { "cpu": NODE_CPUS, "pods": NODE_PODS, "memory": NODE_MEMORY },
        "allocatable": { "cpu": NODE_CPUS, "pods": NODE_PODS, "memory": NODE_MEMORY },
        "nodeInfo": {
            "kubeletVersion": version,
            "kubeProxyVersion": "",
            "containerRuntimeVersion": concat!("skep://", env!("CARGO_PKG_VERSION")),
            "kernelVersion": kernel,
            "osImage": "skep lab",
            "operatingSystem": "linux",
            "architecture": std::env::consts::ARCH,
            "machineID": "", "systemUUID": "", "bootID": "",
        },
    })
}

/// Renews the node's lease.
async fn heartbeat(host: &Host) {
    let resource = ApiResource::erase::<k8s_openapi::api::coordination::v1::Lease>(&());
    let client = host.shared.cluster.client().clone();
    let api: Api<DynamicObject> = Api::namespaced_with(client, "kube-node-lease", &resource);
    let mut ticks = interval(HEARTBEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        host.power.running().await;
        let owner = json!([{
            "apiVersion": "v1", "kind": "Node", "name": host.name(),
            "uid": host.uid.get().map_or("", String::as_str),
        }]);
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": { "name": host.name(), "namespace": "kube-node-lease", "ownerReferences": owner },
            "spec": {
                "holderIdentity": host.name(),
                "leaseDurationSeconds": 40,
                "renewTime": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
            },
        });
        let params = PatchParams::apply("kubelet").force();
        // The next beat makes up for a missed one.
        api.patch(host.name(), &params, &Patch::Apply(&lease)).await.ok();
    }
}

/// Runs a task for each pod bound to the node.
async fn pods(host: &Arc<Host>) {
    let mut changes = host.shared.cluster.changes();
    let mut known: HashMap<String, watch::Sender<Option<Arc<Pod>>>> = HashMap::new();
    let mut tasks = JoinSet::new();
    host.power.running().await;
    sweep(host, &bound(host));
    loop {
        host.power.running().await;
        changes.mark_unchanged();
        let bound = bound(host);
        known.retain(|uid, sender| {
            if !bound.contains_key(uid) {
                sender.send_replace(None);
            }
            bound.contains_key(uid)
        });
        for (uid, pod) in bound {
            match known.get(&uid) {
                Some(sender) => {
                    sender.send_if_modified(|latest| {
                        let newer = latest.as_ref().is_none_or(|old| !Arc::ptr_eq(old, &pod));
                        *latest = Some(Arc::clone(&pod));
                        newer
                    });
                }
                None => {
                    let (sender, latest) = watch::channel(Some(Arc::clone(&pod)));
                    known.insert(uid, sender);
                    tasks.spawn(pod::run(Arc::clone(host), pod, latest));
                }
            }
        }
        while tasks.try_join_next().is_some() {}
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Returns the pods bound to the node, by uid.
fn bound(host: &Host) -> HashMap<String, Arc<Pod>> {
    let here = |pod: &Arc<Pod>| {
        pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(host.name())
    };
    let pods = host.shared.cluster.pods.all().into_iter().filter(here);
    pods.map(|pod| (pod.uid().unwrap_or_default(), pod)).collect()
}

/// Removes what is left of pods that were deleted while the lab's process was away.
fn sweep(host: &Arc<Host>, bound: &HashMap<String, Arc<Pod>>) {
    let uids = bound.keys().map(String::as_str).collect();
    let others = Left::of_others(host, &uids);
    let node = Arc::clone(host);
    host.works.spawn_blocking(move || {
        for (uid, sandbox) in others {
            if let Err(error) = sandbox.destroy(&node, &uid) {
                let error = crate::kubernetes::chain(&error);
                warn!(uid, node = node.name(), error, "sandbox of a pod that is gone stays");
            }
        }
    });
}

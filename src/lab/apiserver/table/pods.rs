//! Columns of pods, nodes, services and what belongs to them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::{human, since};
use super::columns::{Column, age, items, joined, name, text_at};
use crate::lab::apiserver::selector::query_form;
use crate::lab::apiserver::store::Part;

/// What no column of a pod reads; containers are counted.
pub(super) const UNREAD: &[Part] = &[
    &["metadata", "managedFields"],
    &["spec", "affinity"],
    &["spec", "containers", "*"],
    &["spec", "initContainers", "*"],
    &["spec", "tolerations"],
    &["spec", "volumes"],
];

pub(super) fn pod() -> Vec<Column> {
    vec![
        name(),
        Column::text("Ready", |pod| {
            let ready =
                items(pod, "/status/containerStatuses").filter(|s| s["ready"] == true).count();
            format!("{ready}/{}", items(pod, "/spec/containers").count())
        }),
        Column::text("Status", pod_status),
        Column::new("Restarts", restarts),
        age(),
        Column::text("IP", |pod| text_at(pod, "/status/podIP")).wide(),
        Column::text("Node", |pod| text_at(pod, "/spec/nodeName")).wide(),
        Column::text("Nominated Node", |pod| text_at(pod, "/status/nominatedNodeName")).wide(),
        Column::text("Readiness Gates", gates).wide(),
    ]
}

fn waiting_or_ended(state: &Value) -> Option<String> {
    let reason =
        |state: &Value| state["reason"].as_str().filter(|r| !r.is_empty()).map(str::to_owned);
    if state["waiting"].is_object() {
        return reason(&state["waiting"]);
    }
    let ended = &state["terminated"];
    if !ended.is_object() {
        return None;
    }
    reason(ended).or_else(|| match ended["signal"].as_i64() {
        Some(signal) if signal != 0 => Some(format!("Signal:{signal}")),
        _ => Some(format!("ExitCode:{}", ended["exitCode"])),
    })
}

/// Summarises a pod in one word, as kubectl shows it.
fn pod_status(pod: &Value) -> String {
    let status = &pod["status"];
    let text = |value: &Value| value.as_str().filter(|t| !t.is_empty()).map(str::to_owned);
    let mut word = text(&status["reason"])
        .or_else(|| text(&status["phase"]))
        .unwrap_or_else(|| "Unknown".to_owned());
    let inits = items(pod, "/spec/initContainers").count();
    let mut initialising = false;
    for (index, container) in items(pod, "/status/initContainerStatuses").enumerate() {
        let state = &container["state"];
        if state["terminated"]["exitCode"] == 0 || container["started"] == true {
            continue;
        }
        word = match waiting_or_ended(state) {
            Some(reason) if reason != "PodInitializing" => format!("Init:{reason}"),
            _ => format!("Init:{index}/{inits}"),
        };
        initialising = true;
        break;
    }
    if !initialising {
        let mut running = false;
        for container in items(pod, "/status/containerStatuses") {
            match waiting_or_ended(&container["state"]) {
                Some(reason) => word = reason,
                None => {
                    running |=
                        container["ready"] == true && container["state"]["running"].is_object()
                }
            }
        }
        if word == "Completed" && running {
            let ready = items(pod, "/status/conditions")
                .any(|c| c["type"] == "Ready" && c["status"] == "True");
            word = if ready { "Running" } else { "NotReady" }.to_owned();
        }
    }
    if pod["metadata"]["deletionTimestamp"].is_string() {
        let ended = matches!(status["phase"].as_str(), Some("Succeeded" | "Failed"));
        if status["reason"] == "NodeLost" {
            return "Unknown".to_owned();
        }
        if !ended {
            return "Terminating".to_owned();
        }
    }
    word
}

fn restarts(pod: &Value, now: Timestamp) -> Value {
    let statuses = || items(pod, "/status/containerStatuses");
    let count: i64 = statuses().filter_map(|s| s["restartCount"].as_i64()).sum();
    let last = statuses()
        .filter_map(|s| {
            s["lastState"]["terminated"]["finishedAt"].as_str()?.parse::<Timestamp>().ok()
        })
        .max();
    match last {
        Some(last) if count > 0 => {
            format!("{count} ({} ago)", human(now.as_second() - last.as_second())).into()
        }
        _ => count.to_string().into(),
    }
}

fn gates(pod: &Value) -> String {
    let gates: Vec<&Value> = items(pod, "/spec/readinessGates").collect();
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let met = gates.iter().filter(|gate| {
        items(pod, "/status/conditions")
            .any(|c| c["type"] == gate["conditionType"] && c["status"] == "True")
    });
    format!("{}/{}", met.count(), gates.len())
}

pub(super) fn node() -> Vec<Column> {
    let address = |kind: &'static str| {
        move |node: &Value| {
            joined(
                items(node, "/status/addresses")
                    .filter(|a| a["type"] == kind)
                    .filter_map(|a| a["address"].as_str())
                    .take(1),
            )
        }
    };
    vec![
        name(),
        Column::text("Status", |node| {
            let ready = items(node, "/status/conditions").find(|c| c["type"] == "Ready");
            let mut word = match ready.map(|c| c["status"] == "True") {
                Some(true) => "Ready",
                Some(false) => "NotReady",
                None => "Unknown",
            }
            .to_owned();
            if node["spec"]["unschedulable"] == true {
                word += ",SchedulingDisabled";
            }
            word
        }),
        Column::text("Roles", |node| {
            let labels = node["metadata"]["labels"].as_object();
            joined(
                labels
                    .into_iter()
                    .flatten()
                    .filter_map(|(k, _)| k.strip_prefix("node-role.kubernetes.io/")),
            )
        }),
        age(),
        Column::text("Version", |node| text_at(node, "/status/nodeInfo/kubeletVersion")),
        Column::text("Internal-IP", address("InternalIP")).wide(),
        Column::text("External-IP", address("ExternalIP")).wide(),
        Column::text("OS-Image", |node| text_at(node, "/status/nodeInfo/osImage")).wide(),
        Column::text("Kernel-Version", |node| text_at(node, "/status/nodeInfo/kernelVersion"))
            .wide(),
        Column::text("Container-Runtime", |node| {
            text_at(node, "/status/nodeInfo/containerRuntimeVersion")
        })
        .wide(),
    ]
}

pub(super) fn service() -> Vec<Column> {
    vec![
        name(),
        Column::text("Type", |service| text_at(service, "/spec/type")),
        Column::text("Cluster-IP", |service| text_at(service, "/spec/clusterIP")),
        Column::text("External-IP", external),
        Column::text("Port(s)", |service| {
            let ports: Vec<String> = items(service, "/spec/ports")
                .map(|port| {
                    let node = match port["nodePort"].as_i64() {
                        Some(node) if node > 0 => format!(":{node}"),
                        _ => String::new(),
                    };
                    format!("{}{node}/{}", port["port"], port["protocol"].as_str().unwrap_or("TCP"))
                })
                .collect();
            joined(ports.iter().map(String::as_str))
        }),
        age(),
        Column::text("Selector", |service| {
            let query = query_form(&service["spec"]["selector"]);
            if query.is_empty() { "<none>".to_owned() } else { query }
        })
        .wide(),
    ]
}

fn external(service: &Value) -> String {
    let own = items(service, "/spec/externalIPs").filter_map(Value::as_str);
    match service["spec"]["type"].as_str() {
        Some("ExternalName") => text_at(service, "/spec/externalName"),
        Some("LoadBalancer") => {
            let given = items(service, "/status/loadBalancer/ingress")
                .filter_map(|i| i["ip"].as_str().or_else(|| i["hostname"].as_str()));
            match joined(given.chain(own)) {
                none if none == "<none>" => "<pending>".to_owned(),
                addresses => addresses,
            }
        }
        _ => joined(own),
    }
}

fn shortened(mut all: Vec<String>, show: usize) -> String {
    let more = all.len().saturating_sub(show);
    all.truncate(show);
    let shown = joined(all.iter().map(String::as_str));
    if more > 0 { format!("{shown} + {more} more...") } else { shown }
}

pub(super) fn endpoints(object: &Value) -> String {
    let mut all = Vec::new();
    for subset in items(object, "/subsets") {
        for address in items(subset, "/addresses").filter_map(|a| a["ip"].as_str()) {
            let host =
                if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
            let mut ports = items(subset, "/ports").peekable();
            if ports.peek().is_none() {
                all.push(address.to_owned());
            }
            all.extend(ports.map(|port| format!("{host}:{}", port["port"])));
        }
    }
    shortened(all, 3)
}

pub(super) fn slice_ports(object: &Value) -> String {
    let ports: Vec<String> = items(object, "/ports").map(|p| p["port"].to_string()).collect();
    if ports.is_empty() { "<unset>".to_owned() } else { shortened(ports, 3) }
}

pub(super) fn slice_endpoints(object: &Value) -> String {
    let addresses = items(object, "/endpoints")
        .flat_map(|endpoint| items(endpoint, "/addresses"))
        .filter_map(|address| address.as_str().map(str::to_owned));
    match shortened(addresses.collect(), 3) {
        none if none == "<none>" => "<unset>".to_owned(),
        shown => shown,
    }
}

pub(super) fn event() -> Vec<Column> {
    fn seen(event: &Value, now: Timestamp) -> Value {
        let times = [
            &event["series"]["lastObservedTime"],
            &event["lastTimestamp"],
            &event["deprecatedLastTimestamp"],
            &event["eventTime"],
            &event["metadata"]["creationTimestamp"],
        ];
        since(times.into_iter().find(|t| t.is_string()).unwrap_or(&Value::Null), now).into()
    }
    fn object(event: &Value) -> &Value {
        if event["involvedObject"].is_object() {
            &event["involvedObject"]
        } else {
            &event["regarding"]
        }
    }
    vec![
        Column::new("Last Seen", seen),
        Column::text("Type", |event| text_at(event, "/type")),
        Column::text("Reason", |event| text_at(event, "/reason")),
        Column::text("Object", |event| {
            let object = object(event);
            let text = |member: &str| object[member].as_str().unwrap_or_default();
            format!("{}/{}", text("kind").to_lowercase(), text("name"))
        }),
        Column::text("Subobject", |event| {
            object(event)["fieldPath"].as_str().unwrap_or_default().to_owned()
        })
        .wide(),
        Column::text("Source", |event| {
            let text = |pointer: &str| {
                event.pointer(pointer).and_then(Value::as_str).filter(|t| !t.is_empty())
            };
            let component = text("/source/component")
                .or_else(|| text("/reportingComponent"))
                .or_else(|| text("/reportingController"));
            joined([component.unwrap_or_default(), text("/source/host").unwrap_or_default()])
        })
        .wide(),
        Column::text("Message", |event| {
            event["message"]
                .as_str()
                .or_else(|| event["note"].as_str())
                .unwrap_or_default()
                .trim()
                .to_owned()
        }),
        Column::new("First Seen", |event, now| {
            let times = [
                &event["firstTimestamp"],
                &event["eventTime"],
                &event["metadata"]["creationTimestamp"],
            ];
            since(times.into_iter().find(|t| t.is_string()).unwrap_or(&Value::Null), now).into()
        })
        .wide(),
        Column::new("Count", |event, _| {
            event["series"]["count"]
                .as_i64()
                .or_else(|| event["count"].as_i64())
                .unwrap_or(1)
                .into()
        })
        .kind("integer")
        .wide(),
        {
            let mut column = name();
            column.priority = 1;
            column
        },
    ]
}

pub(super) fn ingress() -> Vec<Column> {
    vec![
        name(),
        Column::text("Class", |ingress| text_at(ingress, "/spec/ingressClassName")),
        Column::text("Hosts", |ingress| {
            match joined(items(ingress, "/spec/rules").filter_map(|rule| rule["host"].as_str())) {
                none if none == "<none>" => "*".to_owned(),
                hosts => hosts,
            }
        }),
        Column::text("Address", |ingress| {
            let given = items(ingress, "/status/loadBalancer/ingress");
            match joined(given.filter_map(|i| i["ip"].as_str().or_else(|| i["hostname"].as_str())))
            {
                none if none == "<none>" => String::new(),
                addresses => addresses,
            }
        }),
        Column::text("Ports", |ingress| {
            let tls = items(ingress, "/spec/tls").next().is_some();
            if tls { "80, 443" } else { "80" }.to_owned()
        }),
        age(),
    ]
}

pub(super) fn binding() -> Vec<Column> {
    let subjects = |kind: &'static str| {
        move |binding: &Value| {
            let names: Vec<String> = items(binding, "/subjects")
                .filter(|s| s["kind"] == kind)
                .map(|s| match s["namespace"].as_str() {
                    Some(namespace) => {
                        format!("{namespace}/{}", s["name"].as_str().unwrap_or_default())
                    }
                    None => s["name"].as_str().unwrap_or_default().to_owned(),
                })
                .collect();
            names.join(", ")
        }
    };
    vec![
        name(),
        Column::new("Role", |binding, _| {
            let role = &binding["roleRef"];
            json!(format!(
                "{}/{}",
                role["kind"].as_str().unwrap_or_default(),
                role["name"].as_str().unwrap_or_default()
            ))
        }),
        age(),
        Column::text("Users", subjects("User")).wide(),
        Column::text("Groups", subjects("Group")).wide(),
        Column::text("ServiceAccounts", subjects("ServiceAccount")).wide(),
    ]
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeSeed;

    use super::*;
    use crate::lab::apiserver::store::Without;

    #[test]
    fn columns_show_the_same_without_what_they_do_not_read() {
        let pod = json!({
            "metadata": {"name": "a", "managedFields": [{"manager": "kubectl"}]},
            "spec": {
                "affinity": {}, "tolerations": [{"key": "a"}], "volumes": [{"name": "v"}],
                "containers": [{"name": "c", "image": "i"}, {"name": "d"}],
                "initContainers": [{"name": "e"}, {"name": "f"}],
                "nodeName": "n", "readinessGates": [{"conditionType": "g"}],
            },
            "status": {
                "phase": "Pending", "podIP": "10.0.0.1", "conditions": [{"type": "g", "status": "True"}],
                "initContainerStatuses": [{"name": "e", "state": {"running": {}}}],
                "containerStatuses": [{"name": "c", "ready": true, "restartCount": 2}],
            },
        });
        let cells = |pod: &Value| -> Vec<Value> {
            let now = Timestamp::UNIX_EPOCH;
            super::pod().iter().map(|column| (column.cell)(pod, now)).collect()
        };
        let all = cells(&pod);
        assert_eq!(all[1..3], ["1/2", "Init:0/2"]);
        let text = pod.to_string();
        let read = Without(UNREAD).deserialize(&mut serde_json::Deserializer::from_str(&text));
        assert_eq!(cells(&read.expect("it is JSON")), all);
    }
}

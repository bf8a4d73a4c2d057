//! What a container runs: a stand-in server, a command of the machine, or nothing at all.

use std::{collections::BTreeSet, ffi::OsString};

use k8s_openapi::{
    api::core::v1::{Container, Pod, Probe},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::ResourceExt;

use super::host::Host;
use crate::lab::{
    host::launch::skep,
    standin::{Listen, Protocol},
};

/// Annotation with a command for the first container; with `.NAME` at its end, for another one.
const COMMAND: &str = "lab.skep.io/command";

/// What a container runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// A server that stands in for the image; it says when it listens.
    StandIn(Vec<OsString>),
    /// A command of the machine.
    Command(Vec<OsString>),
    /// Nothing: it ends at once with success.
    Done,
}

/// Decides what an ordinary container runs.
pub(super) fn of_container(host: &Host, pod: &Pod, container: &Container) -> Program {
    if let Some(command) = command(pod, container) {
        return command;
    }
    let of_job = pod.owner_references().iter().any(|owner| owner.kind == "Job");
    if of_job { Program::Done } else { stand_in(host, pod, container) }
}

/// Decides what an init container runs.
pub(super) fn of_init_container(pod: &Pod, container: &Container) -> Program {
    command(pod, container).unwrap_or(Program::Done)
}

fn command(pod: &Pod, container: &Container) -> Option<Program> {
    let annotations = pod.annotations();
    let first = pod.spec.as_ref()?.containers.first()?;
    let own = annotations.get(&format!("{COMMAND}.{}", container.name));
    let text = own.or_else(|| annotations.get(COMMAND).filter(|_| first.name == container.name))?;
    Some(Program::Command(["sh", "-c", text].map(OsString::from).into()))
}

fn stand_in(host: &Host, pod: &Pod, container: &Container) -> Program {
    let mut args: Vec<OsString> = ["lab", "stand-in"].map(OsString::from).into();
    let namespace = pod.namespace().unwrap_or_default();
    for (flag, value) in [
        ("--pod", pod.name_any()),
        ("--namespace", namespace),
        ("--container", container.name.clone()),
        ("--node", host.name().to_owned()),
    ] {
        args.extend([OsString::from(flag), value.into()]);
    }
    for port in ports(container) {
        args.extend([OsString::from("--listen"), port.into()]);
    }
    Program::StandIn(skep(args))
}

/// Returns the ports that a container declares, and those that its probes ask at.
fn ports(container: &Container) -> BTreeSet<String> {
    let declared = container.ports.iter().flatten().filter_map(|port| {
        let protocol = match port.protocol.as_deref() {
            None | Some("TCP") => Protocol::Tcp,
            Some("UDP") => Protocol::Udp,
            Some(_) => return None,
        };
        Some(Listen { protocol, port: u16::try_from(port.container_port).ok()? })
    });
    let probes = [&container.readiness_probe, &container.liveness_probe, &container.startup_probe];
    let probed = probes.into_iter().flatten().filter_map(|probe| {
        Some(Listen { protocol: Protocol::Tcp, port: probe_port(probe, container)? })
    });
    declared.chain(probed).map(|port| port.to_string()).collect()
}

/// Returns the TCP port that a probe asks at.
pub(super) fn probe_port(probe: &Probe, container: &Container) -> Option<u16> {
    if let Some(grpc) = &probe.grpc {
        return u16::try_from(grpc.port).ok();
    }
    let http = probe.http_get.as_ref().map(|http| &http.port);
    let number = match http.or_else(|| probe.tcp_socket.as_ref().map(|tcp| &tcp.port))? {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => {
            let mut ports = container.ports.iter().flatten();
            ports.find(|port| port.name.as_deref() == Some(name))?.container_port
        }
    };
    u16::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn stand_ins_listen_where_containers_and_probes_say() {
        let container: Container = from_value(json!({
            "name": "c",
            "ports": [
                { "containerPort": 80, "name": "web" },
                { "containerPort": 53, "protocol": "UDP" },
                { "containerPort": 9, "protocol": "SCTP" },
            ],
            "livenessProbe": { "tcpSocket": { "port": 81 } },
            "readinessProbe": { "httpGet": { "port": "web" } },
        }))
        .unwrap();
        let ports: Vec<_> = ports(&container).into_iter().collect();
        assert_eq!(ports, ["tcp:80", "tcp:81", "udp:53"]);
    }

    #[test]
    fn the_annotation_means_the_first_container_unless_it_names_one() {
        let pod: Pod = from_value(json!({
            "metadata": { "annotations": { COMMAND: "a", "lab.skep.io/command.two": "b" } },
            "spec": { "containers": [{ "name": "one" }, { "name": "two" }, { "name": "three" }] },
        }))
        .unwrap();
        let containers = &pod.spec.as_ref().unwrap().containers;
        let run =
            |text: &str| Some(Program::Command(["sh", "-c", text].map(OsString::from).into()));
        let found: Vec<_> = containers.iter().map(|one| command(&pod, one)).collect();
        assert_eq!(found, [run("a"), run("b"), None]);
    }
}

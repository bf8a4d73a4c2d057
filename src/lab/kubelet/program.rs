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
    if let Some(command) = command(pod, container).or_else(|| interactive(container)) {
        return command;
    }
    let of_job = pod.owner_references().iter().any(|owner| owner.kind == "Job");
    if of_job { Program::Done } else { stand_in(host, pod, container) }
}

/// Decides what an init container runs.
pub(super) fn of_init_container(pod: &Pod, container: &Container) -> Program {
    command(pod, container).unwrap_or(Program::Done)
}

/// Decides what an ephemeral container runs: its command with the machine's programs.
pub(super) fn of_ephemeral(container: &Container) -> Program {
    let taking_input = Container { stdin: Some(true), ..container.clone() };
    let has_words = container.command.is_some() || container.args.is_some();
    let runs = has_words || container.stdin == Some(true);
    interactive(&taking_input).filter(|_| runs).unwrap_or(Program::Done)
}

/// A container that takes input is one to work in, as of `kubectl run -it` and `kubectl debug`: it
/// runs its own command with the machine's programs, or a shell.
pub(super) fn interactive(container: &Container) -> Option<Program> {
    if container.stdin != Some(true) {
        return None;
    }
    let words = container.command.iter().flatten().chain(container.args.iter().flatten());
    let words: Vec<OsString> = words.map(OsString::from).collect();
    Some(Program::Command(if words.is_empty() { vec!["sh".into()] } else { words }))
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
    let port = http.or_else(|| probe.tcp_socket.as_ref().map(|tcp| &tcp.port))?;
    named_port(port, container)
}

/// Returns the number of a port that a container may call by a name.
pub(super) fn named_port(port: &IntOrString, container: &Container) -> Option<u16> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => {
            let mut ports = container.ports.iter().flatten();
            match ports.find(|port| port.name.as_deref() == Some(name)) {
                Some(port) => port.container_port,
                None => name.parse().ok()?,
            }
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
    fn containers_that_take_input_run_their_command_or_a_shell() {
        let container = |more: serde_json::Value| {
            let mut value = json!({ "name": "c" });
            value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            from_value::<Container>(value).unwrap()
        };
        let run =
            |words: &[&str]| Some(Program::Command(words.iter().map(OsString::from).collect()));
        for (more, expected) in [
            (json!({ "args": ["wget", "-O-", "web"] }), None),
            (json!({ "stdin": true }), run(&["sh"])),
            (json!({ "stdin": true, "args": ["wget", "web"] }), run(&["wget", "web"])),
            (json!({ "stdin": true, "command": ["a"], "args": ["b"] }), run(&["a", "b"])),
        ] {
            assert_eq!(interactive(&container(more.clone())), expected, "{more}");
        }
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

//! A pod's status, made of its containers' reports, as kubelet writes it.

use std::net::IpAddr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod};
use serde_json::{Value, json};

use super::container::{End, Report, Restart, State};

/// Everything a pod's status is made of.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) init: Vec<Report>,
    pub(super) main: Vec<Report>,
    /// Addresses, once there is a sandbox.
    pub(super) addresses: Vec<IpAddr>,
    pub(super) host: Vec<IpAddr>,
    pub(super) sandbox: bool,
    pub(super) started: Timestamp,
    pub(super) restart: Restart,
    /// The pod is to end.
    pub(super) ending: bool,
    /// The last conditions, whose times stay as long as their answers do.
    pub(super) conditions: Vec<(&'static str, bool, Timestamp)>,
}

/// Returns when a pod's containers are started again.
pub(super) fn restart_of(pod: &Pod) -> Restart {
    match pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()) {
        Some("Never") => Restart::Never,
        Some("OnFailure") => Restart::OnFailure,
        _ => Restart::Always,
    }
}

impl Picture {
    pub(super) fn new(pod: &Pod, host: Vec<IpAddr>) -> Self {
        let spec = pod.spec.as_ref();
        let init = spec.and_then(|spec| spec.init_containers.as_deref()).map_or(0, <[_]>::len);
        let main = spec.map_or(0, |spec| spec.containers.len());
        Self {
            init: vec![waiting("PodInitializing"); init],
            main: vec![
                waiting(if init > 0 { "PodInitializing" } else { "ContainerCreating" });
                main
            ],
            addresses: vec![],
            host,
            sandbox: false,
            started: Timestamp::now(),
            restart: restart_of(pod),
            ending: false,
            conditions: vec![],
        }
    }

    fn is_initialized(&self) -> bool {
        self.init.iter().all(|report| {
            report.started || matches!(&report.state, State::Ended(end) if end.code == 0)
        })
    }

    /// Returns the pod's phase.
    pub(super) fn phase(&self) -> &'static str {
        let ended = |reports: &[Report]| {
            let ends = reports.iter().map(|report| match &report.state {
                State::Ended(end) => Some(end.code),
                _ => None,
            });
            ends.collect::<Option<Vec<i32>>>()
        };
        let final_failure = self.restart == Restart::Never || self.ending;
        if final_failure
            && self.init.iter().any(|one| matches!(&one.state, State::Ended(end) if end.code != 0))
        {
            return "Failed";
        }
        let never_ran = self.main.iter().all(|one| matches!(one.state, State::Waiting(_)))
            && self.main.iter().all(|one| one.restarts == 0);
        match ended(&self.main) {
            Some(codes) if self.is_over(&codes) => {
                if codes.iter().all(|code| *code == 0) {
                    "Succeeded"
                } else {
                    "Failed"
                }
            }
            _ if !self.is_initialized() || never_ran => "Pending",
            _ => "Running",
        }
    }

    /// Tells whether containers that have all ended stay so.
    fn is_over(&self, codes: &[i32]) -> bool {
        let over = match self.restart {
            Restart::Always => false,
            Restart::OnFailure => codes.iter().all(|code| *code == 0),
            Restart::Never => true,
        };
        over || self.ending
    }

    /// Returns the status to write, and remembers since when each condition holds.
    pub(super) fn status(&mut self, pod: &Pod) -> Value {
        let phase = self.phase();
        let over = matches!(phase, "Succeeded" | "Failed");
        let ready = !over && phase == "Running" && self.main.iter().all(|report| report.ready);
        let answers = [
            ("PodReadyToStartContainers", self.sandbox),
            ("Initialized", self.is_initialized()),
            ("Ready", ready),
            ("ContainersReady", ready),
            ("PodScheduled", true),
        ];
        let now = Timestamp::now();
        self.conditions = answers
            .iter()
            .map(|(name, holds)| {
                let before = self.conditions.iter().find(|(one, ..)| one == name);
                let since = before.filter(|(_, held, _)| held == holds).map_or(now, |(.., at)| *at);
                (*name, *holds, since)
            })
            .collect();
        let spec = pod.spec.clone().unwrap_or_default();
        let reason = if phase == "Succeeded" { "PodCompleted" } else { "ContainersNotReady" };
        let conditions: Vec<Value> =
            self.conditions.iter().map(|condition| show_condition(condition, reason)).collect();
        let mut status = json!({
            "phase": phase,
            "conditions": conditions,
            "startTime": time(self.started),
            "hostIP": self.host.first(),
            "hostIPs": addresses(&self.host),
            "containerStatuses": statuses(&spec.containers, &self.main),
            "qosClass": "BestEffort",
        });
        let init = spec.init_containers.unwrap_or_default();
        if !init.is_empty() {
            status["initContainerStatuses"] = statuses(&init, &self.init);
        }
        if let Some(first) = self.addresses.first() {
            status["podIP"] = json!(first);
            status["podIPs"] = addresses(&self.addresses);
        }
        status
    }
}

fn waiting(reason: &'static str) -> Report {
    Report { state: State::Waiting(reason), ..Report::default() }
}

fn addresses(list: &[IpAddr]) -> Value {
    list.iter().map(|ip| json!({ "ip": ip })).collect()
}

/// Kubernetes writes times in whole seconds.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn show_condition((name, holds, since): &(&str, bool, Timestamp), reason: &str) -> Value {
    let mut condition = json!({
        "type": name,
        "status": if *holds { "True" } else { "False" },
        "lastProbeTime": null,
        "lastTransitionTime": time(*since),
    });
    if !holds && matches!(*name, "Ready" | "ContainersReady") {
        condition["reason"] = json!(reason);
    }
    condition
}

fn statuses(containers: &[Container], reports: &[Report]) -> Value {
    let show = |(container, report): (&Container, &Report)| {
        let id = format!("skep://{}-{}", container.name, report.restarts);
        json!({
            "name": container.name,
            "image": container.image.as_deref().unwrap_or(""),
            "imageID": "",
            "containerID": id,
            "ready": report.ready,
            "started": report.started,
            "restartCount": report.restarts,
            "state": show_state(&report.state),
            "lastState": report.last.as_ref().map_or_else(|| json!({}), show_end),
        })
    };
    containers.iter().zip(reports).map(show).collect()
}

fn show_state(state: &State) -> Value {
    match state {
        State::Waiting(reason) => json!({ "waiting": { "reason": reason } }),
        State::Running(since) => json!({ "running": { "startedAt": time(*since) } }),
        State::Ended(end) => show_end(end),
    }
}

fn show_end(end: &End) -> Value {
    json!({ "terminated": {
        "exitCode": end.code,
        "reason": end.reason,
        "startedAt": time(end.started),
        "finishedAt": time(end.finished),
    } })
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;

    use super::*;

    fn ended(code: i32) -> Report {
        let now = Timestamp::now();
        let state = State::Ended(End { code, reason: "Completed", started: now, finished: now });
        Report { state, ..Report::default() }
    }

    fn running(ready: bool) -> Report {
        Report {
            state: State::Running(Timestamp::now()),
            ready,
            started: true,
            ..Report::default()
        }
    }

    fn picture(policy: &str, init: Vec<Report>, main: Vec<Report>) -> Picture {
        let pod: Pod =
            from_value(json!({ "spec": { "restartPolicy": policy, "containers": [] } })).unwrap();
        Picture { init, main, sandbox: true, ..Picture::new(&pod, vec![]) }
    }

    #[test]
    fn phases_follow_containers_and_policy() {
        let waiting = Report::default;
        for (policy, init, main, expected) in [
            ("Always", vec![], vec![waiting()], "Pending"),
            ("Always", vec![], vec![running(true), waiting()], "Running"),
            ("Always", vec![waiting()], vec![waiting()], "Pending"),
            ("Always", vec![ended(0)], vec![running(false)], "Running"),
            ("Always", vec![], vec![ended(0)], "Running"),
            ("OnFailure", vec![], vec![ended(0)], "Succeeded"),
            ("OnFailure", vec![], vec![ended(1)], "Running"),
            ("Never", vec![], vec![ended(0), ended(3)], "Failed"),
            ("Never", vec![ended(1)], vec![waiting()], "Failed"),
        ] {
            let found = picture(policy, init, main.clone()).phase();
            assert_eq!(found, expected, "{policy} {main:?}");
        }
    }

    #[test]
    fn a_pod_is_ready_when_every_container_is() {
        let pod = Pod::default();
        let ready = |main: Vec<Report>| {
            let status = picture("Always", vec![], main).status(&pod);
            status["conditions"][2]["status"] == "True"
        };
        assert!(ready(vec![running(true), running(true)]));
        assert!(!ready(vec![running(true), running(false)]));
    }
}

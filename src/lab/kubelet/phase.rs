//! A pod's status, made of its containers' reports, as kubelet writes it.

use std::{collections::HashMap, net::IpAddr};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};
use serde_json::{Value, json};

use super::{
    crew::{Slot, is_sidecar},
    past::Past,
    report::{Report, Restart, State},
    written::{
        CONDITIONS, addresses, kept_condition, show_condition, statuses, time, unready,
        unready_init,
    },
};

/// Everything a pod's status is made of.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) init: Vec<Report>,
    pub(super) main: Vec<Report>,
    pub(super) ephemeral: Vec<Report>,
    /// Which init containers are sidecars.
    sidecars: Vec<bool>,
    /// Why the pod has failed as a whole.
    failure: Option<(&'static str, &'static str)>,
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
    /// Begins a pod's status, or goes on with the one from before.
    pub(super) fn new(pod: &Pod, host: Vec<IpAddr>, past: Past<'_>) -> Self {
        let spec = pod.spec.clone().unwrap_or_default();
        let init = spec.init_containers.unwrap_or_default();
        let status = pod.status.clone().unwrap_or_default();
        let first = if init.is_empty() { "ContainerCreating" } else { "PodInitializing" };
        let begin = |containers: &[Container], before: Option<Vec<ContainerStatus>>, reason| {
            let before = before.unwrap_or_default();
            let one = |container: &Container| {
                let status = before.iter().find(|status| status.name == container.name);
                let waiting = || Report { state: State::waiting(reason), ..Report::default() };
                past.report(&container.name, status).unwrap_or_else(waiting)
            };
            containers.iter().map(one).collect::<Vec<_>>()
        };
        let debugging = status.ephemeral_container_statuses.unwrap_or_default();
        let ephemeral = spec.ephemeral_containers.iter().flatten().map_while(|container| {
            past.of_ephemeral(debugging.iter().find(|status| status.name == container.name))
        });
        Self {
            ephemeral: ephemeral.collect(),
            conditions: status.conditions.iter().flatten().filter_map(kept_condition).collect(),
            sidecars: init.iter().map(is_sidecar).collect(),
            init: begin(&init, status.init_container_statuses, "PodInitializing"),
            main: begin(&spec.containers, status.container_statuses, first),
            failure: None,
            addresses: vec![],
            host,
            sandbox: false,
            started: status.start_time.map_or_else(Timestamp::now, |time| time.0),
            restart: restart_of(pod),
            ending: false,
        }
    }

    /// Tells whether a pod had ended for good already.
    pub(super) fn was_over(&self, pod: &Pod) -> bool {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed"))
    }

    /// Replaces what is known of a container.
    pub(super) fn set(&mut self, slot: Slot, report: Report) {
        let place = match slot {
            Slot::Init(position) => self.init.get_mut(position),
            Slot::Main(position) => self.main.get_mut(position),
            Slot::Ephemeral(position) => self.ephemeral.get_mut(position),
        };
        if let Some(place) = place {
            *place = report;
        }
    }

    /// Returns what is known of all containers.
    pub(super) fn reports(&self) -> HashMap<Slot, Report> {
        let init = self.init.iter().enumerate().map(|(at, one)| (Slot::Init(at), one.clone()));
        let main = self.main.iter().enumerate().map(|(at, one)| (Slot::Main(at), one.clone()));
        init.chain(main).collect()
    }

    /// Fails the pod as a whole.
    pub(super) fn fail(&mut self, reason: &'static str, message: &'static str) {
        self.failure = Some((reason, message));
        self.ending = true;
    }

    fn is_initialized(&self) -> bool {
        let mut sidecars = self.sidecars.iter();
        self.init.iter().all(|report| {
            let sidecar = sidecars.next() == Some(&true);
            sidecar && report.started
                || matches!(&report.state, State::Ended(end) if end.code == 0)
                // One that had done its work, and a sidecar between two runs.
                || sidecar && report.restarts > 0
        })
    }

    /// Returns the pod's phase.
    pub(super) fn phase(&self) -> &'static str {
        if self.failure.is_some() {
            return "Failed";
        }
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
        let never_ran = self.main.iter().all(|one| matches!(one.state, State::Waiting { .. }))
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
        let containers = !over
            && phase == "Running"
            && self.main.iter().all(|report| report.ready)
            && self
                .init
                .iter()
                .zip(&self.sidecars)
                .all(|(report, sidecar)| !sidecar || report.ready);
        let ready = containers && Self::gates_open(pod);
        let answers = [self.sandbox, self.is_initialized(), ready, containers, true];
        let now = Timestamp::now();
        self.conditions = CONDITIONS
            .into_iter()
            .zip(answers)
            .map(|(name, holds)| {
                let before = self.conditions.iter().find(|(one, ..)| *one == name);
                let same = before.filter(|(_, held, _)| *held == holds);
                (name, holds, same.map_or(now, |(.., at)| *at))
            })
            .collect();
        let spec = pod.spec.clone().unwrap_or_default();
        let init = spec.init_containers.unwrap_or_default();
        let missing = unready(&spec.containers, &self.main);
        let unfinished = unready_init(&init, &self.init);
        let mut conditions: Vec<Value> = self
            .conditions
            .iter()
            .map(|condition| show_condition(condition, phase, &missing, &unfinished))
            .collect();
        // Others' conditions, such as those of readiness gates, stay.
        let known = pod.status.as_ref().and_then(|status| status.conditions.clone());
        let own = |name: &str| CONDITIONS.contains(&name);
        let foreign = known.unwrap_or_default().into_iter().filter(|one| !own(&one.type_));
        conditions.extend(foreign.map(|one| json!(one)));
        let mut status = json!({
            "phase": phase,
            "conditions": conditions,
            "startTime": time(self.started),
            "hostIP": self.host.first(),
            "hostIPs": addresses(&self.host),
            "containerStatuses": statuses(&spec.containers, &self.main),
        });
        if let Some((reason, message)) = self.failure {
            status["reason"] = json!(reason);
            status["message"] = json!(message);
        }
        if !init.is_empty() {
            status["initContainerStatuses"] = statuses(&init, &self.init);
        }
        let ephemeral = spec.ephemeral_containers.unwrap_or_default();
        if !ephemeral.is_empty() {
            let ephemeral: Vec<Container> = ephemeral
                .into_iter()
                .map(|one| Container { name: one.name, image: one.image, ..Container::default() })
                .collect();
            status["ephemeralContainerStatuses"] = statuses(&ephemeral, &self.ephemeral);
        }
        if let Some(first) = self.addresses.first() {
            status["podIP"] = json!(first);
            status["podIPs"] = addresses(&self.addresses);
        }
        status
    }

    /// Tells whether every condition that the pod's readiness gates name holds.
    fn gates_open(pod: &Pod) -> bool {
        let gates = pod.spec.as_ref().and_then(|spec| spec.readiness_gates.as_deref());
        let status = pod.status.as_ref().and_then(|status| status.conditions.as_deref());
        let holds = |kind: &str| {
            let mut all = status.unwrap_or_default().iter();
            all.any(|one| one.type_ == kind && one.status == "True")
        };
        gates.unwrap_or_default().iter().all(|gate| holds(&gate.condition_type))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;

    use super::*;
    use crate::lab::kubelet::report::End;

    fn ended(code: i32) -> Report {
        let now = Timestamp::now();
        let state = State::Ended(End {
            code,
            reason: "Completed",
            message: String::new(),
            started: now,
            finished: now,
        });
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
        let sidecars = vec![false; init.len()];
        Picture { init, main, sidecars, sandbox: true, ..Picture::new(&pod, vec![], Past::Over) }
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
    fn the_phase_waits_for_the_containers_and_not_for_sidecars() {
        let mut picture = picture("Never", vec![running(true)], vec![ended(0)]);
        picture.sidecars = vec![true];
        assert_eq!(picture.phase(), "Succeeded");
        picture.main = vec![running(true)];
        assert_eq!(picture.phase(), "Running");
        picture.fail("DeadlineExceeded", "");
        assert_eq!(picture.phase(), "Failed");
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

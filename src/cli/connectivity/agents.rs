//! The agents as witnesses of what the test sees.

use jiff::Timestamp;

use super::told::{self, told};
use crate::{
    api::{HOST_FIREWALL, NodeStatus, OFF},
    cli::{
        cluster::{AgentPod, Cluster, ClusterError},
        error::Error,
        observe::{self, Heard},
        source,
    },
    connectivity::{
        Account, Blame, CheckResult, Drop, Ledger, LogError, Lost, Pass, Side, Witness,
    },
    flows::Request,
    hubble::flow::{CiliumEventType, EventTypeFilter, Flow, FlowFilter, Verdict},
};

/// Flows shown of one failure.
const FLOWS: usize = 12;

/// The agents of the cluster, if there are any.
pub(super) struct Agents<'a> {
    pub(super) cluster: &'a Cluster,
}

impl Witness for Agents<'_> {
    async fn flows(&self, result: &CheckResult, since: Timestamp) -> Vec<String> {
        let Some(ends) = result.ends() else { return Vec::new() };
        // ICMP errors belong to every protocol.
        let protocols = match result.check.protocol() {
            "udp" => &["udp", "icmp"][..],
            "sctp" => &["sctp", "icmp"],
            "icmp" => &["icmp"],
            _ => &["tcp", "icmp"],
        };
        let asked = observe::Between { ends, protocols, since, last: FLOWS };
        // A cluster without skep has no flows to show.
        observe::between(self.cluster, &result.nodes(), &asked).await.unwrap_or_default()
    }

    async fn listen(&self, nodes: &[String], namespace: &str, since: Timestamp, ledger: &Ledger) {
        let (since, allow) = (Some(since), told::wanted(namespace));
        let request = Request { follow: true, since, allow, ..Request::default() };
        let heard = observe::hear(self.cluster, nodes, &request, |node, heard| match heard {
            Heard::Flow(flow) => told(flow).for_each(|told| ledger.hear(node, told)),
            Heard::Lost(reason) => ledger.lose(node, reason),
            Heard::Ended(reason) => ledger.end(node, reason),
        });
        if let Err(error) = heard.await {
            ledger.silence(error.chain().join(": "));
        }
    }

    async fn account(&self, nodes: &[String], since: Timestamp) -> Result<Account, String> {
        let passed = FlowFilter { verdict: vec![Verdict::Forwarded.into()], ..judged() };
        let flows = self.stored(nodes, since, vec![dropped(), passed]).await?;
        let is_drop = |flow: &&Flow| flow.verdict() == Verdict::Dropped;
        let (drops, passes): (Vec<&Flow>, Vec<&Flow>) = flows.iter().partition(is_drop);
        Ok(Account {
            drops: drops.into_iter().filter_map(drop_of).collect(),
            passes: passes.into_iter().filter_map(pass_of).collect(),
        })
    }

    async fn lost(&self, nodes: &[String], since: Timestamp) -> Result<Vec<Lost>, String> {
        let flows = self.stored(nodes, since, vec![dropped()]).await?;
        let lost = |flow: &Flow| {
            let node = flow.node_name.rsplit('/').next().unwrap_or_default().to_owned();
            let reason = flow.drop_reason_desc().as_str_name().to_owned();
            Some(Lost { node, ends: flow.addresses()?, reason })
        };
        Ok(flows.iter().filter_map(lost).collect())
    }

    async fn errors(&self, nodes: &[String], since: Timestamp) -> Result<Vec<LogError>, String> {
        let words = |error: ClusterError| Error::from(error).chain().join(": ");
        let mut errors = Vec::new();
        for AgentPod { node, pod } in self.cluster.agents(nodes).await.map_err(words)? {
            let pod = pod.map_err(|reason| format!("{node}: {reason}"))?;
            let log = self.cluster.log(&pod, since).await.map_err(words)?;
            let lines = log.lines().filter(|line| is_error(line));
            errors.extend(lines.map(|line| LogError { node: node.clone(), line: line.to_owned() }));
        }
        Ok(errors)
    }

    async fn no_host_firewall(&self, nodes: &[String]) -> Option<String> {
        let answers = match source::list::<NodeStatus>(self.cluster, nodes).await {
            Ok(answers) => answers,
            Err(error) => return Some(error.chain().join(": ")),
        };
        if let Some(failure) = answers.failures.first() {
            return Some(format!("{}: {}", failure.node_name, failure.reason));
        }
        let is_off = |status: &NodeStatus| {
            let mut parts = status.components.iter();
            parts.any(|part| part.name == HOST_FIREWALL && part.message == OFF)
        };
        let mut items = answers.items.iter();
        let off = items.find(|located| is_off(&located.item))?;
        Some(format!("the host firewall is off on {} (setting host-firewall)", off.node_name))
    }
}

impl Agents<'_> {
    async fn stored(
        &self,
        nodes: &[String],
        since: Timestamp,
        allow: Vec<FlowFilter>,
    ) -> Result<Vec<Flow>, String> {
        let request = Request { since: Some(since), allow, ..Request::default() };
        let flows = observe::stored(self.cluster, nodes, &request).await;
        flows.map_err(|error| error.chain().join(": "))
    }
}

/// Packets that were dropped. A denial is told twice: as a verdict, too.
fn dropped() -> FlowFilter {
    of_type(CiliumEventType::DROP)
}

/// Verdicts of policies.
fn judged() -> FlowFilter {
    of_type(CiliumEventType::POLICY_VERDICT)
}

fn of_type(r#type: i32) -> FlowFilter {
    let event_type = vec![EventTypeFilter { r#type, ..EventTypeFilter::default() }];
    FlowFilter { event_type, ..FlowFilter::default() }
}

/// Tells whether a line of a log tells of an error; logs are JSON where no terminal is.
fn is_error(line: &str) -> bool {
    match serde_json::from_str::<serde_json::Value>(line) {
        Ok(line) => line["level"] == "ERROR",
        Err(_) => line.contains(" ERROR "),
    }
}

/// Reads what an agent says about a packet that it dropped.
fn drop_of(flow: &Flow) -> Option<Drop> {
    let side = told::side(flow)?;
    let policies = match side {
        Side::Ingress => &flow.ingress_denied_by,
        Side::Egress => &flow.egress_denied_by,
    };
    let reason = flow.drop_reason_desc().as_str_name().to_owned();
    let blame = Blame { side, reason, policies: told::names(policies) };
    Some(Drop { packets: told::packets(flow)?, blame })
}

/// Reads what an agent says about a connection that policies let through.
fn pass_of(flow: &Flow) -> Option<Pass> {
    let side = told::side(flow)?;
    let policies = match side {
        Side::Ingress => &flow.ingress_allowed_by,
        Side::Egress => &flow.egress_allowed_by,
    };
    Some(Pass { packets: told::packets(flow)?, side, policies: told::names(policies) })
}

#[cfg(test)]
mod tests {
    use super::is_error;

    #[test]
    fn errors_are_told_from_other_lines() {
        for (line, error) in [
            (r#"{"level":"ERROR","message":"x"}"#, true),
            (r#"{"level":"WARN","message":"an ERROR was here"}"#, false),
            ("2026-11-24T12:00:00Z ERROR agent: x", true),
            ("", false),
        ] {
            assert_eq!(is_error(line), error, "{line}");
        }
    }
}

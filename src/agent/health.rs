//! How the agent's parts are doing, for `status` and for metrics.

use super::{policy::HostHealth, shared::Agent, sockets};
use crate::api::{Component, HOST_FIREWALL, Health, OFF};

impl Agent {
    /// Says how each part is doing.
    pub(super) fn components(&self) -> Vec<Component> {
        let agent = self;
        let failing: Vec<String> = agent
            .watches
            .all()
            .iter()
            .filter_map(|(noun, state)| Some(format!("{noun}: {}", state.failing()?)))
            .collect();
        let kubernetes = if !failing.is_empty() {
            // The node goes on with what it knows.
            component("kubernetes", Health::Degraded, failing.join("; "))
        } else if agent.progress.synced() {
            component("kubernetes", Health::Ok, "all watches are live".into())
        } else {
            component("kubernetes", Health::Starting, "waiting for the first full sync".into())
        };
        let datapath = match agent.endpoints.datapath_works() {
            _ if !agent.progress.configured() => {
                component("datapath", Health::Starting, "waiting for this node's object".into())
            }
            Ok(()) => {
                let method = agent.datapath.method();
                component("datapath", Health::Ok, format!("attached by {method}"))
            }
            Err(reason) => component("datapath", Health::Failing, reason),
        };
        let ipam = match agent.endpoints.pool() {
            Ok(()) => component("ipam", Health::Ok, String::new()),
            Err(error) if agent.progress.configured() => {
                component("ipam", Health::Degraded, error.to_string())
            }
            Err(error) => component("ipam", Health::Starting, error.to_string()),
        };
        let policies = self.policy.health();
        // What was accepted before counts.
        let rejected = policies.rejected.iter().map(|(policy, why)| format!("{policy}: {why}"));
        let faults: Vec<String> = rejected.chain(policies.waiting).collect();
        let policy = match faults.as_slice() {
            [] if agent.progress.synced() => {
                let tables = policies.tables;
                component("policy", Health::Ok, format!("{tables} different policies in the maps"))
            }
            [] => component("policy", Health::Starting, "waiting for the first full sync".into()),
            faults => component("policy", Health::Failing, faults.join("; ")),
        };
        let services = self.services_component();
        let host = host_component(&policies.host);
        let announced = if agent.progress.announced() {
            component("node", Health::Ok, "announced as ready".into())
        } else {
            component("node", Health::Starting, "not announced as ready yet".into())
        };
        let history = self.history_component();
        let parts = [kubernetes, datapath, policy, services, host, ipam, announced];
        parts.into_iter().chain(history).collect()
    }

    fn services_component(&self) -> Component {
        let services = self.balancer.health();
        let faults = services.behind.into_iter().chain(sockets::fault(self));
        let faults: Vec<String> = faults.collect();
        if !faults.is_empty() {
            component("services", Health::Failing, faults.join("; "))
        } else if !self.progress.synced() {
            component("services", Health::Starting, "waiting for the first full sync".into())
        } else {
            let mut message = format!("{} frontends in the maps", services.frontends);
            if services.findings > 0 {
                message.push_str(&format!(", {} parts without effect", services.findings));
            }
            if let Some(pod) = self.pods.kube_proxy() {
                message
                    .push_str(&format!("; {pod} runs here, too: it keeps the connections it made"));
            }
            component("services", Health::Ok, message)
        }
    }
}

fn host_component(host: &HostHealth) -> Component {
    let (health, message) = match host {
        HostHealth::Off => (Health::Ok, OFF.to_owned()),
        HostHealth::Protected(count) => (Health::Ok, format!("{count} policies")),
        HostHealth::OnTrial(count) => {
            (Health::Ok, format!("{count} policies, on trial: the node must stay in touch"))
        }
        HostHealth::TakenBack(why) => (Health::Failing, format!("policies taken back: {why}")),
    };
    component(HOST_FIREWALL, health, message)
}

pub(super) fn component(name: &str, health: Health, message: String) -> Component {
    Component { name: name.into(), health, message }
}

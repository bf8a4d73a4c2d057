//! The policies that clusters have: few isolate, many let applications talk, some are about addresses.

use serde_json::{Value, json};

use super::workload::{APPS, TEAM, app, environment, namespace};
use crate::bench::statistics::Draws;

/// Policies of a namespace.
pub(super) const POLICIES: usize = 20;

/// Makes policies.
#[derive(Debug)]
pub(super) struct Maker {
    draws: Draws,
    namespaces: usize,
}

impl Maker {
    /// Starts; the same cluster always gets the same policies.
    pub(super) const fn new(namespaces: usize) -> Self {
        Self { draws: Draws::new(4), namespaces }
    }

    /// Makes the policies of the next namespace.
    pub(super) fn policies(&mut self, own: usize) -> Vec<Value> {
        let mut all = vec![
            knp(
                own,
                "default-deny",
                &json!({
                    "podSelector": {}, "policyTypes": ["Ingress", "Egress"],
                }),
            ),
            knp(
                own,
                "same-namespace",
                &json!({
                    "podSelector": {}, "ingress": [{ "from": [{ "podSelector": {} }] }],
                }),
            ),
            cnp(
                own,
                "dns",
                &json!({
                    "endpointSelector": {},
                    "egress": [{
                        "toEndpoints": [{ "matchLabels": {
                            "k8s:io.kubernetes.pod.namespace": "kube-system", "k8s-app": "kube-dns",
                        }}],
                        "toPorts": [{ "ports": [{ "port": "53", "protocol": "ANY" }] }],
                    }],
                }),
            ),
        ];
        for app in 0..APPS {
            all.push(if app % 2 == 0 { self.clients(own, app) } else { self.flows(own, app) });
        }
        all.extend([
            self.outside(own, 0),
            self.outside(own, 3),
            self.ranges(own),
            self.denial(own),
            knp(
                own,
                "metrics",
                &json!({
                    "podSelector": { "matchExpressions": [
                        { "key": "tier", "operator": "In", "values": ["front", "back"] },
                    ]},
                    "ingress": [{
                        "from": [{ "namespaceSelector": { "matchLabels": { "env": "prod" } } }],
                        "ports": [{ "port": 9090 }, { "port": "metrics" }],
                    }],
                }),
            ),
            cnp(
                own,
                "api-server",
                &json!({
                    "endpointSelector": { "matchExpressions": [
                        { "key": "app", "operator": "NotIn", "values": [app(1), app(2)] },
                    ]},
                    "egress": [{
                        "toEntities": ["kube-apiserver"],
                        "toPorts": [{ "ports": [{ "port": "6443", "protocol": "TCP" }] }],
                    }],
                }),
            ),
            self.clusterwide(own),
        ]);
        all
    }

    fn port(&mut self) -> u16 {
        [80, 443, 5432, 6379, 8080, 8443, 9000, 9092][self.draws.below(8)]
    }

    /// A server's clients: of its namespace, and of those of a team.
    fn clients(&mut self, own: usize, server: usize) -> Value {
        let team = self.draws.below(self.namespaces.div_ceil(TEAM));
        let ports = [self.port(), self.port()].map(|port| json!({ "port": port }));
        knp(
            own,
            &format!("clients-of-{server}"),
            &json!({
                "podSelector": { "matchLabels": { "app": app(server) } },
                "ingress": [{
                    "from": [
                        { "podSelector": { "matchLabels": { "app": app(self.draws.below(APPS)) } } },
                        {
                            "namespaceSelector": { "matchLabels": { "team": format!("team-{team}") } },
                            "podSelector": { "matchLabels": { "app": app(self.draws.below(APPS)) } },
                        },
                    ],
                    "ports": ports,
                }],
            }),
        )
    }

    /// What an application gets and sends.
    fn flows(&mut self, own: usize, app_number: usize) -> Value {
        let mut peer = |key: &str| {
            json!([{
                key: [{ "matchLabels": { "app": app(self.draws.below(APPS)) } }],
                "toPorts": [{ "ports": [{ "port": self.port().to_string(), "protocol": "TCP" }] }],
            }])
        };
        let (ingress, egress) = (peer("fromEndpoints"), peer("toEndpoints"));
        cnp(
            own,
            &format!("flows-of-{app_number}"),
            &json!({
                "endpointSelector": { "matchLabels": { "app": app(app_number) } },
                "ingress": ingress, "egress": egress,
            }),
        )
    }

    /// Addresses outside, without some of them.
    fn outside(&mut self, own: usize, app_number: usize) -> Value {
        let net = self.draws.below(200);
        knp(
            own,
            &format!("outside-{app_number}"),
            &json!({
                "podSelector": { "matchLabels": { "app": app(app_number) } },
                "policyTypes": ["Egress"],
                "egress": [{
                    "to": [{ "ipBlock": {
                        "cidr": format!("198.{net}.0.0/16"), "except": [format!("198.{net}.7.0/24")],
                    }}],
                    "ports": [{ "port": self.port() }],
                }],
            }),
        )
    }

    /// Ranges of ports, from addresses outside.
    fn ranges(&mut self, own: usize) -> Value {
        let first = 8000 + 100 * self.draws.below(8);
        let net = self.draws.below(200);
        cnp(
            own,
            "ranges",
            &json!({
                "endpointSelector": { "matchLabels": { "tier": "front" } },
                "ingress": [{
                    "fromCIDRSet": [
                        { "cidr": format!("203.{net}.0.0/16"), "except": [format!("203.{net}.3.0/24")] },
                    ],
                    "toPorts": [{ "ports": [
                        { "port": first.to_string(), "endPort": first + 63, "protocol": "TCP" },
                    ]}],
                }],
            }),
        )
    }

    /// Clients of another environment are refused.
    fn denial(&mut self, own: usize) -> Value {
        cnp(
            own,
            "denial",
            &json!({
                "endpointSelector": { "matchLabels": { "tier": "data" } },
                "ingressDeny": [{
                    "fromEndpoints": [{ "matchLabels": {
                        "io.cilium.k8s.namespace.labels.env": environment(own + 1),
                    }}],
                    "toPorts": [{ "ports": [{ "port": self.port().to_string(), "protocol": "TCP" }] }],
                }],
            }),
        )
    }

    /// Policies of the cluster: every fifth namespace's place is taken by one.
    fn clusterwide(&mut self, own: usize) -> Value {
        let name = format!("cluster-{own}");
        let spec = match own % 5 {
            0 => json!({
                "endpointSelector": { "matchLabels": { "app": app(own / 5 % APPS) } },
                "ingressDeny": [{
                    "fromEntities": ["world"],
                    "toPorts": [{ "ports": [{ "port": "22", "protocol": "TCP" }] }],
                }],
            }),
            1 => json!({
                "endpointSelector": { "matchLabels": { "version": format!("v{}", own / 5) } },
                "ingress": [{ "fromEntities": ["cluster"], "icmps": [
                    { "fields": [{ "type": 8, "family": "IPv4" }] },
                ]}],
            }),
            _ => return self.outside(own, 6),
        };
        json!({
            "apiVersion": "cilium.io/v2", "kind": "CiliumClusterwideNetworkPolicy",
            "metadata": { "name": name }, "spec": spec,
        })
    }
}

fn knp(own: usize, name: &str, spec: &Value) -> Value {
    object("networking.k8s.io/v1", "NetworkPolicy", own, name, spec)
}

fn cnp(own: usize, name: &str, spec: &Value) -> Value {
    object("cilium.io/v2", "CiliumNetworkPolicy", own, name, spec)
}

fn object(version: &str, kind: &str, own: usize, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": version, "kind": kind,
        "metadata": { "name": name, "namespace": namespace(own) }, "spec": spec,
    })
}

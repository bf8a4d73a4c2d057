//! Who takes part in a run: the pods and services that are made for it, and whom else it meets.

use std::net::IpAddr;

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{Api, api::ListParams};

use super::{Run, TestError};
use crate::{
    connectivity::{
        deploy::{self, Cast, DeployError, PodSpec, Role},
        hints::Hints,
        outside::{self, STRANGER},
        probe::{Probe, Protocol, Size},
        scenario::{HOST_PORT, OUTSIDE_HOST_PORT},
        serve,
        services::Services,
        topology::{Actor, Dns, FAMILIES, Topology},
    },
    kubernetes::{ExecError, chain},
};

/// Pods made at once.
const PODS_AT_ONCE: usize = 8;

/// Why pods that not every cluster admits are missing.
#[derive(Default)]
struct Missing {
    hosts: Option<String>,
    host_port: Option<String>,
}

impl Run<'_> {
    /// Makes the pods and waits for them.
    pub(super) async fn deploy(&self) -> Result<Topology, TestError> {
        let mut cast = Cast::new(&self.nodes);
        if self.runs(HOST_PORT) || self.runs(OUTSIDE_HOST_PORT) {
            cast = cast.with_host_port();
        }
        for case in self.options.scenarios.iter().filter_map(|scenario| scenario.churn()) {
            cast = cast.with_backends(case, &self.nodes);
        }
        deploy::create_accounts(self.client, self.namespace).await?;
        let service = deploy::create_service(self.client, self.namespace);
        let services = self.create_services();
        let make = |part: deploy::Part| async move {
            let spec = PodSpec {
                namespace: self.namespace,
                name: &part.name,
                node: &part.node,
                role: part.role,
                image: &self.options.image,
            };
            deploy::create_pod(self.client, &spec).await.map(|made| (part, made))
        };
        let pods = stream::iter(cast.parts.clone()).map(make).buffered(PODS_AT_ONCE);
        let (service, services, made) = futures::join!(service, services, pods.collect::<Vec<_>>());
        service?;
        let services = services?;
        let mut no = Missing::default();
        for made in made {
            if let (part, Err(reason)) = made? {
                cast.parts.retain(|other| *other != part);
                match part.role {
                    Role::Host => no.hosts = Some(reason),
                    Role::HostPort => no.host_port = Some(reason),
                    _ => return Err(DeployError::Forbidden { pod: part.name, reason }.into()),
                }
            }
        }
        if no.hosts.is_some() {
            cast.parts.retain(|part| part.role != Role::Host);
        }
        let count = cast.parts.len();
        let wait = deploy::wait(self.client, self.namespace, count, self.options.start_timeout);
        let pods = wait.await?;
        self.topology(&cast, &pods, (no, services)).await
    }

    /// Makes the services, if a scenario needs them.
    async fn create_services(&self) -> Result<Services, DeployError> {
        if self.options.scenarios.iter().any(|scenario| scenario.test == "services") {
            return deploy::create_services(self.client, self.namespace).await;
        }
        Ok(Services::new())
    }

    async fn topology(
        &self,
        cast: &Cast,
        pods: &[Pod],
        (no, services): (Missing, Services),
    ) -> Result<Topology, TestError> {
        let clients = cast.actors(Role::Client, pods);
        let families = FAMILIES
            .into_iter()
            .filter(|family| clients.iter().any(|client| client.address(*family).is_some()));
        let families = families.collect();
        let hosts = cast.actors(Role::Host, pods);
        let (outside, dns) = futures::join!(self.stranger(&hosts), self.dns(&clients[0].name));
        Ok(Topology {
            profile: self.options.profile,
            namespace: self.namespace.to_owned(),
            nodes: self.nodes.clone(),
            families,
            servers: cast.actors(Role::Server, pods),
            hosts,
            host_port: cast.at_host_port(pods).map_err(|reason| no.host_port.unwrap_or(reason)),
            clients,
            no_hosts: no.hosts,
            no_host_firewall: None,
            externals: self.externals.clone(),
            outside: outside?,
            dns: dns?,
            services,
            redirects: Err("they were not made".to_owned()),
            hints: Hints::default(),
            port: serve::PORT,
        })
    }

    /// Finds the client outside, or why there is none.
    ///
    /// # Errors
    /// When the one that was asked for cannot take part.
    async fn stranger(&self, hosts: &[Actor]) -> Result<Result<Actor, String>, TestError> {
        if self.outside.is_none() {
            return Ok(Err("say by --outside how to run skep there".to_owned()));
        }
        let mut scenarios = self.options.scenarios.iter();
        if hosts.is_empty() || !scenarios.any(|scenario| scenario.asks_from_outside()) {
            return Ok(Err("it is not needed".to_owned()));
        }
        let questions: Vec<_> = outside::questions(hosts).iter().map(ToString::to_string).collect();
        let answers = self.executor().probe(STRANGER, &questions).await;
        let words = |error| match error {
            ExecError::NotRun { reason, .. } => reason,
            error => chain(&error),
        };
        let actor = answers.map_err(words).and_then(|all| outside::actor(&all));
        match actor {
            Err(reason) if self.options.outside.is_some() => Err(TestError::Outside(reason)),
            other => Ok(other),
        }
    }

    /// Finds out whether the cluster has DNS, and with that whether anything runs in pods.
    async fn dns(&self, pod: &str) -> Result<Dns, TestError> {
        let own = Probe::new(Protocol::Tcp, IpAddr::from([127, 0, 0, 1]), serve::PORT);
        let mut probes = vec![own.sized(Size::Payload(0)).to_string()];
        let asked = self.options.scenarios.iter().any(|scenario| scenario.test == "dns");
        if asked {
            probes.push("dns://kubernetes.default.svc".to_owned());
        }
        let outcomes = self.executor().probe(pod, &probes).await.map_err(TestError::Exec)?;
        let Some(outcome) = outcomes.get(1) else {
            return Ok(Dns::Absent { reason: "not asked for".into() });
        };
        let services = Api::<Service>::namespaced(self.client.clone(), "default");
        let service = services.get_opt("kubernetes").await.ok().flatten();
        let spec = service.and_then(|service| service.spec).unwrap_or_default();
        let ips = spec.cluster_ips.unwrap_or_else(|| spec.cluster_ip.into_iter().collect());
        let kubernetes: Vec<IpAddr> = ips.iter().filter_map(|ip| ip.parse().ok()).collect();
        if outcome.is_answer() {
            return Ok(Dns::Present { kubernetes });
        }
        let servers = Api::<Service>::namespaced(self.client.clone(), "kube-system");
        let selector = ListParams::default().labels("k8s-app=kube-dns");
        match servers.list_metadata(&selector).await {
            Ok(found) if !found.items.is_empty() => Ok(Dns::Present { kubernetes }),
            _ => Ok(Dns::Absent {
                reason: format!(
                    "no service kube-system/kube-dns, and kubernetes.default.svc in a pod: {outcome}"
                ),
            }),
        }
    }
}

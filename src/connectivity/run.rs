//! A run: makes the pods, lets them try, judges, and cleans up whatever happens.

use std::{net::IpAddr, time::Duration};

use futures::{FutureExt, Stream, StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{Api, Client, api::ListParams};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    board::Board,
    churn::{self, Case, REDIRECTED, Runner},
    deploy::{self, Cast, DeployError, PodSpec, Role},
    execute::{AT_ONCE, Executor, batches_of},
    expect::Verdict,
    external,
    gate::Gate,
    hints::Hints,
    outside::{self, Outside, STRANGER},
    plan::{Check, Plan, plan},
    policy::{self, Stage},
    probe::{Outcome, Probe, Protocol, Size},
    readiness,
    report::{Report, ScenarioReport},
    scenario::{HOST_PORT, OUTSIDE_HOST_PORT, Profile, Scenario, TOPOLOGY},
    serve,
    services::Services,
    told::{Audit, Ledger, TOLD_WITHIN},
    topology::{Actor, Dns, External, FAMILIES, Topology},
    witness::{Witness, explain, look},
};
use crate::kubernetes::{ExecError, chain};

/// What to test.
#[derive(Clone, Debug)]
pub struct Options {
    /// Scenarios to run.
    pub scenarios: Vec<&'static Scenario>,
    /// How much of them.
    pub profile: Profile,
    /// Namespace to make for the pods; one with a fresh name when `None`.
    pub namespace: Option<String>,
    /// Image of the pods; has `skep` on its search path. Unused in a lab.
    pub image: String,
    /// Places outside the cluster; when empty, those that a lab announces.
    pub externals: Vec<External>,
    /// How a client outside the cluster is run; when `None`, in the world of a lab.
    pub outside: Option<Outside>,
    /// How long one probe may take; in whole seconds.
    pub timeout: Duration,
    /// How long the pods may take to start.
    pub start_timeout: Duration,
    /// How many commands run in pods at once.
    pub parallel: usize,
}

/// What happens during a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step begins.
    Step(String),
    /// So many of all checks are done.
    Checks {
        /// Done.
        done: usize,
        /// All.
        all: usize,
    },
    /// A scenario is done.
    Scenario(&'a ScenarioReport),
    /// Something the user should know.
    Warning(String),
}

fn is_for_nodes(scenario: &Scenario) -> bool {
    scenario.policies().is_some_and(|(case, _)| case.is_for_nodes())
}

/// The test could not be run; a failed check is no error.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// The pods could not be made, or not be removed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// Nothing can be run in the pods.
    #[error("cannot run probes in the pods of the test")]
    Exec(#[source] ExecError),
    /// The client outside that was asked for cannot take part.
    #[error("the client outside cannot take part: {0}")]
    Outside(String),
    /// It was cancelled, and cleaned up.
    #[error("cancelled")]
    Cancelled,
}

/// Pods made at once.
const PODS_AT_ONCE: usize = 8;
/// So much of a probe's time is enough to see that no answer comes: answers that come take no
/// longer, unless they are waited for by mistake.
const SILENCE: u32 = 20;
/// Probes that run at once in a pod under policies: all of a scenario, as most wait for nothing.
const AT_ONCE_UNDER_POLICY: usize = 2 * AT_ONCE;

/// Runs the scenarios. The namespace is gone when this returns, cancelled or not.
///
/// # Errors
/// When the test could not be run, was cancelled, or could not clean up.
pub async fn run(
    client: &Client,
    options: &Options,
    witness: &impl Witness,
    cancel: CancellationToken,
    mut tell: impl FnMut(Event<'_>),
) -> Result<Report, TestError> {
    let found = async {
        let nodes = deploy::choose(client, options.profile.nodes()).await?;
        Ok::<_, DeployError>((nodes, surroundings(client, options).await))
    };
    let (nodes, (externals, outside)) = tokio::select! {
        found = found => found?,
        () = cancel.cancelled() => return Err(TestError::Cancelled),
    };
    let namespace = options.namespace.clone().unwrap_or_else(deploy::fresh_name);
    // Not cancelled half-way: nobody would know whether the namespace is there.
    deploy::create_namespace(client, &namespace).await?;
    let run = Run { client, options, namespace: &namespace, nodes, externals, outside };
    let result = tokio::select! {
        report = run.run(witness, &mut tell) => report,
        () = cancel.cancelled() => Err(TestError::Cancelled),
    };
    tell(Event::Step(format!("removing the namespace {namespace}")));
    if run.has_policies() {
        for object in policy::remove_all(client, &namespace).await {
            tell(Event::Warning(format!("the {object} could not be removed")));
        }
    }
    for case in options.scenarios.iter().filter_map(|scenario| scenario.churn()) {
        churn::clear(client, &namespace, case).await;
    }
    let removed = deploy::remove(client, &namespace).await;
    match (result, removed) {
        (Ok(report), Err(error)) => {
            let mut reason = error.to_string();
            let source = std::error::Error::source(&error).map(ToString::to_string);
            reason.extend(source.map(|source| format!(": {source}")));
            tell(Event::Warning(reason));
            Ok(report)
        }
        (Err(TestError::Cancelled), Err(error)) => Err(error.into()),
        (result, _) => result,
    }
}

/// Returns the places outside, and the client there: those that the user names, else a lab's.
async fn surroundings(client: &Client, options: &Options) -> (Vec<External>, Option<Outside>) {
    let announced = external::announced(client).await;
    let externals = match &options.externals[..] {
        [] => announced.externals,
        given => given.to_vec(),
    };
    let in_world = || {
        let skep = std::env::current_exe().ok()?;
        Some(Outside::in_world_of(&announced.lab?, &skep))
    };
    (externals, options.outside.clone().or_else(in_world))
}

/// Why pods that not every cluster admits are missing.
#[derive(Default)]
struct Missing {
    hosts: Option<String>,
    host_port: Option<String>,
}

/// A run whose namespace is there.
struct Run<'a> {
    client: &'a Client,
    options: &'a Options,
    namespace: &'a str,
    nodes: Vec<String>,
    externals: Vec<External>,
    outside: Option<Outside>,
}

impl Run<'_> {
    async fn run(
        &self,
        witness: &impl Witness,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<Report, TestError> {
        let (started, clock) = (Timestamp::now(), Instant::now());
        for name in deploy::sweep(self.client).await {
            tell(Event::Warning(format!("removing the namespace {name}, left by a run that died")));
        }
        if self.has_policies() {
            for name in policy::sweep(self.client).await {
                tell(Event::Warning(format!("removing the {name}, left by a run that died")));
            }
        }
        tell(Event::Step(format!("starting pods on {} nodes", self.nodes.len())));
        let mut topology = self.deploy().await?;
        if self.options.scenarios.iter().copied().any(is_for_nodes) {
            topology.no_host_firewall = witness.no_host_firewall(&self.nodes).await;
        }
        if self.plays(&REDIRECTED) {
            let families = &topology.families;
            topology.redirects =
                deploy::create_redirects(self.client, self.namespace, families).await?;
        }
        if self.runs(TOPOLOGY) {
            let (families, servers) = (&topology.families, topology.servers.len());
            topology.hints = deploy::hints(self.client, self.namespace, families, servers).await;
        }
        let plans = plan(&self.options.scenarios, &topology);
        let mut scenarios = self.execute(plans, &topology, witness, tell).await;
        explain(&mut scenarios, witness, started).await;
        Ok(Report {
            profile: self.options.profile,
            namespace: self.namespace.to_owned(),
            nodes: self.nodes.clone(),
            families: topology.families,
            started,
            duration: clock.elapsed(),
            scenarios,
        })
    }

    /// Tells whether policies are put into force.
    fn has_policies(&self) -> bool {
        self.options.scenarios.iter().any(|scenario| scenario.policies().is_some())
    }

    /// Tells whether a scenario is run.
    fn runs(&self, name: &str) -> bool {
        self.options.scenarios.iter().any(|scenario| scenario.name == name)
    }

    /// Tells whether a scenario is run during which servers come and go.
    fn plays(&self, case: &Case) -> bool {
        let mut cases = self.options.scenarios.iter().filter_map(|scenario| scenario.churn());
        cases.any(|one| one.backends == case.backends)
    }

    /// Makes the pods and waits for them.
    async fn deploy(&self) -> Result<Topology, TestError> {
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

    fn executor(&self) -> Executor {
        Executor {
            client: self.client.clone(),
            namespace: self.namespace.to_owned(),
            timeout: self.options.timeout,
            at_once: AT_ONCE,
            outside: self.outside.clone(),
        }
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

    /// Runs all checks: first those without policies, the commands of several pods at once, then
    /// the scenarios of policies, one at a time.
    async fn execute(
        &self,
        plans: Vec<Plan>,
        topology: &Topology,
        witness: &impl Witness,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Vec<ScenarioReport> {
        let started = Timestamp::now();
        let (gates, others): (Vec<&Plan>, Vec<&Plan>) =
            plans.iter().partition(|plan| plan.scenario.gate().is_some());
        let (plain, under_policy): (Vec<&Plan>, Vec<&Plan>) =
            others.iter().partition(|plan| plan.scenario.policies().is_none());
        let checks_of = |plans: &[&Plan]| -> Vec<Check> {
            plans.iter().flat_map(|plan| plan.planned.checks.iter().cloned()).collect()
        };
        let checks = checks_of(&plain);
        let policies: Vec<(&Scenario, Vec<Check>)> =
            under_policy.iter().map(|plan| (plan.scenario, checks_of(&[*plan]))).collect();
        let gates: Vec<(Gate, Vec<Check>)> = gates
            .iter()
            .filter_map(|plan| Some((plan.scenario.gate()?, checks_of(&[*plan]))))
            .collect();
        let (still, plays) = churn::parts(&plain);
        let (first, last) = (plain.len(), others.len());
        let mut board = Board::new(plans);
        board.tell_empty(tell);
        let executor = self.executor();
        let fits =
            |check: &Check, outcome: &Outcome| check.expectation.judge(outcome) != Verdict::Fail;
        let (executor, all) = (&executor, &checks);
        let ledger = Ledger::default();
        let audit = Audit { ledger: &ledger, topology, patience: TOLD_WITHIN };
        let audit = &audit;
        let probes = stream::iter(batches_of(all, still))
            .map(|batch| async move {
                let begun = Instant::now();
                (begun, executor.run(&batch, all, fits).await)
            })
            .buffer_unordered(self.options.parallel.max(1))
            // Whoever waits for flows keeps no other pod from trying.
            .map(
                |(begun, outcomes)| async move { (begun, audit.weigh(begun, outcomes, all).await) },
            )
            .buffer_unordered(usize::MAX);
        let pods = Api::<Pod>::namespaced(self.client.clone(), self.namespace);
        let readiness = readiness::watch(&pods, all, self.options.timeout * 3).into_stream();
        let changes = self.change(plays, topology);
        let others = stream::select(readiness, changes).map(|(begun, outcomes)| {
            let unweighed = |(at, outcome): (usize, Outcome)| (at, (outcome, None));
            (begun, outcomes.into_iter().map(unweighed).collect::<Vec<_>>())
        });
        let mut results = std::pin::pin!(stream::select(probes, others));
        let listening = witness.listen(&topology.nodes, self.namespace, started, &ledger);
        let mut listening = std::pin::pin!(listening.fuse());
        let mut begin = std::pin::pin!(audit.begin(executor, all));
        loop {
            tokio::select! {
                () = &mut listening => {}
                () = &mut begin => break,
            }
        }
        loop {
            tokio::select! {
                () = &mut listening => {}
                next = results.next() => {
                    let Some((begun, outcomes)) = next else { break };
                    outcomes.into_iter().for_each(|(at, told)| board.set(at, told, begun, tell));
                }
            }
        }
        if !gates.iter().any(|(gate, _)| *gate == Gate::Flows) {
            for gap in ledger.gaps() {
                tell(Event::Warning(format!("not all flows are compared: {gap}")));
            }
        }
        self.play(&mut board, first, policies, (topology, witness), tell).await;
        for (scenario, (gate, checks)) in (last..).zip(gates) {
            let begun = Instant::now();
            match look(gate, &checks, (topology, witness, &ledger), started).await {
                Ok(outcomes) => {
                    let outcomes = outcomes.into_iter().map(|outcome| (outcome, None)).collect();
                    board.set_all(scenario, outcomes, begun, tell);
                }
                Err(reason) => {
                    board.gaps(scenario, vec![reason]);
                    board.abandon(scenario, tell);
                }
            }
        }
        board.finish()
    }

    /// Runs the scenarios during which servers come and go, all at once: each has its own.
    fn change<'a>(
        &'a self,
        plays: Vec<(usize, &'static Case)>,
        topology: &'a Topology,
    ) -> impl Stream<Item = (Instant, Vec<(usize, Outcome)>)> + 'a {
        let play = move |(first, case)| async move {
            let runner = Runner {
                client: self.client,
                executor: self.executor(),
                topology,
                parallel: self.options.parallel.max(1),
            };
            let begun = Instant::now();
            (begun, (first..).zip(runner.play(case).await).collect())
        };
        let at_once = plays.len().max(1);
        stream::iter(plays).map(play).buffer_unordered(at_once)
    }

    /// Runs the scenarios of policies, which come after `first` others.
    async fn play(
        &self,
        board: &mut Board,
        first: usize,
        policies: Vec<(&Scenario, Vec<Check>)>,
        (topology, witness): (&Topology, &impl Witness),
        tell: &mut impl FnMut(Event<'_>),
    ) {
        let stage = Stage {
            client: self.client,
            executor: Executor { at_once: AT_ONCE_UNDER_POLICY, ..self.executor() },
            witness,
            topology,
            parallel: self.options.parallel.max(1),
            silence: self.options.timeout / SILENCE,
            patience: self.options.timeout * 3,
        };
        for (scenario, (what, checks)) in (first..).zip(policies) {
            let Some(case) = what.policies().filter(|_| !checks.is_empty()) else { continue };
            let begun = Instant::now();
            let told = stage.play(case, &checks).await;
            board.gaps(scenario, told.gaps);
            if told.outcomes.is_empty() {
                board.abandon(scenario, tell);
            }
            board.set_all(scenario, told.outcomes, begun, tell);
        }
    }
}

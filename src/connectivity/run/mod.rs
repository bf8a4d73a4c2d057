//! A run: makes the pods, lets them try, judges, and cleans up whatever happens.

mod cast;
mod trials;

use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    churn::{self, Case, REDIRECTED},
    deploy::{self, DeployError},
    execute::{AT_ONCE, Executor},
    external,
    outside::Outside,
    plan::plan,
    policy,
    report::{Report, ScenarioReport},
    scenario::{Profile, Scenario, TOPOLOGY},
    topology::External,
    witness::{Witness, explain},
};
use crate::kubernetes::ExecError;

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

    fn executor(&self) -> Executor {
        Executor {
            client: self.client.clone(),
            namespace: self.namespace.to_owned(),
            timeout: self.options.timeout,
            at_once: AT_ONCE,
            outside: self.outside.clone(),
        }
    }
}

//! Who can tell what happened to packets.

use jiff::Timestamp;

use super::{
    gate::{self, Gate, LogError, Lost},
    plan::Check,
    policy::Account,
    probe::Outcome,
    report::{CheckResult, ScenarioReport},
    told::Ledger,
    topology::Topology,
};

/// How many failed checks of a run are explained by flows, and of one scenario.
const WITNESSED: (usize, usize) = (6, 2);

/// Who can tell what happened to packets: the agents, when the cluster runs skep.
pub trait Witness {
    /// Returns the flows around a failed check since a time, as lines for people.
    fn flows(&self, result: &CheckResult, since: Timestamp) -> impl Future<Output = Vec<String>>;

    /// Notes in a ledger what is told of packets of a namespace on nodes since a time, as it happens. Goes on until
    /// it is dropped, or nobody tells anything more; then the ledger says why.
    fn listen(
        &self,
        nodes: &[String],
        namespace: &str,
        since: Timestamp,
        ledger: &Ledger,
    ) -> impl Future<Output = ()>;

    /// Returns what policies decided on nodes since a time; why not, when nobody knows.
    fn account(
        &self,
        nodes: &[String],
        since: Timestamp,
    ) -> impl Future<Output = Result<Account, String>>;

    /// Returns all packets that were dropped on nodes since a time; why not, when nobody knows.
    fn lost(
        &self,
        nodes: &[String],
        since: Timestamp,
    ) -> impl Future<Output = Result<Vec<Lost>, String>>;

    /// Returns the errors that the agents of nodes logged since a time; why not, when nobody knows.
    fn errors(
        &self,
        nodes: &[String],
        since: Timestamp,
    ) -> impl Future<Output = Result<Vec<LogError>, String>>;

    /// Returns why policies for nodes are not enforced on all of `nodes`, when they are not.
    fn no_host_firewall(&self, nodes: &[String]) -> impl Future<Output = Option<String>>;
}

/// Asks the agents what has happened since a time.
pub(super) async fn look(
    gate: Gate,
    checks: &[Check],
    (topology, witness, ledger): (&Topology, &impl Witness, &Ledger),
    since: Timestamp,
) -> Result<Vec<Outcome>, String> {
    let nodes = &topology.nodes;
    Ok(match gate {
        Gate::Drops => gate::lost(checks, &witness.lost(nodes, since).await?, topology),
        Gate::Flows => gate::untold(checks, ledger)?,
        Gate::Logs => gate::logged(checks, &witness.errors(nodes, since).await?),
    })
}

/// Adds flows to some of the failures.
pub(super) async fn explain(
    scenarios: &mut [ScenarioReport],
    witness: &impl Witness,
    since: Timestamp,
) {
    let failures = scenarios.iter_mut().flat_map(|scenario| {
        scenario.checks.iter_mut().filter(|check| check.is_failed()).take(WITNESSED.1)
    });
    for check in failures.take(WITNESSED.0) {
        check.flows = witness.flows(check, since).await;
    }
}

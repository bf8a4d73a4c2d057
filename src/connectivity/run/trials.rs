//! What runs when: everybody at once, then one policy after the other, and a look back at the end.

use futures::{FutureExt, Stream, StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::time::Instant;

use super::{Event, Run};
use crate::connectivity::{
    board::Board,
    churn::{self, Case, Runner},
    execute::{AT_ONCE, Executor, batches_of},
    expect::Verdict,
    gate::Gate,
    plan::{Check, Plan},
    policy::Stage,
    probe::Outcome,
    readiness,
    report::ScenarioReport,
    scenario::Scenario,
    told::{Audit, Ledger, TOLD_WITHIN},
    topology::Topology,
    witness::{Witness, look},
};

/// So much of a probe's time is enough to see that no answer comes: answers that come take no
/// longer, unless they are waited for by mistake.
const SILENCE: u32 = 20;
/// Probes that run at once in a pod under policies: all of a scenario, as most wait for nothing.
const AT_ONCE_UNDER_POLICY: usize = 2 * AT_ONCE;

impl Run<'_> {
    /// Runs all checks: first those without policies, the commands of several pods at once, then
    /// the scenarios of policies, one at a time.
    pub(super) async fn execute(
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

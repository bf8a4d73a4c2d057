//! Runs one policy scenario: applies, tries until the policies are in force, asks who decided what,
//! removes, and tries until they are out of force.

use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use kube::Client;
use tokio::time::{Instant, sleep};

use super::{
    case::{Case, Form},
    manifest::{Manifest, manifests},
    objects::{Refused, create, delete},
};
use crate::connectivity::{
    execute::{Executor, batches},
    expect::{Expectation, Verdict},
    plan::{Action, Check},
    probe::Outcome,
    told::TOLD_WITHIN,
    topology::Topology,
    witness::Witness,
};

/// Pause before everything is tried again.
const PAUSE: Duration = Duration::from_millis(20);
/// How long it is waited for that they tell who allowed something, before it is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// What a scenario runs on.
pub(in crate::connectivity) struct Stage<'a, W> {
    pub(in crate::connectivity) client: &'a Client,
    pub(in crate::connectivity) executor: Executor,
    pub(in crate::connectivity) witness: &'a W,
    pub(in crate::connectivity) topology: &'a Topology,
    /// How many pods try at once.
    pub(in crate::connectivity) parallel: usize,
    /// How long an answer that should not come is waited for.
    pub(in crate::connectivity) silence: Duration,
    /// How long policies may take until they are in force, and out of it.
    pub(in crate::connectivity) patience: Duration,
}

/// How a scenario went.
pub(in crate::connectivity) struct Told {
    /// For each check: how it ended, and what agents say instead of what it should be. None when
    /// the policies cannot be applied here.
    pub(in crate::connectivity) outcomes: Vec<(Outcome, Option<String>)>,
    /// What was not tried, with the reason.
    pub(in crate::connectivity) gaps: Vec<String>,
}

impl<W: Witness> Stage<'_, W> {
    /// Runs a scenario; nothing of it is in force afterwards.
    pub(in crate::connectivity) async fn play(
        &self,
        (case, form): (&Case, Form),
        checks: &[Check],
    ) -> Told {
        let objects = manifests(case, form, self.topology);
        let since = Timestamp::now();
        for object in &objects {
            let Err(refused) = create(self.client, object).await else { continue };
            let left = self.delete(&objects).await;
            let mut told = match refused {
                Refused::Cannot(reason) => Told { outcomes: Vec::new(), gaps: vec![reason] },
                Refused::Failed(reason) => {
                    let failed = (Outcome::Failed { reason }, None);
                    Told { outcomes: vec![failed; checks.len()], gaps: Vec::new() }
                }
            };
            told.gaps.extend(left);
            return told;
        }
        let checks: Vec<Check> = checks.iter().map(|check| self.brief(check)).collect();
        let fits =
            |check: &Check, outcome: &Outcome| check.expectation.judge(outcome) == Verdict::Pass;
        let outcomes = self.settle(&checks, fits).await;
        // Whoever is not silenced any more has nobody to blame.
        let silent: Vec<usize> = (0..checks.len())
            .filter(|at| matches!(outcomes[*at], Outcome::TimedOut { .. }))
            .filter(|at| matches!(checks[*at].expectation, Expectation::Dropped(_)))
            .collect();
        let granted: Vec<usize> = (0..checks.len())
            .filter(|at| matches!(outcomes[*at], Outcome::Answered { .. }))
            .filter(|at| matches!(checks[*at].expectation, Expectation::Allowed(_)))
            .collect();
        let of = |places: &[usize]| -> Vec<Check> {
            places.iter().map(|at| checks[*at].clone()).collect()
        };
        let silenced = of(&silent);
        let allowed = self.allowed(&of(&granted), since).await;
        let (dropped, lasting) = futures::join!(
            self.accounts(&silenced, since, TOLD_WITHIN),
            self.lift(&objects, &silenced)
        );
        let mut told = Told {
            outcomes: outcomes.into_iter().map(|outcome| (outcome, None)).collect(),
            gaps: Vec::new(),
        };
        for (places, accounts) in [(&granted, allowed), (&silent, dropped)] {
            match accounts {
                Ok(accounts) => {
                    for (at, account) in places.iter().zip(accounts) {
                        told.outcomes[*at].1 = account;
                    }
                }
                Err(reason) => told.gaps.push(format!("which policies decided: {reason}")),
            }
        }
        for (at, lasting) in silent.iter().zip(lasting) {
            told.outcomes[*at].1 = told.outcomes[*at].1.take().or(lasting);
        }
        told
    }

    /// Makes a check wait for less long when there should be no answer.
    fn brief(&self, check: &Check) -> Check {
        let mut check = check.clone();
        if let (Expectation::Dropped(_), Action::Probe(probe)) = (&check.expectation, &check.action)
        {
            let millis = u32::try_from(self.silence.as_millis()).unwrap_or(u32::MAX);
            check.action = Action::Probe(probe.clone().within(millis));
        }
        check
    }

    /// Tries everything until all of it fits, or patience ends: all of it, so that what passes has
    /// passed at one and the same time.
    async fn settle(
        &self,
        checks: &[Check],
        fits: impl Fn(&Check, &Outcome) -> bool,
    ) -> Vec<Outcome> {
        let end = Instant::now() + self.patience;
        loop {
            let outcomes = self.round(checks).await;
            let settled = checks.iter().zip(&outcomes).all(|(check, outcome)| fits(check, outcome));
            if settled || Instant::now() >= end {
                return outcomes;
            }
            sleep(PAUSE).await;
        }
    }

    async fn round(&self, checks: &[Check]) -> Vec<Outcome> {
        let run = |batch| async move { self.executor.run(&batch, checks, |_, _| true).await };
        let batches = stream::iter(batches(checks)).map(run);
        let mut ended: Vec<(usize, Outcome)> =
            batches.buffer_unordered(self.parallel).map(stream::iter).flatten().collect().await;
        ended.sort_by_key(|(at, _)| *at);
        ended.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Returns what agents say about each check that was answered and that differs from the truth.
    ///
    /// That something is answered does not show that the policies are in force where it was: a connection of before is
    /// allowed by nobody. So whatever is told otherwise is tried again, for as long as policies may take.
    async fn allowed(
        &self,
        granted: &[Check],
        since: Timestamp,
    ) -> Result<Vec<Option<String>>, String> {
        let end = Instant::now() + self.patience;
        loop {
            let mut accounts = self.accounts(granted, since, AGAIN).await?;
            let open: Vec<usize> =
                (0..granted.len()).filter(|at| accounts[*at].is_some()).collect();
            if open.is_empty() || Instant::now() >= end {
                return Ok(accounts);
            }
            let again: Vec<Check> = open.iter().map(|at| granted[*at].clone()).collect();
            let outcomes = self.round(&again).await;
            let failed = |(at, outcome): (usize, Outcome)| match outcome {
                Outcome::Answered { .. } => None,
                other => Some((at, format!("the next one: {other}"))),
            };
            let failed: Vec<_> = open.into_iter().zip(outcomes).filter_map(failed).collect();
            if !failed.is_empty() {
                failed.into_iter().for_each(|(at, reason)| accounts[at] = Some(reason));
                return Ok(accounts);
            }
        }
    }

    /// Asks agents until they tell the truth, or for so long; returns what differs.
    async fn accounts(
        &self,
        decided: &[Check],
        since: Timestamp,
        patience: Duration,
    ) -> Result<Vec<Option<String>>, String> {
        if decided.is_empty() {
            return Ok(Vec::new());
        }
        let end = Instant::now() + patience;
        loop {
            let told = self.witness.account(&self.topology.nodes, since).await?;
            let accounts: Vec<_> = decided.iter().map(|check| told.differs(check)).collect();
            if accounts.iter().all(Option::is_none) || Instant::now() >= end {
                return Ok(accounts);
            }
            sleep(PAUSE).await;
        }
    }

    /// Removes the policies, and returns what about each check shows that they are still in force.
    async fn lift(&self, objects: &[Manifest], silenced: &[Check]) -> Vec<Option<String>> {
        let left = self.delete(objects).await;
        let is_heard = |outcome: &Outcome| !matches!(outcome, Outcome::TimedOut { .. });
        let outcomes = self.settle(silenced, |_, outcome| is_heard(outcome)).await;
        let seconds = self.patience.as_secs();
        let lasting = outcomes.iter().map(|outcome| {
            let still = format!("still dropped {seconds} s after the policies were removed");
            (!is_heard(outcome)).then(|| left.first().cloned().unwrap_or(still))
        });
        lasting.collect()
    }

    /// Deletes objects, the first one last; returns what went wrong.
    async fn delete(&self, objects: &[Manifest]) -> Vec<String> {
        let mut left = Vec::new();
        for object in objects.iter().rev() {
            left.extend(delete(self.client, object).await.err());
        }
        left
    }
}

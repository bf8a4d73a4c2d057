//! Results as they come, until every scenario has all of its own.

use tokio::time::Instant;

use super::{
    expect::Verdict,
    plan::{Check, Plan},
    probe::Outcome,
    report::{CheckResult, ScenarioReport},
    run::Event,
};

/// Results as they come.
pub(super) struct Board {
    plans: Vec<Plan>,
    /// For each check: its scenario, how it ended, and what agents say about it.
    cells: Vec<(usize, Option<(Outcome, Option<String>)>)>,
    /// For each scenario: checks to come, first start, last end.
    open: Vec<(usize, Option<Instant>, Option<Instant>)>,
    done: usize,
}

impl Board {
    pub(super) fn new(plans: Vec<Plan>) -> Self {
        let of_plan = |(at, plan): (usize, &Plan)| vec![(at, None); plan.planned.checks.len()];
        let cells = plans.iter().enumerate().flat_map(of_plan).collect();
        let open = plans.iter().map(|plan| (plan.planned.checks.len(), None, None)).collect();
        Self { plans, cells, open, done: 0 }
    }

    /// Scenarios without checks are done from the start.
    pub(super) fn tell_empty(&self, tell: &mut impl FnMut(Event<'_>)) {
        for (at, (left, ..)) in self.open.iter().enumerate() {
            if *left == 0 {
                tell(Event::Scenario(&self.report(at)));
            }
        }
    }

    pub(super) fn set(
        &mut self,
        at: usize,
        (outcome, account): (Outcome, Option<String>),
        begun: Instant,
        tell: &mut impl FnMut(Event<'_>),
    ) {
        let (scenario, cell) = &mut self.cells[at];
        let scenario = *scenario;
        *cell = Some((outcome, account));
        self.done += 1;
        let (left, first, last) = &mut self.open[scenario];
        *left -= 1;
        *first = Some(first.map_or(begun, |first| first.min(begun)));
        *last = Some(Instant::now());
        let is_done = *left == 0;
        tell(Event::Checks { done: self.done, all: self.cells.len() });
        if is_done {
            tell(Event::Scenario(&self.report(scenario)));
        }
    }

    /// Notes how all checks of a scenario ended.
    pub(super) fn set_all(
        &mut self,
        scenario: usize,
        outcomes: Vec<(Outcome, Option<String>)>,
        begun: Instant,
        tell: &mut impl FnMut(Event<'_>),
    ) {
        let first = self.cells.iter().position(|(of, _)| *of == scenario).unwrap_or_default();
        for (at, outcome) in (first..).zip(outcomes) {
            self.set(at, outcome, begun, tell);
        }
    }

    /// Notes what a scenario cannot try.
    pub(super) fn gaps(&mut self, scenario: usize, reasons: Vec<String>) {
        self.plans[scenario].planned.gaps.extend(reasons);
    }

    /// Gives up a scenario: none of its checks will be done.
    pub(super) fn abandon(&mut self, scenario: usize, tell: &mut impl FnMut(Event<'_>)) {
        self.plans[scenario].planned.checks.clear();
        // Its places stay, or all others would move.
        self.done += std::mem::take(&mut self.open[scenario].0);
        tell(Event::Scenario(&self.report(scenario)));
    }

    fn report(&self, at: usize) -> ScenarioReport {
        let Plan { scenario, planned } = &self.plans[at];
        let outcomes = self.cells.iter().filter(|(scenario, _)| *scenario == at);
        let result = |(check, (_, cell)): (&Check, &(usize, _))| {
            let cell: &Option<(Outcome, Option<String>)> = cell;
            let (outcome, account) = cell.clone().expect("asked for when all are there");
            let verdict = match &account {
                Some(_) => Verdict::Fail,
                None => check.expectation.judge(&outcome),
            };
            CheckResult { check: check.clone(), outcome, verdict, flows: Vec::new(), account }
        };
        let (_, first, last) = self.open[at];
        let duration = first.zip(last).map(|(first, last)| last - first).unwrap_or_default();
        ScenarioReport {
            scenario,
            checks: planned.checks.iter().zip(outcomes).map(result).collect(),
            gaps: planned.gaps.clone(),
            duration,
        }
    }

    pub(super) fn finish(self) -> Vec<ScenarioReport> {
        (0..self.plans.len()).map(|at| self.report(at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::{Profile, Scenario, Status, Topology, plan, topology::FAMILIES};

    #[test]
    fn scenarios_are_told_once_when_their_last_check_is_done() {
        let scenarios: Vec<_> = Scenario::ALL.iter().collect();
        let topology = Topology::example(Profile::Smoke, 2, &FAMILIES);
        let mut board = Board::new(plan(&scenarios, &topology));
        let mut told = Vec::new();
        board.tell_empty(&mut |event| {
            if let Event::Scenario(report) = event {
                assert_eq!(report.status(), Status::Skipped);
                told.push(report.scenario.name);
            }
        });
        assert_eq!(told, ["dns-world"]);
        let failed = Outcome::Failed { reason: "it broke".into() };
        for at in (0..board.cells.len()).rev() {
            board.set(at, (failed.clone(), None), Instant::now(), &mut |event| {
                if let Event::Scenario(report) = event {
                    assert_eq!(report.status(), Status::Failed, "{}", report.scenario);
                    told.push(report.scenario.name);
                }
            });
        }
        assert_eq!(told.len(), Scenario::ALL.len());
        let order: Vec<_> = board.finish().iter().map(|report| report.scenario).collect();
        assert_eq!(order, scenarios);
    }

    #[test]
    fn a_scenario_that_is_given_up_is_skipped_for_its_reason() {
        let scenarios: Vec<_> =
            Scenario::ALL.iter().filter(|scenario| scenario.policies().is_some()).take(2).collect();
        let topology = Topology::example(Profile::Smoke, 2, &FAMILIES);
        let mut board = Board::new(plan(&scenarios, &topology));
        let first = board.plans[0].planned.checks.len();
        board.gaps(0, vec!["no such kind".into()]);
        let mut told = Vec::new();
        let mut tell = |event: Event<'_>| {
            if let Event::Scenario(report) = event {
                told.push((report.status(), report.gaps.clone(), report.checks.len()));
            }
        };
        board.abandon(0, &mut tell);
        for at in first..board.cells.len() {
            let silence = (Outcome::TimedOut { millis: 1 }, Some("agents differ".into()));
            board.set(at, silence, Instant::now(), &mut tell);
        }
        assert_eq!(told[0], (Status::Skipped, vec!["no such kind".into()], 0));
        assert_eq!(told[1].0, Status::Failed, "whatever the outcome, agents must agree");
        assert_eq!(board.done, board.cells.len());
    }
}

//! What a run found.

use std::{net::IpAddr, time::Duration};

use jiff::Timestamp;

use super::{
    expect::Verdict,
    outside::OUTSIDE,
    plan::{Action, Check},
    probe::Outcome,
    scenario::{Profile, Scenario},
};
use crate::model::Family;

/// One check and how it ended.
#[derive(Clone, Debug)]
pub struct CheckResult {
    /// What was tried.
    pub check: Check,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether that is as it should be.
    pub verdict: Verdict,
    /// The flows around it that agents saw, one a line; gathered for some of the failures.
    pub flows: Vec<String>,
    /// What agents say instead of what it should be; `None` when they agree or are not asked.
    pub account: Option<String>,
}

impl CheckResult {
    /// Tells whether it failed.
    pub fn is_failed(&self) -> bool {
        self.verdict == Verdict::Fail
    }

    /// Returns how it ended, with what agents say about it.
    pub fn got(&self) -> String {
        match &self.account {
            Some(account) => format!("{}; {account}", self.outcome),
            None => self.outcome.to_string(),
        }
    }

    /// Returns the addresses of both ends, when both are known.
    pub fn ends(&self) -> Option<(IpAddr, IpAddr)> {
        let source = self.check.from.address(self.check.family?)?;
        Some((source, self.check.to.address?))
    }

    /// Returns the nodes of both ends, each once.
    pub fn nodes(&self) -> Vec<String> {
        let from = Some(&self.check.from.node).filter(|node| *node != OUTSIDE);
        let to = self.check.to.node.as_ref().filter(|node| Some(*node) != from);
        from.into_iter().chain(to).cloned().collect()
    }

    /// Returns the command to run in the source pod, as a shell takes it.
    pub fn command(&self) -> Option<String> {
        let Action::Probe(probe) = &self.check.action else { return None };
        Some(format!("skep connectivity probe '{probe}'"))
    }
}

/// How a scenario ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Something was tried, and all of it went as it should.
    Passed,
    /// Something did not.
    Failed,
    /// Nothing could be tried.
    Skipped,
}

impl Status {
    /// Returns the word for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// A scenario and how it ended.
#[derive(Clone, Debug)]
pub struct ScenarioReport {
    /// The scenario.
    pub scenario: &'static Scenario,
    /// Its checks.
    pub checks: Vec<CheckResult>,
    /// What was not tried, with the reason.
    pub gaps: Vec<String>,
    /// From its first check's start to its last one's end.
    pub duration: Duration,
}

impl ScenarioReport {
    /// Returns how it ended.
    pub fn status(&self) -> Status {
        if self.failures().next().is_some() {
            Status::Failed
        } else if self.checks.iter().any(|check| check.verdict == Verdict::Pass) {
            Status::Passed
        } else {
            Status::Skipped
        }
    }

    /// Returns the checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &CheckResult> {
        self.checks.iter().filter(|check| check.is_failed())
    }

    /// Returns how many checks were tried and judged.
    pub fn tried(&self) -> usize {
        self.checks.iter().filter(|check| !matches!(check.verdict, Verdict::Skip(_))).count()
    }

    /// Returns why something was not tried, each reason once.
    pub fn reasons(&self) -> Vec<&str> {
        let mut reasons: Vec<&str> = self.gaps.iter().map(String::as_str).collect();
        for check in &self.checks {
            if let Verdict::Skip(reason) = check.verdict
                && !reasons.contains(&reason)
            {
                reasons.push(reason);
            }
        }
        reasons
    }

    /// Returns the command that repeats it alone. `flags` are those of this run that matter.
    pub fn repeat(&self, flags: &str) -> String {
        let Scenario { test, name, .. } = self.scenario;
        format!("skep connectivity test --test '^{test}$/^{name}$'{flags}")
    }
}

/// What a run found.
#[derive(Clone, Debug)]
pub struct Report {
    /// How much was tried.
    pub profile: Profile,
    /// The namespace of the pods.
    pub namespace: String,
    /// The nodes that took part.
    pub nodes: Vec<String>,
    /// The families of the pods' addresses.
    pub families: Vec<Family>,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, without cleaning up.
    pub duration: Duration,
    /// The scenarios, in order of the catalogue.
    pub scenarios: Vec<ScenarioReport>,
}

impl Report {
    /// Tells whether nothing failed and something was tried.
    pub fn passed(&self) -> bool {
        self.count(Status::Failed) == 0
    }

    /// Returns how many scenarios ended so.
    pub fn count(&self, status: Status) -> usize {
        self.scenarios.iter().filter(|scenario| scenario.status() == status).count()
    }
}

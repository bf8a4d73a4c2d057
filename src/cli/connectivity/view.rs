//! The report, for people and scripts.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    api::API_VERSION,
    cli::output::{Cell, Detail, Render, Table, Tone},
    connectivity::{
        CheckResult, Report, ScenarioReport, Status, Verdict, family_name, probe::Outcome,
    },
};

/// Failures of one scenario that are shown in full.
const SHOWN: usize = 2;

/// What `skep connectivity test` found.
pub(super) struct ReportView {
    pub(super) report: Report,
    /// Flags that a command to repeat a scenario needs, with a space in front.
    pub(super) flags: String,
}

/// What `-o json` shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    passed: bool,
    profile: &'static str,
    namespace: &'a str,
    nodes: &'a [String],
    families: Vec<&'static str>,
    started_at: Timestamp,
    duration_millis: u128,
    summary: Summary,
    scenarios: Vec<ScenarioDocument<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    passed: usize,
    failed: usize,
    skipped: usize,
    checks: usize,
    failed_checks: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ScenarioDocument<'a> {
    test: &'static str,
    name: &'static str,
    status: &'static str,
    /// Why something was not tried.
    reasons: Vec<&'a str>,
    duration_millis: u128,
    repeat: String,
    checks: Vec<CheckDocument<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckDocument<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    from: End<'a>,
    to: End<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<&'static str>,
    protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    expected: String,
    got: String,
    outcome: &'a Outcome,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    flows: &'a [String],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct End<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<std::net::IpAddr>,
}

impl ReportView {
    fn scenario<'a>(&self, report: &'a ScenarioReport) -> ScenarioDocument<'a> {
        ScenarioDocument {
            test: report.scenario.test,
            name: report.scenario.name,
            status: report.status().name(),
            reasons: report.reasons(),
            duration_millis: report.duration.as_millis(),
            repeat: report.repeat(&self.flags),
            checks: report.checks.iter().map(check).collect(),
        }
    }

    fn summary(&self) -> Summary {
        let report = &self.report;
        Summary {
            passed: report.count(Status::Passed),
            failed: report.count(Status::Failed),
            skipped: report.count(Status::Skipped),
            checks: report.scenarios.iter().map(ScenarioReport::tried).sum(),
            failed_checks: report.scenarios.iter().map(|one| one.failures().count()).sum(),
        }
    }
}

fn check(result: &CheckResult) -> CheckDocument<'_> {
    let CheckResult { check, outcome, verdict, flows, .. } = result;
    let (status, reason) = match verdict {
        Verdict::Pass => (Status::Passed, None),
        Verdict::Fail => (Status::Failed, None),
        Verdict::Skip(reason) => (Status::Skipped, Some(*reason)),
    };
    CheckDocument {
        status: status.name(),
        reason,
        from: End {
            name: &check.from.name,
            node: Some(&check.from.node),
            address: check.family.and_then(|family| check.from.address(family)),
        },
        to: End { name: &check.to.name, node: check.to.node.as_deref(), address: check.to.address },
        family: check.family.map(family_name),
        protocol: check.protocol(),
        command: result.command(),
        expected: check.expectation.to_string(),
        got: result.got(),
        outcome,
        flows,
    }
}

impl Render for ReportView {
    type Document<'a> = Document<'a>;

    fn document(&self) -> Document<'_> {
        let report = &self.report;
        Document {
            api_version: API_VERSION,
            kind: "ConnectivityReport",
            passed: report.passed(),
            profile: report.profile.name(),
            namespace: &report.namespace,
            nodes: &report.nodes,
            families: report.families.iter().copied().map(family_name).collect(),
            started_at: report.started,
            duration_millis: report.duration.as_millis(),
            summary: self.summary(),
            scenarios: report.scenarios.iter().map(|one| self.scenario(one)).collect(),
        }
    }

    fn table(&self, _: Detail) -> Table {
        let mut table = Table::new(["SCENARIO", "STATUS", "CHECKS", "FAILED", "TIME", "NOT TRIED"]);
        for report in &self.report.scenarios {
            let (status, tone) = match report.status() {
                Status::Passed => (Status::Passed.name(), Tone::Good),
                Status::Failed => (Status::Failed.name(), Tone::Bad),
                Status::Skipped => (Status::Skipped.name(), Tone::Warn),
            };
            let failed = report.failures().count();
            table.row([
                report.scenario.into(),
                Cell::toned(status, tone),
                report.tried().into(),
                Cell::toned(failed, if failed == 0 { Tone::Plain } else { Tone::Bad }),
                format!("{:.1}s", report.duration.as_secs_f64()).into(),
                report.reasons().join("; ").into(),
            ]);
        }
        table
    }

    fn more(&self, detail: Detail) -> Vec<Table> {
        let mut tables = Vec::new();
        for report in &self.report.scenarios {
            let shown = if detail.is_wide() { usize::MAX } else { SHOWN };
            let all = report.failures().count();
            for (number, failure) in report.failures().take(shown).enumerate() {
                let last = (number + 1 == all.min(shown)).then_some(all.saturating_sub(shown));
                tables.push(self.failure(report, failure, last));
            }
        }
        tables.push(self.verdict());
        tables
    }

    fn names(&self) -> Vec<String> {
        let failed = self.report.scenarios.iter().filter(|one| one.status() == Status::Failed);
        failed.map(|one| one.scenario.to_string()).collect()
    }

    fn empty(&self) -> String {
        "No scenarios.".to_owned()
    }
}

impl ReportView {
    /// One failure; under the last one shown, how many more there are and how to repeat them.
    fn failure(&self, report: &ScenarioReport, result: &CheckResult, last: Option<usize>) -> Table {
        let CheckResult { check, flows, .. } = result;
        let mut table = Table::new([]);
        let mut row = |key: &str, value: String, tone| {
            table.row([Cell::toned(key, tone), value.into()]);
        };
        let place = check.to.place();
        let family = check.family.map_or("", family_name);
        row("FAILED", report.scenario.to_string(), Tone::Bad);
        row(
            "  what",
            format!(
                "{} {family} from {} ({}) to {} ({place})",
                check.protocol(),
                check.from.name,
                check.from.node,
                check.to.name
            ),
            Tone::Plain,
        );
        row("  expected", check.expectation.to_string(), Tone::Plain);
        row("  got", result.got(), Tone::Plain);
        if let Some(command) = result.command() {
            row("  probe", command, Tone::Plain);
        }
        for (number, flow) in flows.iter().enumerate() {
            row(if number == 0 { "  flows" } else { " " }, flow.clone(), Tone::Plain);
        }
        if let Some(more) = last {
            if more > 0 {
                row("  more", format!("{more} more failed; -o wide shows them"), Tone::Plain);
            }
            row("  repeat", report.repeat(&self.flags), Tone::Plain);
        }
        table
    }

    fn verdict(&self) -> Table {
        let Summary { passed, failed, skipped, checks, failed_checks } = self.summary();
        let seconds = self.report.duration.as_secs_f64();
        let tone = if failed == 0 { Tone::Good } else { Tone::Bad };
        let mut text = format!("{passed} scenarios passed, {failed} failed, {skipped} skipped");
        text.push_str(&format!("; {failed_checks} of {checks} checks failed; {seconds:.1} s"));
        let mut table = Table::new([]);
        table.row([Cell::toned(text, tone)]);
        table
    }
}

//! What a run says while it runs: a bar on a terminal, a line for each scenario elsewhere.

use crate::{
    cli::output::{Output, Progress},
    connectivity::{Event, ScenarioReport, Status},
};

/// Tells how a run goes, on stderr.
pub(super) struct Teller<'a> {
    out: &'a Output,
    progress: Progress,
}

impl<'a> Teller<'a> {
    pub(super) fn new(out: &'a Output) -> Self {
        Self { out, progress: out.progress() }
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        let on_terminal = self.out.is_chatty();
        match event {
            Event::Step(step) if on_terminal => self.progress.say(step),
            Event::Step(step) => self.out.note(step),
            Event::Checks { done, all } => self.progress.count(*done, *all),
            Event::Scenario(report) if on_terminal => {
                self.progress.say(report.scenario.to_string());
                if report.status() == Status::Failed {
                    self.progress.above(&line(report));
                }
            }
            Event::Scenario(report) => self.out.note(&line(report)),
            Event::Warning(text) => self.progress.pause(|| self.out.warn(text)),
        }
    }
}

fn line(report: &ScenarioReport) -> String {
    let ScenarioReport { scenario, duration, .. } = report;
    match report.status() {
        Status::Passed => {
            let seconds = duration.as_secs_f64();
            format!("passed   {scenario}: {} checks in {seconds:.1} s", report.tried())
        }
        Status::Failed => {
            let failed = report.failures().count();
            format!("FAILED   {scenario}: {failed} of {} checks", report.tried())
        }
        Status::Skipped => format!("skipped  {scenario}: {}", report.reasons().join("; ")),
    }
}

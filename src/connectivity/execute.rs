//! Lets pods try what is planned, through pods/exec.

use std::time::Duration;

use kube::Client;
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout};

use super::{
    deploy::CONTAINER,
    outside::{Outside, STRANGER},
    plan::{Action, Check},
    probe::{ANSWERS, Attempt, Outcome},
};
use crate::kubernetes::{ExecError, Output, chain, exec, exec_heard};

/// Probes that one command runs: those of a pod go in few commands, as each costs a connection.
const PROBES: usize = 32;
/// Bytes of probes in one command line: it travels in a URL, which some proxies limit to 8 KiB.
const BYTES: usize = 4096;
/// Probes that run at once in a pod.
pub(super) const AT_ONCE: usize = 16;
/// What a command may take beyond its probes.
const SLACK: Duration = Duration::from_secs(30);
/// How long conversations may last that go on until servers have changed.
const LASTING: Duration = Duration::from_secs(40);
/// Pause before probes that may settle are repeated.
const PAUSE: Duration = Duration::from_millis(250);

/// Probes of one pod, by their place in the list of all checks.
pub(super) struct Batch {
    pub(super) pod: String,
    pub(super) checks: Vec<usize>,
}

/// Groups checks by pod, in parts that fit into a command line.
pub(super) fn batches(checks: &[Check]) -> Vec<Batch> {
    batches_of(checks, 0..checks.len())
}

/// Groups the checks at some places.
pub(super) fn batches_of(checks: &[Check], places: impl IntoIterator<Item = usize>) -> Vec<Batch> {
    let mut batches: Vec<(Batch, usize)> = Vec::new();
    for at in places {
        let check = &checks[at];
        let Action::Probe(probe) = &check.action else { continue };
        // With the quoting of URLs.
        let length = probe.to_string().len() + 16;
        let pod = &check.from.name;
        let open = batches.iter_mut().rev().find(|(batch, _)| batch.pod == *pod);
        match open {
            Some((batch, bytes)) if batch.checks.len() < PROBES && *bytes + length <= BYTES => {
                batch.checks.push(at);
                *bytes += length;
            }
            _ => batches.push((Batch { pod: pod.clone(), checks: vec![at] }, length)),
        }
    }
    batches.into_iter().map(|(batch, _)| batch).collect()
}

/// What `-o json` prints.
#[derive(Deserialize)]
struct Printed {
    items: Vec<Attempt>,
}

/// Runs probes in the pods of a namespace.
#[derive(Clone)]
pub(super) struct Executor {
    pub(super) client: Client,
    pub(super) namespace: String,
    /// How long one probe may take.
    pub(super) timeout: Duration,
    /// How many probes run at once in a pod.
    pub(super) at_once: usize,
    /// How the client outside is run, if there is one.
    pub(super) outside: Option<Outside>,
}

impl Executor {
    /// Runs probes in a pod.
    ///
    /// # Errors
    /// When the command cannot be run at all.
    pub(super) async fn probe(
        &self,
        pod: &str,
        probes: &[String],
    ) -> Result<Vec<Outcome>, ExecError> {
        let seconds = self.timeout.as_secs().max(1);
        let mut command = ["skep", "connectivity", "probe", "--quiet", "--output", "json"]
            .map(str::to_owned)
            .to_vec();
        command.extend(["--timeout".to_owned(), seconds.to_string()]);
        command.extend(["--parallel".to_owned(), self.at_once.to_string()]);
        command.extend_from_slice(probes);
        let rounds = u32::try_from(probes.len().div_ceil(self.at_once)).unwrap_or(u32::MAX);
        let patience = self.timeout.saturating_mul(rounds) + SLACK;
        let not_run = |reason| ExecError::NotRun {
            namespace: self.namespace.clone(),
            pod: pod.to_owned(),
            reason,
        };
        let running = async {
            match &self.outside {
                Some(outside) if pod == STRANGER => {
                    outside.run(&command[1..]).await.map_err(not_run)
                }
                _ => exec(&self.client, &self.namespace, pod, Some(CONTAINER), &command).await,
            }
        };
        let output = timeout(patience, running)
            .await
            .map_err(|_| not_run(format!("no answer within {} s", patience.as_secs())))??;
        read(&output, probes.len()).map_err(not_run)
    }

    /// Runs probes that last, all at once; `begun` hears how many have had an answer.
    pub(super) async fn hold(
        &self,
        pod: &str,
        places: &[usize],
        checks: &[Check],
        mut begun: impl FnMut(usize),
    ) -> Vec<(usize, Outcome)> {
        let probes = words(places, checks);
        let (seconds, count) = (LASTING.as_secs().to_string(), probes.len().to_string());
        let options = ["--output", "json", "--timeout", &seconds, "--parallel", &count];
        let mut command = ["skep", "connectivity", "probe"].map(str::to_owned).to_vec();
        command.extend(options.map(str::to_owned));
        command.extend(probes);
        let place = (&self.namespace[..], pod, Some(CONTAINER));
        let running = exec_heard(&self.client, place, &command, |said| {
            let said = String::from_utf8_lossy(said);
            begun(said.lines().filter(|line| line.ends_with(ANSWERS)).count());
        });
        let late = || format!("no answer within {} s", (LASTING + SLACK).as_secs());
        let outcomes = match timeout(LASTING + SLACK, running).await {
            Ok(Ok(output)) => read(&output, places.len()),
            Ok(Err(error)) => Err(chain(&error)),
            Err(_) => Err(late()),
        };
        let outcomes =
            outcomes.unwrap_or_else(|reason| vec![Outcome::Failed { reason }; places.len()]);
        places.iter().copied().zip(outcomes).collect()
    }

    /// Runs a batch; what cannot be run has that as its outcome. Probes that may settle are
    /// repeated for a while, until `fits` says that they have.
    pub(super) async fn run(
        &self,
        batch: &Batch,
        checks: &[Check],
        fits: impl Fn(&Check, &Outcome) -> bool,
    ) -> Vec<(usize, Outcome)> {
        let end = Instant::now() + self.timeout * 2;
        let mut outcomes = self.run_once(&batch.pod, &batch.checks, checks).await;
        loop {
            let again: Vec<usize> = outcomes
                .iter()
                .filter(|(at, outcome)| checks[*at].may_settle && !fits(&checks[*at], outcome))
                .map(|(at, _)| *at)
                .collect();
            if again.is_empty() || Instant::now() >= end {
                return outcomes;
            }
            sleep(PAUSE).await;
            for (at, outcome) in self.run_once(&batch.pod, &again, checks).await {
                if let Some(slot) = outcomes.iter_mut().find(|(place, _)| *place == at) {
                    slot.1 = outcome;
                }
            }
        }
    }

    async fn run_once(
        &self,
        pod: &str,
        places: &[usize],
        checks: &[Check],
    ) -> Vec<(usize, Outcome)> {
        let probes = words(places, checks);
        let outcomes = self.probe(pod, &probes).await.unwrap_or_else(|error| {
            let reason = chain(&error);
            vec![Outcome::Failed { reason }; places.len()]
        });
        places.iter().copied().zip(outcomes).collect()
    }
}

/// Returns probes as the command takes them.
fn words(places: &[usize], checks: &[Check]) -> Vec<String> {
    let word = |at: &usize| match &checks[*at].action {
        Action::Probe(probe) => Some(probe.to_string()),
        Action::Readiness | Action::Look(_) => None,
    };
    places.iter().filter_map(word).collect()
}

/// Reads what the command printed: one outcome for each probe.
fn read(output: &Output, wanted: usize) -> Result<Vec<Outcome>, String> {
    let printed = serde_json::from_slice::<Printed>(&output.stdout);
    match printed {
        Ok(printed) if printed.items.len() == wanted => {
            Ok(printed.items.into_iter().map(|attempt| attempt.outcome).collect())
        }
        Ok(printed) => Err(format!("{} answers to {wanted} probes", printed.items.len())),
        Err(error) => {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let stderr = stderr.trim();
            Err(if stderr.is_empty() {
                format!("exit code {}, and its output makes no sense: {error}", output.code)
            } else {
                format!("exit code {}: {stderr}", output.code)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::{Profile, Scenario, Topology, plan, topology::FAMILIES};

    #[test]
    fn batches_have_every_probe_once_and_fit_into_a_url() {
        let topology = Topology::example(Profile::Full, 5, &FAMILIES);
        let scenarios: Vec<_> = Scenario::ALL.iter().collect();
        let checks: Vec<Check> =
            plan(&scenarios, &topology).into_iter().flat_map(|plan| plan.planned.checks).collect();
        let batches = batches(&checks);
        let mut seen = vec![0; checks.len()];
        for batch in &batches {
            let bytes: usize = batch
                .checks
                .iter()
                .map(|at| match &checks[*at].action {
                    Action::Probe(probe) => probe.to_string().len(),
                    Action::Readiness | Action::Look(_) => panic!("no probe"),
                })
                .sum();
            assert!(bytes <= BYTES && batch.checks.len() <= PROBES);
            for at in &batch.checks {
                seen[*at] += 1;
                assert_eq!(checks[*at].from.name, batch.pod);
            }
        }
        for (check, count) in checks.iter().zip(seen) {
            assert_eq!(count, usize::from(matches!(check.action, Action::Probe(_))), "{check:?}");
        }
    }

    #[test]
    fn the_output_must_fit_the_probes() {
        let output = |stdout: &str, stderr: &str| Output {
            stdout: stdout.into(),
            stderr: stderr.into(),
            code: 1,
        };
        let one = r#"{"apiVersion":"cli.skep.io/v1","kind":"ProbeList","items":[{"probe":"p","result":"refused"}]}"#;
        assert_eq!(read(&output(one, ""), 1), Ok(vec![Outcome::Refused { by: None }]));
        assert_eq!(read(&output(one, ""), 2), Err("1 answers to 2 probes".into()));
        let error = read(&output("", "sh: skep: not found\n"), 1).unwrap_err();
        assert_eq!(error, "exit code 1: sh: skep: not found");
    }
}

//! Before anything is compared: agents that tell.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{Instant, timeout};

use super::{expected::if_answered, ledger::Audit};
use crate::connectivity::{
    execute::{Executor, batches_of},
    plan::Check,
};

/// Pause before an agent that told nothing is given something to tell again.
const PAUSE: Duration = Duration::from_millis(100);
/// How long an agent may tell nothing before the test goes on without it: nothing is behind yet.
const HEARD_WITHIN: Duration = Duration::from_secs(10);

impl Audit<'_> {
    /// Tries checks until the agent of each node that is to tell something has told of one.
    ///
    /// Agents keep the flows of a few seconds of a test only, so one that is heard later may have lost what was told
    /// first. One that is not heard in time is noted, and nothing is missed from there.
    pub(in crate::connectivity) async fn begin(&self, executor: &Executor, checks: &[Check]) {
        let tellers = self.tellers(checks);
        let patience = self.patience.min(HEARD_WITHIN);
        let until = Instant::now() + patience;
        loop {
            let changed = self.ledger.changed();
            let silent: Vec<(&String, usize)> = tellers
                .iter()
                .filter(|(node, _)| !self.ledger.knows(node))
                .map(|(node, at)| (node, *at))
                .collect();
            if silent.is_empty() {
                // Each check is to be told for itself.
                self.ledger.forget();
                return;
            }
            if Instant::now() >= until {
                for (node, _) in silent {
                    let reason = format!("it told nothing for {} s", patience.as_secs());
                    self.ledger.end(node, reason);
                }
                return;
            }
            for batch in batches_of(checks, silent.iter().map(|(_, at)| *at)) {
                executor.run(&batch, checks, |_, _| true).await;
            }
            // Over or not, the next look shows.
            let _ = timeout(PAUSE, changed).await;
        }
    }

    /// Returns for each node the first check that its agent must tell of: of those that begin there, if there are any,
    /// as they are told wherever they get.
    fn tellers(&self, checks: &[Check]) -> BTreeMap<String, usize> {
        let mut tellers: BTreeMap<String, (bool, usize)> = BTreeMap::new();
        for (at, check) in checks.iter().enumerate() {
            for expected in if_answered(check, self.topology) {
                let found = (expected.node != check.from.node, at);
                let best = tellers.entry(expected.node).or_insert(found);
                *best = (*best).min(found);
            }
        }
        tellers.into_iter().map(|(node, (_, at))| (node, at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::{Profile, Scenario, plan, told::Ledger, topology::Topology};
    use crate::model::Family;

    fn tellers(scenario: &str, nodes: usize) -> Vec<(String, String)> {
        let topology = Topology::example(Profile::Standard, nodes, &[Family::V4]);
        let scenario = Scenario::ALL.iter().find(|one| one.name == scenario).expect("it is there");
        let checks = plan(&[scenario], &topology).remove(0).planned.checks;
        let (ledger, patience) = (Ledger::default(), Duration::ZERO);
        let audit = Audit { ledger: &ledger, topology: &topology, patience };
        let named = |(node, at): (String, usize)| (node, checks[at].from.node.clone());
        audit.tellers(&checks).into_iter().map(named).collect()
    }

    #[test]
    fn each_node_is_heard_by_a_check_that_begins_there_if_there_is_one() {
        let pair = |node: &str, from: &str| (node.to_owned(), from.to_owned());
        let both = [pair("node-1", "node-1"), pair("node-2", "node-2")];
        assert_eq!(tellers("pod-to-pod", 2), both);
        assert_eq!(tellers("host-to-pod", 2), both);
        assert_eq!(tellers("host-to-host", 2), [], "nobody is to tell of these");
    }
}

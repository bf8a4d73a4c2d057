//! Namespaces that flows were about lately.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;

use super::Record;

/// How long a namespace is remembered after its last flow.
const LATELY: Duration = Duration::from_secs(3600);
/// Most namespaces: names of pods elsewhere come from the cluster, but memory must not follow them.
const MOST: usize = 8192;

/// When each namespace was seen last.
#[derive(Debug, Default)]
pub(super) struct Namespaces(HashMap<String, Instant, RandomState>);

impl Namespaces {
    pub(super) fn see<'a>(&mut self, records: impl Iterator<Item = &'a Record>, now: Instant) {
        let ends = records.flat_map(|record| [&record.source, &record.destination]);
        let mut last = "";
        for name in ends.flatten().map(|end| end.namespace.as_str()) {
            // Most are the same as before.
            if name == last {
                continue;
            }
            last = name;
            if let Some(seen) = self.0.get_mut(name) {
                *seen = now;
            } else if !name.is_empty() {
                self.forget_old(now);
                if self.0.len() < MOST {
                    self.0.insert(name.to_owned(), now);
                }
            }
        }
    }

    /// Returns them in order.
    pub(super) fn lately(&mut self, now: Instant) -> Vec<String> {
        self.forget_old(now);
        let mut names: Vec<_> = self.0.keys().cloned().collect();
        names.sort();
        names
    }

    fn forget_old(&mut self, now: Instant) {
        self.0.retain(|_, seen| now.duration_since(*seen) < LATELY);
    }
}

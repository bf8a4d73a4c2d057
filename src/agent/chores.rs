//! When the agent's standing work was last done.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// Work that is done again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chore {
    /// Maps, devices and routes are compared with what they should be.
    Repair,
    /// Expired connections are removed.
    Connections,
    /// Endpoints of this node are told to the cluster.
    Publishing,
    /// What is known is written to disk.
    Cache,
}

impl Chore {
    const ALL: [Self; 4] = [Self::Repair, Self::Connections, Self::Publishing, Self::Cache];

    const fn name(self) -> &'static str {
        match self {
            Self::Repair => "repair",
            Self::Connections => "connections",
            Self::Publishing => "publishing",
            Self::Cache => "cache",
        }
    }
}

/// When each was last done without failure.
#[derive(Debug, Default)]
pub(super) struct Chores([AtomicI64; Chore::ALL.len()]);

impl Chores {
    /// Notes that all of it was done.
    pub(super) fn done(&self, chore: Chore) {
        self.0[chore as usize].store(Timestamp::now().as_second(), Ordering::Relaxed);
    }

    /// Returns what was ever done, with the second of 1970's.
    pub(super) fn all(&self) -> Vec<(&'static str, u64)> {
        let second = |chore: Chore| {
            let second = self.0[chore as usize].load(Ordering::Relaxed);
            let second = u64::try_from(second).ok().filter(|second| *second > 0)?;
            Some((chore.name(), second))
        };
        Chore::ALL.into_iter().filter_map(second).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_done_is_not_told() {
        let chores = Chores::default();
        assert!(chores.all().is_empty());
        chores.done(Chore::Publishing);
        let all = chores.all();
        assert!(matches!(&all[..], [("publishing", second)] if *second > 1_700_000_000), "{all:?}");
    }
}

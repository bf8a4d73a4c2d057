//! What is kept apart.

use crate::flows::Record;

/// Flows of one sort have a budget of their own, so that many of one do not push out the few of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flows) enum Lane {
    /// Packets that went on.
    Forwarded,
    /// Packets that did not.
    Dropped,
    /// What is left of flows of the others that had to make room.
    Summary,
}

impl Lane {
    /// All of them, by their place.
    pub(super) const ALL: [Self; 3] = [Self::Forwarded, Self::Dropped, Self::Summary];
    /// Those of records.
    pub(super) const RECORDED: [Self; 2] = [Self::Forwarded, Self::Dropped];

    /// Returns where a record belongs.
    pub(super) const fn of(record: &Record) -> Self {
        if record.is_drop() { Self::Dropped } else { Self::Forwarded }
    }

    /// Returns its place in arrays, and its number in segments.
    pub(super) const fn place(self) -> usize {
        self as usize
    }

    /// Returns its name in file names.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Dropped => "dropped",
            Self::Summary => "summary",
        }
    }

    /// Returns how much of all bytes it may take.
    pub(super) const fn share(self, budget: u64) -> u64 {
        let (drops, summary) = (budget / 4, budget / 8);
        match self {
            Self::Forwarded => budget - drops - summary,
            Self::Dropped => drops,
            Self::Summary => summary,
        }
    }
}

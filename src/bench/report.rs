//! Results, as people and `bench.json` get them.

use serde::{Serialize, Serializer};

use super::stats::{Goal, Ratio, Verdict};

/// All results of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// One for each comparison.
    pub rows: Vec<Row>,
    /// The machine it ran on, since figures of different machines do not compare.
    pub machine: Machine,
}

/// What figures depend on besides skep.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Kernel release.
    pub kernel: String,
    /// Processors.
    pub processors: usize,
    /// Load average of the last minute, before and after.
    pub load: [f64; 2],
    /// Rounds that were measured.
    pub rounds: usize,
    /// Rounds that were measured again because the reference itself swung.
    pub repeated: usize,
}

/// One result.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured, with the family.
    pub name: String,
    /// Against what.
    pub group: &'static str,
    /// Unit of the figures.
    pub unit: &'static str,
    /// Median figure of skep.
    #[serde(serialize_with = "number")]
    pub skep: f64,
    /// Median figure of the reference.
    #[serde(serialize_with = "number")]
    pub reference: f64,
    /// Median of the ratios of each round, skep to reference.
    #[serde(serialize_with = "number")]
    pub ratio: f64,
    /// Lower end of the 95 % interval.
    #[serde(serialize_with = "number")]
    pub low: f64,
    /// Upper end of the 95 % interval.
    #[serde(serialize_with = "number")]
    pub high: f64,
    /// What is to be reached; for rows without a reference, by the figure itself.
    #[serde(serialize_with = "goal")]
    pub goal: Goal,
    /// Whether it was.
    pub verdict: Verdict,
}

impl Row {
    /// Makes a comparison.
    pub(super) fn compared(
        (name, group, unit): (String, &'static str, &'static str),
        (skep, reference): (f64, f64),
        ratio: Ratio,
        goal: Goal,
    ) -> Self {
        let Ratio { middle, low, high } = ratio;
        let verdict = goal.judge(ratio);
        Self { name, group, unit, skep, reference, ratio: middle, low, high, goal, verdict }
    }

    /// Makes a row for a figure that stands by itself.
    pub(super) fn single(
        (name, group, unit): (String, &'static str, &'static str),
        skep: f64,
        goal: Goal,
    ) -> Self {
        let none = f64::NAN;
        let verdict = goal.judge_value(skep);
        Self {
            name,
            group,
            unit,
            skep,
            reference: none,
            ratio: none,
            low: none,
            high: none,
            goal,
            verdict,
        }
    }
}

/// JSON has no NaN; four digits are more than the noise allows.
fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_some(&((value * 10_000.0).round() / 10_000.0))
    } else {
        serializer.serialize_none()
    }
}

fn goal<S: Serializer>(goal: &Goal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(goal)
}

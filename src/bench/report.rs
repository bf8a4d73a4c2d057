//! What a run found.

use serde::{Deserialize, Serialize};

use super::{
    catalogue::RowSpec,
    goal::Verdict,
    rounds::Series,
    statistics::{Estimate, estimate},
};

/// One row of `bench.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Unique name.
    pub name: String,
    /// What it belongs to.
    pub group: String,
    /// Unit of `skep` and `reference`.
    pub unit: String,
    /// What skep reached: the median over the rounds; none when it could not be measured.
    pub skep: Option<f64>,
    /// What the reference reached; none for rows that stand for themselves.
    pub reference: Option<f64>,
    /// `skep` over `reference`: the median of the ratios of each round.
    pub ratio: Option<f64>,
    /// Lower end of the 95 % interval of `ratio`, or of `skep` when there is no reference.
    pub low: Option<f64>,
    /// Upper end of that interval.
    pub high: Option<f64>,
    /// What `ratio`, or `skep` when there is no reference, is to reach.
    pub goal: String,
    /// Whether it did.
    pub verdict: Verdict,
}

/// The file that `--output` writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    /// The rows.
    pub rows: Vec<Row>,
}

/// The machine that a run was made on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Kernel release.
    pub kernel: String,
    /// CPUs that this process may use.
    pub cpus: usize,
    /// Load average over the last minute, before and after.
    pub load: [f64; 2],
    /// Share of the CPU time that the hypervisor gave to others during the run.
    pub steal: f64,
}

/// A run: its rows, and what must be known to read them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The rows.
    pub rows: Vec<Row>,
    /// Why rows are missing numbers, and what else a reader should know.
    pub notes: Vec<String>,
    /// Where it was measured.
    pub machine: Machine,
}

impl Row {
    fn new(spec: &RowSpec) -> Self {
        Self {
            name: spec.name.clone(),
            group: spec.group.name().to_owned(),
            unit: spec.unit.to_owned(),
            skep: None,
            reference: None,
            ratio: None,
            low: None,
            high: None,
            goal: spec.goal.to_string(),
            verdict: Verdict::Inconclusive,
        }
    }

    /// A row that could not be measured; the reason belongs into the notes.
    pub(crate) fn unmeasured(spec: &RowSpec) -> Self {
        Self::new(spec)
    }

    /// A row that compares value number `value` of two subjects of a series.
    pub(crate) fn compared(
        spec: &RowSpec,
        series: &Series,
        (subject, reference): (usize, usize),
        value: usize,
    ) -> Self {
        let middle = |subject| estimate(&series.column(subject, value)).map(|found| found.median);
        let mut row = Self::new(spec);
        row.skep = middle(subject).map(round);
        row.reference = middle(reference).map(round);
        if let Some(ratio) = series.ratio(subject, reference, value) {
            row.ratio = Some(round(ratio.median));
            row.judge(spec, &ratio);
        }
        row
    }

    /// A row whose measured values stand for themselves.
    pub(crate) fn absolute(spec: &RowSpec, values: &[f64]) -> Self {
        let mut row = Self::new(spec);
        if let Some(found) = estimate(values) {
            row.skep = Some(round(found.median));
            row.judge(spec, &found);
        }
        row
    }

    fn judge(&mut self, spec: &RowSpec, found: &Estimate) {
        self.low = Some(round(found.low));
        self.high = Some(round(found.high));
        self.verdict = spec.goal.judge(found);
    }
}

/// Keeps five significant digits; more would be noise.
fn round(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let digits = 4 - value.abs().log10().floor() as i32;
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{
        catalogue::Group,
        goal::Goal,
        rounds::{Schedule, measure},
    };

    fn spec() -> RowSpec {
        RowSpec {
            name: "rr-ipv4-veth".into(),
            group: Group::Veth,
            unit: "us",
            goal: Goal::AtMost(1.2),
            about: "request and response".into(),
        }
    }

    #[test]
    fn a_compared_row_has_exactly_the_ten_fields() {
        let series = measure::<std::io::Error>(Schedule { rounds: 6, redos: 0 }, 2, |subject| {
            Ok(vec![[5.0, 5.5][subject]])
        });
        let row = Row::compared(&spec(), &series.unwrap(), (1, 0), 0);
        insta::assert_snapshot!(serde_json::to_string(&Rows { rows: vec![row] }).unwrap(), @r#"{"rows":[{"name":"rr-ipv4-veth","group":"veth","unit":"us","skep":5.5,"reference":5.0,"ratio":1.1,"low":1.1,"high":1.1,"goal":"<= 1.2","verdict":"met"}]}"#);
    }

    #[test]
    fn an_unmeasured_row_is_inconclusive_and_keeps_its_fields() {
        let row = serde_json::to_value(Row::unmeasured(&spec())).unwrap();
        assert_eq!(row["verdict"], "inconclusive");
        assert_eq!(row["skep"], serde_json::Value::Null);
        assert_eq!(row.as_object().unwrap().len(), 10);
    }

    #[test]
    fn an_absolute_row_has_no_reference() {
        let row = Row::absolute(&spec(), &[1.0, 1.01, 0.99]);
        assert_eq!((row.skep, row.reference, row.ratio), (Some(1.0), None, None));
        assert_eq!(row.verdict, Verdict::Met);
    }

    #[test]
    fn numbers_keep_five_digits() {
        assert_eq!(round(1.234_567_8), 1.2346);
        assert_eq!(round(12_345.678), 12_346.0);
        assert_eq!(round(0.001_234_567), 0.001_234_6);
        assert_eq!(round(0.0), 0.0);
    }
}

//! Medians, intervals and verdicts. Pure.

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Resamples of the bootstrap; more change the third digit only.
const RESAMPLES: usize = 2000;
/// A wider interval that has the goal in it decides nothing.
const WIDEST: f64 = 0.10;

/// Returns the middle value; NaN for none.
pub(super) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Returns the value below which a share of the values lies, interpolated; NaN for none.
pub(super) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

/// A ratio with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ratio {
    pub(super) middle: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// Returns the median of per-round ratios with a bootstrap interval. The seed is fixed: the same
/// measurements always give the same report.
pub(super) fn ratio(rounds: &[(f64, f64)]) -> Ratio {
    let ratios: Vec<f64> = rounds.iter().map(|(skep, reference)| skep / reference).collect();
    let mut random = StdRng::seed_from_u64(0x5ce9);
    let medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let resample: Vec<f64> =
                ratios.iter().map(|_| ratios[random.random_range(0..ratios.len())]).collect();
            median(&resample)
        })
        .collect();
    Ratio {
        middle: median(&ratios),
        low: quantile(&medians, 0.025),
        high: quantile(&medians, 0.975),
    }
}

/// What is to be reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// Within this distance of 1: nothing differs.
    Equal(f64),
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "<= {limit}"),
            Self::AtLeast(limit) => write!(f, ">= {limit}"),
            Self::Equal(distance) => write!(f, "1.00 +- {distance}"),
        }
    }
}

/// Whether a goal was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Yes.
    Met,
    /// No.
    Missed,
    /// The measurements do not say.
    Inconclusive,
}

impl Goal {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
            Self::Equal(distance) => (value - 1.0).abs() <= distance,
        }
    }

    /// Decides about a single figure.
    pub(super) fn judge_value(self, value: f64) -> Verdict {
        if self.holds(value) { Verdict::Met } else { Verdict::Missed }
    }

    /// Decides about a ratio: the whole interval on one side decides; when the goal is inside, a
    /// narrow interval is decided by its middle and a wide one is not decided.
    pub(super) fn judge(self, ratio: Ratio) -> Verdict {
        if !ratio.middle.is_finite() {
            return Verdict::Inconclusive;
        }
        let ends = [self.holds(ratio.low), self.holds(ratio.high)];
        let narrow = ratio.high - ratio.low <= WIDEST * ratio.middle;
        match (ends, self.holds(ratio.middle)) {
            ([true, true], true) => Verdict::Met,
            // Both ends may lie on different sides of a band.
            ([false, false], false) => Verdict::Missed,
            (_, holds) if narrow => {
                if holds {
                    Verdict::Met
                } else {
                    Verdict::Missed
                }
            }
            _ => Verdict::Inconclusive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_between_neighbours() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0]), 1.5);
        assert_eq!(quantile(&[0.0, 10.0], 0.9), 9.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_ratio_is_taken_round_by_round_so_that_common_noise_cancels() {
        let rounds: Vec<_> = (1..=9).map(|load| (1.1 * f64::from(load), f64::from(load))).collect();
        let ratio = ratio(&rounds);
        assert!((ratio.middle - 1.1).abs() < 1e-9 && ratio.high - ratio.low < 1e-9, "{ratio:?}");
    }

    #[test]
    fn the_interval_decides_and_a_wide_one_around_the_goal_does_not() {
        let of = |low, middle, high| Ratio { low, middle, high };
        let goal = Goal::AtMost(1.2);
        assert_eq!(goal.judge(of(1.0, 1.05, 1.19)), Verdict::Met);
        assert_eq!(goal.judge(of(1.21, 1.4, 1.6)), Verdict::Missed);
        assert_eq!(goal.judge(of(1.17, 1.19, 1.22)), Verdict::Met);
        assert_eq!(goal.judge(of(1.18, 1.21, 1.23)), Verdict::Missed);
        assert_eq!(goal.judge(of(1.0, 1.1, 1.4)), Verdict::Inconclusive);
        assert_eq!(Goal::AtLeast(0.95).judge(of(0.96, 1.0, 1.1)), Verdict::Met);
        assert_eq!(Goal::Equal(0.03).judge(of(0.99, 1.0, 1.02)), Verdict::Met);
        assert_eq!(Goal::Equal(0.03).judge(of(1.05, 1.07, 1.2)), Verdict::Missed);
        assert_eq!(goal.judge(of(f64::NAN, f64::NAN, f64::NAN)), Verdict::Inconclusive);
    }
}

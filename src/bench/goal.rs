//! Goals and verdicts. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::statistics::Estimate;

/// Above this relative width of the interval a row says nothing.
const WIDEST_INTERVAL: f64 = 0.10;

/// What a row is to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
    /// This, give or take the second number.
    Within(f64, f64),
}

impl Goal {
    /// Judges a measured value. An interval wider than a tenth of it leaves the question open.
    pub(crate) fn judge(self, found: &Estimate) -> Verdict {
        if !found.median.is_finite() || found.relative_width() > WIDEST_INTERVAL {
            return Verdict::Inconclusive;
        }
        let reached = match self {
            Self::AtMost(limit) => found.median <= limit,
            Self::AtLeast(limit) => found.median >= limit,
            Self::Within(middle, distance) => (found.median - middle).abs() <= distance,
        };
        if reached { Verdict::Met } else { Verdict::Missed }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "<= {limit}"),
            Self::AtLeast(limit) => write!(f, ">= {limit}"),
            Self::Within(middle, distance) => write!(f, "{middle} +- {distance}"),
        }
    }
}

/// Whether a goal was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It was.
    Met,
    /// It was not.
    Missed,
    /// The measurement cannot tell, or could not be made.
    Inconclusive,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Inconclusive => "inconclusive",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        let tight = |median: f64| Estimate { median, low: median * 0.98, high: median * 1.02 };
        let wide = |median: f64| Estimate { median, low: median * 0.9, high: median * 1.05 };
        let cases = [
            ("at the limit", Goal::AtMost(1.2), tight(1.2), Verdict::Met),
            ("over the limit", Goal::AtMost(1.2), tight(1.21), Verdict::Missed),
            ("enough", Goal::AtLeast(0.95), tight(0.96), Verdict::Met),
            ("too little", Goal::AtLeast(0.95), tight(0.94), Verdict::Missed),
            ("twins agree", Goal::Within(1.0, 0.03), tight(0.98), Verdict::Met),
            ("twins differ", Goal::Within(1.0, 0.03), tight(1.04), Verdict::Missed),
            ("good but vague", Goal::AtMost(1.2), wide(0.5), Verdict::Inconclusive),
            ("bad but vague", Goal::AtMost(1.2), wide(2.0), Verdict::Inconclusive),
            ("not a number", Goal::AtMost(1.2), tight(f64::NAN), Verdict::Inconclusive),
        ];
        for (name, goal, found, expected) in cases {
            assert_eq!(goal.judge(&found), expected, "{name}");
        }
    }

    #[test]
    fn goals_read_as_conditions() {
        assert_eq!(Goal::AtMost(1.2).to_string(), "<= 1.2");
        assert_eq!(Goal::AtLeast(0.95).to_string(), ">= 0.95");
        assert_eq!(Goal::Within(1.0, 0.03).to_string(), "1 +- 0.03");
    }
}

//! Interleaved rounds: who is measured when, and which rounds are measured again. Pure.

use serde::{Deserialize, Serialize};

use super::statistics::{Estimate, estimate, median};

/// A round in which the reference is further than this from its median is measured again.
const TOLERANCE: f64 = 0.05;

/// How often to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// Rounds that count.
    pub(crate) rounds: usize,
    /// Rounds that may be measured again, in all.
    pub(crate) redos: usize,
}

/// What was measured, by round, then by subject, then by value of a sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Series {
    rounds: Vec<Vec<Vec<f64>>>,
    /// How many rounds were measured again.
    pub(crate) redone: usize,
}

/// Measures `subjects` side by side. `sample` measures one of them and returns one or more values,
/// always in the same order. Every round begins with another subject; one round before the first is
/// measured and dropped; rounds in which subject 0, the reference, strays are measured again.
///
/// # Errors
/// The first error of `sample`.
pub(crate) fn measure<E>(
    schedule: Schedule,
    subjects: usize,
    mut sample: impl FnMut(usize) -> Result<Vec<f64>, E>,
) -> Result<Series, E> {
    let mut turn = 0;
    let mut round = || {
        let mut values = vec![Vec::new(); subjects];
        for place in 0..subjects {
            let subject = (turn + place) % subjects;
            values[subject] = sample(subject)?;
        }
        turn += 1;
        Ok(values)
    };
    round()?;
    let mut series = Series { rounds: Vec::with_capacity(schedule.rounds), redone: 0 };
    for _ in 0..schedule.rounds {
        series.rounds.push(round()?);
    }
    while series.redone < schedule.redos {
        let Some(stray) = series.furthest_stray() else { break };
        series.rounds[stray] = round()?;
        series.redone += 1;
    }
    Ok(series)
}

impl Series {
    /// Returns the round in which a value of the reference is furthest from its median, if any is
    /// further than the tolerance.
    fn furthest_stray(&self) -> Option<usize> {
        let values = self.rounds.first()?.first()?.len();
        let medians: Vec<f64> =
            (0..values).map_while(|value| median(&self.column(0, value))).collect();
        let distance = |round: &Vec<Vec<f64>>| {
            let pairs = round[0].iter().zip(&medians);
            pairs.map(|(value, median)| ((value - median) / median).abs()).fold(0.0, f64::max)
        };
        let (stray, furthest) =
            self.rounds.iter().map(distance).enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
        (furthest > TOLERANCE).then_some(stray)
    }

    /// Returns one value of one subject in every round.
    pub(crate) fn column(&self, subject: usize, value: usize) -> Vec<f64> {
        self.rounds.iter().map(|round| round[subject][value]).collect()
    }

    /// Returns the median over the rounds of the ratio of two subjects in the same round.
    pub(crate) fn ratio(&self, subject: usize, reference: usize, value: usize) -> Option<Estimate> {
        let above = self.column(subject, value);
        let below = self.column(reference, value);
        let ratios: Vec<f64> = above.iter().zip(&below).map(|(a, b)| a / b).collect();
        estimate(&ratios)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Never = std::convert::Infallible;

    /// Plays back one list of values per call, and records whose turn it was.
    fn play(
        schedule: Schedule,
        subjects: usize,
        value: impl Fn(usize, usize) -> f64,
    ) -> (Series, Vec<usize>) {
        let mut turns = Vec::new();
        let series = measure::<Never>(schedule, subjects, |subject| {
            let round = turns.len() / subjects;
            turns.push(subject);
            Ok(vec![value(round, subject)])
        });
        (series.unwrap(), turns)
    }

    #[test]
    fn the_order_rotates_and_the_warm_up_round_is_dropped() {
        let schedule = Schedule { rounds: 3, redos: 0 };
        let (series, turns) = play(schedule, 3, |round, _| if round == 0 { 99.0 } else { 1.0 });
        assert_eq!(turns, [0, 1, 2, 1, 2, 0, 2, 0, 1, 0, 1, 2]);
        assert_eq!(series.column(1, 0), [1.0; 3]);
    }

    #[test]
    fn a_round_with_a_stray_reference_is_measured_again() {
        let schedule = Schedule { rounds: 5, redos: 5 };
        let (series, _) = play(schedule, 2, |round, _| if round == 3 { 2.0 } else { 1.0 });
        assert_eq!(series.redone, 1);
        assert_eq!(series.column(0, 0), [1.0; 5]);
    }

    #[test]
    fn redoing_ends_when_the_machine_never_calms_down() {
        let schedule = Schedule { rounds: 4, redos: 6 };
        let (series, turns) = play(schedule, 2, |round, _| 1.0 + round as f64);
        assert_eq!(series.redone, 6);
        assert_eq!(turns.len(), 2 * (1 + 4 + 6));
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let schedule = Schedule { rounds: 5, redos: 0 };
        // The machine gets slower round by round; both subjects feel it alike.
        let (series, _) =
            play(schedule, 2, |round, subject| (1.0 + round as f64) * [10.0, 12.0][subject]);
        let ratio = series.ratio(1, 0, 0).unwrap();
        assert!((ratio.median - 1.2).abs() < 1e-9, "{ratio:?}");
        assert!(ratio.relative_width() < 1e-9, "{ratio:?}");
    }

    #[test]
    fn an_error_ends_the_measurement() {
        let schedule = Schedule { rounds: 5, redos: 0 };
        let mut calls = 0;
        let result = measure(schedule, 2, |_| {
            calls += 1;
            if calls == 4 { Err("broken") } else { Ok(vec![1.0]) }
        });
        assert_eq!(result, Err("broken"));
        assert_eq!(calls, 4);
    }

    proptest! {
        #[test]
        fn every_subject_is_measured_once_a_round(rounds in 1_usize..8, subjects in 1_usize..6) {
            let (series, turns) = play(Schedule { rounds, redos: 3 }, subjects, |_, _| 1.0);
            prop_assert_eq!(series.redone, 0);
            prop_assert_eq!(turns.len(), (rounds + 1) * subjects);
            for round in turns.chunks(subjects) {
                let mut sorted = round.to_vec();
                sorted.sort_unstable();
                prop_assert_eq!(sorted, (0..subjects).collect::<Vec<_>>());
            }
        }

        #[test]
        fn redoing_ends_calm_or_with_the_budget_spent(
            values in prop::collection::vec(0.5_f64..2.0, 1..60)
        ) {
            let (series, _) = play(Schedule { rounds: 6, redos: 20 }, 1, |round, _| {
                values.get(round).copied().unwrap_or(1.0)
            });
            prop_assert!(series.redone <= 20);
            prop_assert!(series.furthest_stray().is_none() || series.redone == 20);
        }
    }
}

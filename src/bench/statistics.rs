//! Medians and their uncertainty. Pure.

/// How often the bootstrap draws a new sample.
const RESAMPLES: usize = 2_000;

/// A median with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    /// The median.
    pub(crate) median: f64,
    /// Lower end of the interval.
    pub(crate) low: f64,
    /// Upper end of the interval.
    pub(crate) high: f64,
}

impl Estimate {
    /// Returns the width of the interval as a share of the median; infinite when the median is 0.
    pub(crate) fn relative_width(&self) -> f64 {
        if self.median == 0.0 && self.low == self.high {
            return 0.0;
        }
        ((self.high - self.low) / self.median).abs()
    }
}

/// Returns the median, the mean of the middle two for an even count; none for no values.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    median_of_sorted(&sorted)
}

fn median_of_sorted(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(sorted[sorted.len() / 2 - 1], upper))
}

/// Returns the value below which `share` (0 to 1) of the values lie: nearest rank, so always one of
/// the values. Reorders the slice.
pub(crate) fn percentile(values: &mut [u64], share: f64) -> Option<u64> {
    let last = values.len().checked_sub(1)?;
    let rank = (share.clamp(0.0, 1.0) * last as f64).round() as usize;
    Some(*values.select_nth_unstable(rank).1)
}

/// The same of numbers with a fraction; not a number if there are none.
pub(crate) fn percentile_of(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let rank = (share.clamp(0.0, 1.0) * last as f64).round() as usize;
    sorted.get(rank).copied().unwrap_or(f64::NAN)
}

/// Returns the median of `values` with a bootstrap interval. The same values always give the same
/// interval: the draws come from a fixed seed.
pub(crate) fn estimate(values: &[f64]) -> Option<Estimate> {
    let median = median(values)?;
    let mut draws = Draws::new(0x5ee9_5eed);
    let mut sample = vec![0.0; values.len()];
    let mut medians = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        for slot in &mut sample {
            *slot = values[draws.below(values.len())];
        }
        sample.sort_by(f64::total_cmp);
        medians.extend(median_of_sorted(&sample));
    }
    medians.sort_by(f64::total_cmp);
    let at = |share: f64| medians[(share * (medians.len() - 1) as f64).round() as usize];
    Some(Estimate { median, low: at(0.025), high: at(0.975) })
}

/// A small generator with a full period (a Weyl sequence and a mixing step), enough to draw indices.
#[derive(Clone, Debug)]
pub(crate) struct Draws(u64);

impl Draws {
    /// Begins: the same seed always gives the same draws.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The high half of the product is uniform below the bound.
        ((u128::from(mixed ^ (mixed >> 31)) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn medians_of_odd_even_and_no_values() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut values = [50, 10, 40, 20, 30];
        assert_eq!(percentile(&mut values, 0.5), Some(30));
        assert_eq!(percentile(&mut values, 0.0), Some(10));
        assert_eq!(percentile(&mut values, 1.0), Some(50));
        assert_eq!(percentile(&mut [], 0.5), None);
    }

    #[test]
    fn equal_values_leave_no_doubt() {
        let found = estimate(&[1.1; 8]).unwrap();
        assert_eq!(found, Estimate { median: 1.1, low: 1.1, high: 1.1 });
        assert_eq!(found.relative_width(), 0.0);
    }

    #[test]
    fn one_outlier_in_nine_rounds_does_not_move_the_interval_to_it() {
        let found = estimate(&[1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.01, 3.0]).unwrap();
        assert!((found.median - 1.0).abs() < 0.011, "{found:?}");
        assert!(found.high < 1.5, "{found:?}");
    }

    proptest! {
        #[test]
        fn intervals_hold_the_median_and_stay_within_the_values(
            values in prop::collection::vec(0.01_f64..100.0, 1..40)
        ) {
            let found = estimate(&values).unwrap();
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(0.0, f64::max);
            prop_assert!(least <= found.low && found.low <= found.median);
            prop_assert!(found.median <= found.high && found.high <= most);
            prop_assert_eq!(estimate(&values), Some(found));
        }

        #[test]
        fn scaling_the_values_scales_the_estimate(
            values in prop::collection::vec(0.1_f64..10.0, 1..20)
        ) {
            let scaled: Vec<f64> = values.iter().map(|value| value * 4.0).collect();
            let (one, four) = (estimate(&values).unwrap(), estimate(&scaled).unwrap());
            prop_assert_eq!(one.median * 4.0, four.median);
            prop_assert_eq!(one.low * 4.0, four.low);
            prop_assert_eq!(one.high * 4.0, four.high);
        }

        #[test]
        fn draws_stay_below_their_bound(seed: u64, bound in 1_usize..1000) {
            let mut draws = Draws::new(seed);
            prop_assert!((0..100).all(|_| draws.below(bound) < bound));
        }
    }
}

//! Sizes of tables.

/// A prime just below each power of two: a table fills its memory, and walks meet every entry.
const SIZES: [u32; 10] = [251, 509, 1021, 2039, 4093, 8191, 16_381, 32_749, 65_521, 131_071];

/// With this many entries for each backend, shares differ by 1 % at most (Maglev, section 3.4).
const PER_BACKEND: usize = 100;

/// The largest size that tables may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Limit {
    entries: u32,
}

impl Limit {
    /// Returns the largest size up to a number of entries, but the smallest size at least.
    pub fn at_most(entries: u32) -> Self {
        let fits = |size: &&u32| **size <= entries;
        Self { entries: *SIZES.iter().rev().find(fits).unwrap_or(&SIZES[0]) }
    }

    /// Returns the size of the table of a number of backends. Where the limit is in the way, shares
    /// differ by more than 1 %, and beyond the limit some backends get nothing.
    pub fn size_for(self, backends: usize) -> u32 {
        let wanted = backends.saturating_mul(PER_BACKEND);
        let is_enough = |size: &&u32| **size as usize >= wanted;
        SIZES.iter().find(is_enough).map_or(self.entries, |size| self.entries.min(*size))
    }
}

impl Default for Limit {
    /// Returns 16,381 entries: 64 KiB for 163 backends.
    fn default() -> Self {
        Self { entries: 16_381 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_prime() {
        let is_prime = |size: u32| (2..=size.isqrt()).all(|divisor| !size.is_multiple_of(divisor));
        assert!(SIZES.into_iter().all(is_prime));
    }

    #[test]
    fn sizes_grow_with_backends_up_to_the_limit() {
        let table =
            [(0, 251), (1, 251), (2, 251), (3, 509), (10, 1021), (100, 16_381), (5000, 16_381)];
        for (backends, size) in table {
            assert_eq!(Limit::default().size_for(backends), size, "{backends}");
        }
        assert_eq!(Limit::at_most(70_000).size_for(164), 32_749);
        assert_eq!(Limit::at_most(70_000).size_for(5000), 65_521);
        assert_eq!(Limit::at_most(1).size_for(5000), 251);
    }
}

//! How much work expressions may make.

/// Work for one flow, of all expressions of a request together. A field that is read costs a step and more in a long
/// message; a sensible expression takes some dozens.
const STEPS: usize = 100_000;

/// What is left of it.
#[derive(Debug)]
pub(in crate::flows) struct Fuel(usize);

impl Default for Fuel {
    fn default() -> Self {
        Self(STEPS)
    }
}

impl Fuel {
    /// Takes steps; none when there are too few left, and then nothing is.
    pub(super) fn spend(&mut self, steps: usize) -> Option<()> {
        let left = self.0.checked_sub(steps);
        self.0 = left.unwrap_or_default();
        left.map(drop)
    }

    #[cfg(test)]
    pub(super) const fn spent(&self) -> usize {
        STEPS - self.0
    }
}

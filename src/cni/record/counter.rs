//! Numbers that never go back, not even over restarts.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::write_atomically;

/// The counter's file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep the counter {path}")]
pub struct CounterError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// A counter whose limit is on disk before a number below it is given out. One write covers a
/// block of numbers; a restart skips what is left of the block.
#[derive(Debug)]
pub struct Counter {
    path: PathBuf,
    next: u32,
    limit: u32,
}

const BLOCK: u32 = 256;

impl Counter {
    /// Opens the counter `name` in a directory; its numbers will be above `at_least`.
    ///
    /// # Errors
    /// When the file cannot be read. A file with other contents counts as absent, which is why
    /// the caller says what it has seen.
    pub fn open(dir: &Path, name: &str, at_least: u32) -> Result<Self, CounterError> {
        let path = dir.join(name);
        let stored = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().unwrap_or(0),
            Err(e) if e.kind() == io::ErrorKind::NotFound => 0,
            Err(source) => return Err(CounterError { path, source }),
        };
        let start = stored.max(at_least.saturating_add(1)).max(1);
        Ok(Self { path, next: start, limit: start })
    }

    /// Returns a number that was never returned before.
    ///
    /// # Errors
    /// When the file cannot be written; no number is used up then.
    pub fn draw(&mut self) -> Result<u32, CounterError> {
        if self.next >= self.limit {
            let limit = self.next.saturating_add(BLOCK);
            write_atomically(&self.path, limit.to_string().as_bytes())
                .map_err(|source| CounterError { path: self.path.clone(), source })?;
            self.limit = limit;
        }
        let number = self.next;
        self.next += 1;
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_over_restarts_and_corrupt_files() {
        let dir = tempfile::tempdir().unwrap();
        let mut last = 0;
        for round in 0..4 {
            let mut counter = Counter::open(dir.path(), "incarnation", last).unwrap();
            for _ in 0..300 {
                let number = counter.draw().unwrap();
                assert!(number > last);
                last = number;
            }
            if round == 2 {
                fs::write(dir.path().join("incarnation"), "nonsense").unwrap();
            }
        }
    }
}

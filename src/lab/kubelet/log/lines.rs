//! Lines with their times.

use bytes::Bytes;

use super::times::Times;

/// Longest line that is kept back until its end comes.
const LONGEST: usize = 64 * 1024;

/// Puts the time before each line of a stream.
pub(super) struct Lines {
    times: Times,
    /// The offset of the first byte kept back.
    offset: u64,
    kept: Vec<u8>,
}

impl Lines {
    /// Starts at an offset of the log at which a line begins.
    pub(super) fn new(times: Times, offset: u64) -> Self {
        Self { times, offset, kept: Vec::new() }
    }

    /// Takes the next bytes; returns the lines that are complete.
    pub(super) fn stamp(&mut self, bytes: &[u8]) -> Bytes {
        self.kept.extend_from_slice(bytes);
        let mut out = Vec::new();
        while let Some(end) = self.kept.iter().position(|byte| *byte == b'\n') {
            self.put(end + 1, &mut out);
        }
        if self.kept.len() > LONGEST {
            self.put(self.kept.len(), &mut out);
        }
        out.into()
    }

    /// Returns a last line without an end.
    pub(super) fn finish(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        let length = self.kept.len();
        (length > 0).then(|| {
            self.put(length, &mut out);
            out.into()
        })
    }

    fn put(&mut self, length: usize, out: &mut Vec<u8>) {
        let time = self.times.at(self.offset).strftime("%Y-%m-%dT%H:%M:%S%.9fZ ").to_string();
        out.extend_from_slice(time.as_bytes());
        out.extend(self.kept.drain(..length));
        self.offset += length as u64;
    }
}

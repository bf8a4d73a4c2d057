//! When the bytes of a log were written: pairs of a time and a length, beside the log.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

/// Length of a pair: nanoseconds since the epoch (i64) and the log's length at that time (u64).
const PAIR: usize = 16;

fn path_of(log: &Path) -> PathBuf {
    log.with_extension("times")
}

/// Notes when a log grows.
#[derive(Debug)]
pub(super) struct TimesWriter {
    file: File,
    length: u64,
}

impl TimesWriter {
    pub(super) fn open(log: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path_of(log))?;
        Ok(Self { file, length: fs::metadata(log)?.len() })
    }

    /// Notes that the log has this length now, if it is another one than before.
    pub(super) fn note(&mut self, log: &Path) -> io::Result<()> {
        let length = fs::metadata(log)?.len();
        if length == self.length {
            return Ok(());
        }
        let now = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
        let mut pair = [0; PAIR];
        pair[..8].copy_from_slice(&now.to_le_bytes());
        pair[8..].copy_from_slice(&length.to_le_bytes());
        self.file.write_all(&pair)?;
        self.length = length;
        Ok(())
    }
}

/// The times of a log, in order. What is newer than the last pair was written just now.
#[derive(Debug, Default)]
pub(super) struct Times {
    path: PathBuf,
    pairs: Vec<(Timestamp, u64)>,
}

impl Times {
    pub(super) fn of(log: &Path) -> Self {
        let mut times = Self { path: path_of(log), pairs: Vec::new() };
        times.refresh();
        times
    }

    /// Reads the pairs that are new.
    fn refresh(&mut self) {
        let skip = (self.pairs.len() * PAIR) as u64;
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(skip))?;
            file.read_to_end(&mut bytes)
        });
        if read.is_ok() {
            self.pairs.extend(bytes.as_chunks::<PAIR>().0.iter().map(|pair| {
                let (nanos, length) = pair.split_at(8);
                let nanos = i64::from_le_bytes(nanos.try_into().expect("half a pair"));
                let length = u64::from_le_bytes(length.try_into().expect("half a pair"));
                (Timestamp::from_nanosecond(nanos.into()).unwrap_or_default(), length)
            }));
        }
    }

    /// Returns when the byte at an offset was written.
    pub(super) fn at(&mut self, offset: u64) -> Timestamp {
        if self.pairs.last().is_none_or(|(_, length)| *length <= offset) {
            self.refresh();
        }
        let index = self.pairs.partition_point(|(_, length)| *length <= offset);
        self.pairs.get(index).map_or_else(Timestamp::now, |(time, _)| *time)
    }

    /// Returns where the first line begins that was written at a time or later.
    pub(super) fn offset_at(&self, log: &Path, since: Timestamp) -> io::Result<u64> {
        let index = self.pairs.partition_point(|(time, _)| *time < since);
        let Some(index) = index.checked_sub(1) else { return Ok(0) };
        let offset = self.pairs[index].1;
        // A line that was written in pieces is of the time of its first one.
        let mut file = File::open(log)?;
        file.seek(SeekFrom::Start(offset - 1))?;
        let mut at = offset - 1;
        for byte in io::BufReader::new(file).bytes() {
            at += 1;
            if byte? == b'\n' {
                break;
            }
        }
        Ok(at)
    }
}

//! Containers' logs: a file per run, as the container writes it, and beside it the times of its lines.

mod clock;
mod lines;
mod times;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
    sync::mpsc,
    time::timeout,
};

pub(super) use clock::{LogClock, OpenLog};

use crate::lab::apiserver::{BackendError, ByteStream, LogRequest};
use lines::Lines;
use times::Times;

/// Pieces waiting for the client.
const PIECES: usize = 16;
/// Largest piece.
const PIECE: usize = 16 * 1024;
/// How long a followed file is left alone when nothing tells of changes.
const LOOK: Duration = Duration::from_secs(1);

/// Returns the log file of a container's run; runs are counted from 0.
pub(super) fn file(dir: &Path, run: u32) -> PathBuf {
    dir.join(format!("{run}.log"))
}

/// Opens the log of a container's latest run, or of the one before.
pub(super) async fn open(
    clock: LogClock,
    dir: PathBuf,
    request: LogRequest,
) -> Result<ByteStream, BackendError> {
    let container = request.container.clone();
    let missing = |reason| BackendError::NoContainer { container: container.clone(), reason };
    let mut runs = runs(&dir);
    if request.previous {
        runs.pop();
    }
    let run = runs.pop().ok_or_else(|| {
        missing(if request.previous { "it has no previous run" } else { "it has not started yet" })
    })?;
    let path = file(&dir, run);
    let failed = |source| BackendError::Start { what: "reading the log".to_owned(), source };
    let times = Times::of(&path);
    let mut start = request.since.map_or(Ok(0), |since| times.offset_at(&path, since));
    if let (Ok(from), Some(count)) = (&mut start, request.tail_lines) {
        *from = (*from).max(tail(&path, count).map_err(failed)?);
    }
    follow(clock, path, start.map_err(failed)?, request).await.map_err(failed)
}

/// Follows a run's file from an offset, whatever was written before.
pub(super) async fn follow(
    clock: LogClock,
    path: PathBuf,
    start: u64,
    request: LogRequest,
) -> io::Result<ByteStream> {
    let mut log = File::open(&path).await?;
    log.seek(io::SeekFrom::Start(start)).await?;
    let (sender, receiver) = mpsc::channel(PIECES);
    let stamps = request.timestamps.then(|| Lines::new(Times::of(&path), start));
    let sending = Sending {
        left: request.limit_bytes.unwrap_or(u64::MAX),
        follow: request.follow && !request.previous,
        stamps,
        clock,
        path,
    };
    tokio::spawn(async move {
        // A client that has gone, or a file that has, ends the stream.
        sending.run(log, sender).await.ok();
    });
    Ok(receiver)
}

/// Returns the numbers of a container's runs, oldest first.
pub(super) fn runs(dir: &Path) -> Vec<u32> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut runs: Vec<u32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".log")?.parse().ok())
        .collect();
    runs.sort_unstable();
    runs
}

/// Returns where the last `lines` lines begin.
fn tail(path: &Path, lines: u64) -> io::Result<u64> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = fs::File::open(path)?;
    let end = file.seek(SeekFrom::End(0))?;
    if lines == 0 {
        return Ok(end);
    }
    let mut block = vec![0; PIECE];
    let (mut at, mut seen) = (end, 0);
    while at > 0 {
        let length = at.min(PIECE as u64);
        at -= length;
        file.seek(SeekFrom::Start(at))?;
        let block = &mut block[..usize::try_from(length).expect("at most a piece")];
        file.read_exact(block)?;
        for (index, _) in block.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            let after = at + index as u64 + 1;
            // The last line's own end does not count.
            if after < end {
                seen += 1;
            }
            if seen == lines {
                return Ok(after);
            }
        }
    }
    Ok(0)
}

/// A log on its way to a client.
struct Sending {
    left: u64,
    follow: bool,
    stamps: Option<Lines>,
    clock: LogClock,
    path: PathBuf,
}

impl Sending {
    async fn run(mut self, mut log: File, to: mpsc::Sender<Bytes>) -> io::Result<()> {
        let mut buffer = vec![0; PIECE];
        let mut ticks = self.clock.ticks();
        loop {
            ticks.mark_unchanged();
            // Before the file is read to its end: what is written later is read in the next round.
            let open = self.follow && self.clock.is_open(&self.path);
            let length = log.read(&mut buffer).await?;
            if length > 0 {
                let piece = match &mut self.stamps {
                    Some(lines) => lines.stamp(&buffer[..length]),
                    None => Bytes::copy_from_slice(&buffer[..length]),
                };
                if !self.send(piece, &to).await {
                    return Ok(());
                }
                continue;
            }
            if !open {
                if let Some(rest) = self.stamps.as_mut().and_then(Lines::finish) {
                    self.send(rest, &to).await;
                }
                return Ok(());
            }
            tokio::select! {
                _ = timeout(LOOK, ticks.changed()) => {}
                () = to.closed() => return Ok(()),
            }
        }
    }

    /// Sends a piece as far as the limit allows; false when nothing more is wanted.
    async fn send(&mut self, mut piece: Bytes, to: &mpsc::Sender<Bytes>) -> bool {
        piece.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= piece.len() as u64;
        (piece.is_empty() || to.send(piece).await.is_ok()) && self.left > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_begins_at_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(dir.path(), 0);
        fs::write(&path, "one\ntwo\nthree\n").unwrap();
        for (lines, start) in [(0, 14), (1, 8), (2, 4), (3, 0), (9, 0)] {
            assert_eq!(tail(&path, lines).unwrap(), start, "{lines}");
        }
        fs::write(&path, "one\ntwo").unwrap();
        assert_eq!(tail(&path, 1).unwrap(), 4);
        fs::write(&path, "x\n".repeat(PIECE)).unwrap();
        let long = 2 * PIECE as u64;
        assert_eq!(tail(&path, PIECE as u64 - 1).unwrap(), 2);
        assert_eq!(tail(&path, 1).unwrap(), long - 2);
    }

    fn request(follow: bool) -> LogRequest {
        LogRequest {
            pod: crate::lab::apiserver::PodRef {
                namespace: "n".into(),
                name: "p".into(),
                uid: "u".into(),
                node: "node-1".into(),
            },
            container: "c".into(),
            follow,
            previous: false,
            tail_lines: None,
            limit_bytes: None,
            since: None,
            timestamps: false,
        }
    }

    async fn text(mut stream: ByteStream) -> String {
        let mut all = Vec::new();
        while let Some(piece) = stream.recv().await {
            all.extend_from_slice(&piece);
        }
        String::from_utf8(all).unwrap()
    }

    #[tokio::test]
    async fn a_followed_log_ends_with_its_run() {
        let dir = tempfile::tempdir().unwrap();
        let clock = LogClock::start().unwrap();
        let path = file(dir.path(), 0);
        let mut log = fs::File::create(&path).unwrap();
        let entry = clock.watch(&path).unwrap();
        let stream = open(clock.clone(), dir.path().into(), request(true)).await.unwrap();
        let reader = tokio::spawn(text(stream));
        for _ in 0..3 {
            io::Write::write_all(&mut log, b"line\n").unwrap();
            tokio::task::yield_now().await;
        }
        drop(entry);
        assert_eq!(reader.await.unwrap(), "line\n".repeat(3));
    }

    #[tokio::test]
    async fn lines_are_stamped_limited_and_cut_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let clock = LogClock::start().unwrap();
        let path = file(dir.path(), 0);
        fs::write(&path, "").unwrap();
        let begun = jiff::Timestamp::now();
        let entry = clock.watch(&path).unwrap();
        fs::write(&path, "one\ntwo\n").unwrap();
        drop(entry);
        let later = jiff::Timestamp::now();
        let read = |change: &dyn Fn(&mut LogRequest)| {
            let mut request = request(false);
            change(&mut request);
            let open = open(clock.clone(), dir.path().into(), request);
            async { text(open.await.unwrap()).await }
        };
        let stamped = read(&|request| request.timestamps = true).await;
        for (line, end) in stamped.lines().zip(["one", "two"]) {
            let (time, rest) = line.split_once(' ').unwrap();
            let time: jiff::Timestamp = time.parse().unwrap();
            assert!(begun <= time && time <= later, "{line}");
            assert_eq!(rest, end);
        }
        assert_eq!(read(&|request| request.limit_bytes = Some(5)).await, "one\nt");
        assert_eq!(read(&|request| request.since = Some(begun)).await, "one\ntwo\n");
        assert_eq!(read(&|request| request.since = Some(later)).await, "");
        assert_eq!(read(&|request| request.tail_lines = Some(1)).await, "two\n");
    }
}

//! Reading containers' log files.

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
    time::sleep,
};

use crate::lab::apiserver::{BackendError, ByteStream, LogRequest};

/// Pieces waiting for the client.
const PIECES: usize = 16;
/// Largest piece.
const PIECE: usize = 16 * 1024;
/// How often a followed file is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Opens the log of a container's latest run, or of the one before.
pub(super) async fn open(dir: PathBuf, request: LogRequest) -> Result<ByteStream, BackendError> {
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
    let mut log = File::open(&path).await.map_err(failed)?;
    if let Some(lines) = request.tail_lines {
        let start = tail(&path, lines).map_err(failed)?;
        log.seek(io::SeekFrom::Start(start)).await.map_err(failed)?;
    }
    let (sender, receiver) = mpsc::channel(PIECES);
    tokio::spawn(async move {
        // A client that has gone, or a file that has, ends the stream.
        send(log, dir, run, request, sender).await.ok();
    });
    Ok(receiver)
}

fn file(dir: &Path, run: u32) -> PathBuf {
    dir.join(format!("{run}.log"))
}

/// Returns the numbers of a container's runs, oldest first.
fn runs(dir: &Path) -> Vec<u32> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut runs: Vec<u32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".log")?.parse().ok())
        .collect();
    runs.sort_unstable();
    runs
}

/// Returns where the last `lines` lines begin.
fn tail(path: &Path, lines: u64) -> io::Result<u64> {
    let text = fs::read(path)?;
    let ends = text.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    // The last line's own end does not count.
    let skip = usize::try_from(lines).unwrap_or(usize::MAX);
    let last = usize::from(text.last() == Some(&b'\n'));
    let before = ends.map(|(at, _)| at + 1).nth(skip.saturating_add(last).saturating_sub(1));
    Ok(if lines == 0 { text.len() as u64 } else { before.unwrap_or(0) as u64 })
}

async fn send(
    mut log: File,
    dir: PathBuf,
    mut run: u32,
    request: LogRequest,
    to: mpsc::Sender<Bytes>,
) -> io::Result<()> {
    let mut left = request.limit_bytes.unwrap_or(u64::MAX);
    let mut buffer = vec![0; PIECE];
    loop {
        let length = log.read(&mut buffer).await?;
        if length > 0 {
            let length = length.min(usize::try_from(left).unwrap_or(usize::MAX));
            left -= length as u64;
            let piece = Bytes::copy_from_slice(&buffer[..length]);
            if to.send(piece).await.is_err() || left == 0 {
                return Ok(());
            }
            continue;
        }
        if !request.follow {
            return Ok(());
        }
        // The container was started again: its log goes on in the next file.
        if !request.previous && runs(&dir).last().is_some_and(|latest| *latest > run) {
            run += 1;
            log = File::open(file(&dir, run)).await?;
            continue;
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            () = to.closed() => return Ok(()),
        }
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
    }
}

//! Writes lines to a file or stdout.

use std::{fmt::Write as _, io, sync::atomic::Ordering};

use tokio::sync::mpsc::{self, error::TryRecvError};
use tracing::{info, warn};

use super::{board::Counts, file::Sink};

/// Bytes that are written at once.
const PORTION: usize = 64 << 10;

/// Writes lines as they come, many at once when they come fast. What cannot be written is lost, and counted.
pub(super) fn write(
    name: &str,
    open: impl Fn() -> io::Result<Sink>,
    mut lines: mpsc::Receiver<String>,
    counts: &Counts,
) {
    let mut sink = None;
    let mut lost = 0_u64;
    while let Some(first) = lines.blocking_recv() {
        let mut portion = String::new();
        let mut count = 1;
        let _ = writeln!(portion, "{first}");
        while portion.len() < PORTION {
            match lines.try_recv() {
                Ok(line) => {
                    count += 1;
                    let _ = writeln!(portion, "{line}");
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let written = sink.take().map_or_else(&open, Ok).and_then(|mut opened| {
            let written = opened.write(portion.as_bytes());
            sink = Some(opened);
            written
        });
        match written {
            Ok(()) => {
                if lost > 0 {
                    info!(name, lost, "flows are written again");
                    lost = 0;
                }
                counts.exported.fetch_add(count, Ordering::Relaxed);
            }
            Err(error) => {
                if lost == 0 {
                    warn!(name, %error, "flows are not written");
                }
                lost += count;
                counts.lost.fetch_add(count, Ordering::Relaxed);
            }
        }
    }
    if lost > 0 {
        warn!(name, lost, "the export ends with flows that were not written");
    }
}

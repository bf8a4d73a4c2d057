//! Blocks to segments, within the budget.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use tracing::warn;

use super::{
    Lane,
    block::Head,
    segment::{Place, START, Segment},
    shelf::{Kept, Shelf},
    summary::Summary,
};

/// A lane is cut into so many segments, one of which goes when there is no room.
const SEGMENTS: u64 = 16;
/// Segments are not smaller or larger: while one is summed up, which takes time for each of its flows, new ones wait.
const SIZES: (u64, u64) = (64 << 10, 2 << 20);

/// The only one who changes the directory.
#[derive(Debug)]
pub(super) struct Writer {
    dir: PathBuf,
    budget: u64,
    /// Number of the next segment.
    next: u64,
    /// Segments that grow.
    open: [Option<Open>; Lane::ALL.len()],
}

/// A segment that grows.
#[derive(Debug)]
struct Open {
    segment: Arc<Segment>,
    file: File,
    end: u64,
}

impl Writer {
    /// Puts what earlier agents left on the shelf. Flows say who speaks with whom: that is for the agent's user only.
    ///
    /// # Errors
    /// When there is no directory and none can be made, or it cannot be listed.
    pub(super) fn open(dir: &Path, budget: u64, shelf: &Shelf) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(dir)? {
            found.extend(Segment::named(entry?.path()));
        }
        found.sort_by_key(|segment| segment.number);
        let next = found.last().map_or(0, |newest| newest.number + 1);
        for segment in found {
            take_in(segment, shelf);
        }
        let mut this = Self { dir: dir.to_owned(), budget, next, open: Default::default() };
        // The budget may have been larger.
        Lane::ALL.into_iter().try_for_each(|lane| this.make_room(lane, 0, shelf))?;
        Ok(this)
    }

    /// Adds a block, all of it or nothing.
    ///
    /// # Errors
    /// When the disk is full or fails; a later block may be luckier.
    pub(super) fn append(
        &mut self,
        lane: Lane,
        (head, bytes): (Head, &[u8]),
        shelf: &Shelf,
    ) -> io::Result<()> {
        let length = bytes.len() as u64;
        self.make_room(lane, length + START as u64, shelf)?;
        let most = (lane.share(self.budget) / SEGMENTS).clamp(SIZES.0, SIZES.1);
        let goes_on = self.open[lane.place()].take().filter(|open| {
            let has_room = open.end == START as u64 || open.end + length <= most;
            // Somebody may have tidied up.
            has_room && open.segment.path.exists()
        });
        let mut open = goes_on.map_or_else(|| self.begin(lane, shelf), Ok)?;
        let offset = open.end;
        let written = open.file.write_all_at(bytes, offset);
        match &written {
            Ok(()) => {
                open.end += length;
                shelf.add(lane, Place { offset, head }, length);
            }
            // The next block overwrites what was written of this one; a reader finds less to skip without it.
            Err(_) => drop(open.file.set_len(offset)),
        }
        self.open[lane.place()] = Some(open);
        written
    }

    fn begin(&mut self, lane: Lane, shelf: &Shelf) -> io::Result<Open> {
        let segment = Segment::new(&self.dir, lane, self.next);
        let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&segment.path);
        // Somebody may have tidied up more.
        let file = match new {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&segment.path)?
            }
            opened => opened?,
        };
        self.next += 1;
        if let Err(error) = file.write_all_at(&segment.start(), 0) {
            let _ = fs::remove_file(&segment.path);
            return Err(error);
        }
        let segment = Arc::new(segment);
        shelf.begin(Arc::clone(&segment));
        Ok(Open { segment, file, end: START as u64 })
    }

    /// Removes the oldest segments of a lane until so many bytes fit. Of records a summary is left, which comes to disk
    /// after they went: the disk may be full.
    fn make_room(&mut self, lane: Lane, bytes: u64, shelf: &Shelf) -> io::Result<()> {
        while shelf.bytes(lane) + bytes > lane.share(self.budget) {
            let Some(oldest) = shelf.oldest(lane) else { break };
            let left = if lane == Lane::Summary { Vec::new() } else { sum_up(&oldest, shelf) };
            match fs::remove_file(&oldest.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => shelf.remove(&oldest),
            }
            self.open[lane.place()].take_if(|open| open.segment == oldest);
            for (head, bytes) in left {
                self.append(Lane::Summary, (head, &bytes), shelf)?;
            }
        }
        Ok(())
    }
}

/// Sums up what can be read of a segment.
fn sum_up(segment: &Segment, shelf: &Shelf) -> Vec<(Head, Vec<u8>)> {
    let mut summary = Summary::default();
    for place in shelf.blocks_of(segment) {
        let entries = segment.read(&place).ok().flatten().unwrap_or_default();
        entries.into_iter().for_each(|entry| summary.add(*entry.flow));
    }
    summary.finish()
}

/// Puts a segment on the shelf, unless it cannot be read: then it stays where it is, for whoever can.
fn take_in(segment: Segment, shelf: &Shelf) {
    let file = segment.path.display().to_string();
    match segment.scan() {
        Ok(contents) => {
            if contents.damaged > 0 {
                warn!(file, bytes = contents.damaged, "flows of the history are damaged");
            }
            let blocks = contents.blocks;
            let bytes = fs::metadata(&segment.path).map_or(0, |metadata| metadata.len());
            shelf.put(Kept { segment: Arc::new(segment), blocks, bytes });
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            warn!(
                file,
                error, "a file of the history is left alone, and takes room on top of the budget"
            );
        }
    }
}

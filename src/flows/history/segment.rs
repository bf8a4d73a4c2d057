//! Files of blocks.
//!
//! A segment begins with sixteen bytes that say what it is; then there are blocks. Its name is that of its lane and a
//! number that only rises.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::{
    block::{Entry, HEAD, Head, MAGIC, unpack},
    lane::Lane,
};

/// How a segment begins.
const SEGMENT: [u8; 8] = *b"skepflow";
/// How what follows is laid out. An agent leaves segments of other versions alone.
const VERSION: u32 = 1;
/// Bytes before the first block.
pub(super) const START: usize = 16;
/// Bytes that are searched at a time for where blocks go on.
const WINDOW: usize = 64 << 10;
/// How segments end.
const SUFFIX: &str = ".flows";

/// Which segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) lane: Lane,
    pub(super) number: u64,
}

/// A segment cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum SegmentError {
    #[error("reading failed")]
    Read(#[from] io::Error),
    #[error("it has layout {0}, and this version reads {VERSION}")]
    Version(u32),
    #[error("it does not begin like a segment of its name")]
    Foreign,
}

/// Where a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) head: Head,
}

/// What is in a segment.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) blocks: Vec<Place>,
    /// Bytes that belong to no block.
    pub(super) damaged: u64,
}

impl Segment {
    /// Names a segment.
    pub(super) fn new(dir: &Path, lane: Lane, number: u64) -> Self {
        let path = dir.join(format!("{}-{number:016x}{SUFFIX}", lane.name()));
        Self { path, lane, number }
    }

    /// Returns which segment a file is, by its name.
    pub(super) fn named(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
        let (lane, number) = name.split_once('-')?;
        let lane = Lane::ALL.into_iter().find(|known| known.name() == lane)?;
        let number = u64::from_str_radix(number, 16).ok()?;
        Some(Self { path, lane, number })
    }

    /// Returns how it begins.
    pub(super) fn start(&self) -> [u8; START] {
        let lane = u32::try_from(self.lane.place()).expect("there are few");
        let mut bytes = [0; START];
        bytes[..8].copy_from_slice(&SEGMENT);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..].copy_from_slice(&lane.to_le_bytes());
        bytes
    }

    /// Walks over its blocks, without looking into them.
    ///
    /// # Errors
    /// When it is not one of ours, or the disk fails.
    pub(super) fn scan(&self) -> Result<Contents, SegmentError> {
        let file = File::open(&self.path)?;
        let end = file.metadata()?.len();
        let mut start = [0; START];
        let read = read_up_to(&file, &mut start, 0)?;
        let mut contents = Contents::default();
        // It was begun when the disk was full, or the machine went down.
        if read < START && self.start().starts_with(&start[..read]) {
            contents.damaged = read as u64;
            return Ok(contents);
        }
        if start != self.start() {
            let version = u32::from_le_bytes([start[8], start[9], start[10], start[11]]);
            let is_other = start.starts_with(&SEGMENT) && version != VERSION;
            return Err(if is_other {
                SegmentError::Version(version)
            } else {
                SegmentError::Foreign
            });
        }
        let mut offset = START as u64;
        while offset < end {
            if let Some(head) = head_at(&file, offset, end)? {
                contents.blocks.push(Place { offset, head });
                offset += HEAD as u64 + u64::from(head.stored);
            } else {
                let next = next_head(&file, offset + 1, end)?.unwrap_or(end);
                contents.damaged += next - offset;
                offset = next;
            }
        }
        Ok(contents)
    }

    /// Reads the flows of a block; `None` if it is damaged.
    ///
    /// # Errors
    /// When the file is gone, or the disk fails.
    pub(super) fn read(&self, place: &Place) -> io::Result<Option<Vec<Entry>>> {
        let mut stored = vec![0; place.head.stored as usize];
        let file = File::open(&self.path)?;
        let read = read_up_to(&file, &mut stored, place.offset + HEAD as u64)?;
        Ok(unpack(&place.head, &stored[..read]))
    }
}

/// Returns the head there, if it is whole and so is its block.
fn head_at(file: &File, offset: u64, end: u64) -> io::Result<Option<Head>> {
    let mut bytes = [0; HEAD];
    let read = read_up_to(file, &mut bytes, offset)?;
    let head = Head::parse(&bytes[..read]);
    Ok(head.filter(|head| offset + HEAD as u64 + u64::from(head.stored) <= end))
}

/// Searches for where blocks go on.
fn next_head(file: &File, from: u64, end: u64) -> io::Result<Option<u64>> {
    let mut window = vec![0; WINDOW];
    let mut offset = from;
    while offset < end {
        let read = read_up_to(file, &mut window, offset)?;
        for at in 0..read {
            let found = offset + at as u64;
            if window[at..read].starts_with(&MAGIC) && head_at(file, found, end)?.is_some() {
                return Ok(Some(found));
            }
        }
        // The beginning of a head may be at the end of the window.
        let step = read.saturating_sub(MAGIC.len() - 1);
        if step == 0 || read < WINDOW {
            break;
        }
        offset += step as u64;
    }
    Ok(None)
}

/// Reads until the buffer is full or the file ends.
fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

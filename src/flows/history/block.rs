//! Flows that are compressed together: a head that says what is in it, and the flows.
//!
//! All numbers are little endian. The head is checked by itself, so that a reader can walk over blocks, and find the
//! next one after damage, without looking into them.

use std::io::{Read as _, Write as _};

use flate2::{Compression, Crc, read::DeflateDecoder, write::DeflateEncoder};
use jiff::Timestamp;

use crate::hubble::flow::Flow;

/// How a block begins.
pub(super) const MAGIC: [u8; 4] = *b"SKBK";
/// Bytes of a head.
pub(super) const HEAD: usize = 64;
/// Bytes of flows at which a block is full, whatever its number of flows.
const FULL: usize = 1 << 20;
/// No block has more bytes of flows: those that say so are not to take the agent's memory.
const MOST: u32 = 8 << 20;

/// What a block says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes on disk after the head.
    pub(super) stored: u32,
    /// Bytes of the flows.
    pub(super) raw: u32,
    pub(super) flows: u32,
    /// Times of the oldest and the newest flow, in nanoseconds since 1970.
    pub(super) first: i64,
    pub(super) last: i64,
    /// Which agent has written it: sequences of others mean nothing.
    pub(super) run: u64,
    /// Least and greatest sequence.
    pub(super) low: u64,
    pub(super) high: u64,
    /// Of the stored bytes.
    pub(super) checksum: u32,
}

impl Head {
    pub(super) fn to_bytes(self) -> [u8; HEAD] {
        let mut bytes = Vec::with_capacity(HEAD);
        bytes.extend(MAGIC);
        for number in [self.stored, self.raw, self.flows] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.first.to_le_bytes());
        bytes.extend(self.last.to_le_bytes());
        for number in [self.run, self.low, self.high] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.checksum.to_le_bytes());
        let own = checksum(&bytes);
        bytes.extend(own.to_le_bytes());
        bytes.try_into().expect("as long as all of it together")
    }

    /// Returns the head, if it is one and whole.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (checked, own) = bytes.get(..HEAD)?.split_at(HEAD - 4);
        let mut rest = checked.strip_prefix(&MAGIC)?;
        if checksum(checked).to_le_bytes() != own {
            return None;
        }
        let head = Self {
            stored: u32::from_le_bytes(take(&mut rest)?),
            raw: u32::from_le_bytes(take(&mut rest)?),
            flows: u32::from_le_bytes(take(&mut rest)?),
            first: i64::from_le_bytes(take(&mut rest)?),
            last: i64::from_le_bytes(take(&mut rest)?),
            run: u64::from_le_bytes(take(&mut rest)?),
            low: u64::from_le_bytes(take(&mut rest)?),
            high: u64::from_le_bytes(take(&mut rest)?),
            checksum: u32::from_le_bytes(take(&mut rest)?),
        };
        (head.raw <= MOST && head.stored <= MOST).then_some(head)
    }
}

/// A flow in a block.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) sequence: u64,
    pub(super) flow: Box<Flow>,
}

/// A block that is being made.
#[derive(Debug)]
pub(super) struct Packer {
    head: Head,
    raw: Vec<u8>,
}

impl Packer {
    /// Starts with nothing.
    pub(super) fn new(run: u64) -> Self {
        let head = Head { run, first: i64::MAX, last: i64::MIN, low: u64::MAX, ..Head::default() };
        Self { head, raw: Vec::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.raw.len() >= FULL
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    pub(super) fn add(&mut self, sequence: u64, flow: &Flow) {
        let (head, time) = (&mut self.head, nanoseconds(flow.moment()));
        head.flows += 1;
        head.first = head.first.min(time);
        head.last = head.last.max(time);
        head.low = head.low.min(sequence);
        head.high = head.high.max(sequence);
        self.raw.extend(sequence.to_le_bytes());
        flow.append_to(&mut self.raw);
    }

    /// Returns the head, and the whole block as it goes to disk.
    pub(super) fn finish(mut self) -> (Head, Vec<u8>) {
        let mut packed = DeflateEncoder::new(vec![0; HEAD], Compression::fast());
        packed.write_all(&self.raw).expect("a vector grows as needed");
        let mut packed = packed.finish().expect("a vector grows as needed");
        let length = |bytes: usize| u32::try_from(bytes).expect("blocks are small");
        self.head.raw = length(self.raw.len());
        self.head.stored = length(packed.len() - HEAD);
        self.head.checksum = checksum(&packed[HEAD..]);
        packed[..HEAD].copy_from_slice(&self.head.to_bytes());
        (self.head, packed)
    }
}

/// Returns the flows of a block; `None` if its bytes are not those that were written.
pub(super) fn unpack(head: &Head, stored: &[u8]) -> Option<Vec<Entry>> {
    if checksum(stored) != head.checksum {
        return None;
    }
    let mut raw = Vec::with_capacity(head.raw as usize);
    DeflateDecoder::new(stored).take(head.raw.into()).read_to_end(&mut raw).ok()?;
    let mut rest = raw.as_slice();
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let sequence = u64::from_le_bytes(take(&mut rest)?);
        entries.push(Entry { sequence, flow: Flow::take_from(&mut rest)?.into() });
    }
    Some(entries)
}

/// Returns a time as blocks have it; what is out of their range is at its end.
pub(super) fn nanoseconds(time: Timestamp) -> i64 {
    let nanoseconds = time.as_nanosecond();
    i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

//! What a reader gets from disk, block by block.

use std::{
    collections::VecDeque,
    iter::Peekable,
    sync::{Arc, atomic::Ordering},
    vec,
};

use jiff::Timestamp;
use tokio::task::JoinHandle;
use tracing::warn;

use super::{
    History, Lane,
    block::{Entry, nanoseconds},
    shelf::Block,
};
use crate::{
    flows::{Matcher, Request},
    hubble::flow::Flow,
};

/// Blocks whose times overlap that are open at a time. Beyond that, which takes a clock that jumps back and forth,
/// flows come out of order rather than all at once into memory.
const OPEN: usize = 16;
/// Flows that go out together.
const PORTION: usize = 128;

/// Which flows of those that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::flows) enum Wanted {
    All,
    /// The newest ones.
    Newest {
        count: usize,
        /// When those that match were seen that are in memory, newest first.
        known: Vec<Timestamp>,
    },
}

/// Where the newest flows begin, of memory and disk together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flows) struct Cut {
    /// Older ones are left out,
    pub(in crate::flows) since: Timestamp,
    /// and so many of the others.
    pub(in crate::flows) skip: usize,
}

/// Some flows from disk.
#[derive(Debug, Default)]
pub(in crate::flows) struct Portion {
    /// In order.
    pub(in crate::flows) flows: Vec<Flow>,
    /// Flows that cannot be read, or were removed before they were.
    pub(in crate::flows) lost: u64,
    /// Comes before the first flow, if at all.
    pub(in crate::flows) cut: Option<Cut>,
}

/// A reader's way through what is on disk. It costs a few open blocks, however much there is.
pub(in crate::flows) struct Past {
    /// Not here while it works.
    reader: Option<Reader>,
    work: Option<JoinHandle<(Reader, Option<Portion>)>>,
}

impl Past {
    /// Starts before the first block. What was written since `from` of its lane by this agent is left out.
    pub(in crate::flows) fn new(
        history: Arc<History>,
        request: &Request,
        matcher: Matcher,
        from: [u64; 2],
        wanted: Wanted,
    ) -> Self {
        let since = request.since.map_or(i64::MIN, nanoseconds);
        let until = request.until.map_or(i64::MAX, nanoseconds);
        let reader = Reader { history, matcher, from, since, until, state: State::New(wanted) };
        Self { reader: Some(reader), work: None }
    }

    /// Returns the next flows, which may be none; `None` at the end. Dropping the future loses nothing, and dropping
    /// this ends the work after the block at hand.
    pub(in crate::flows) async fn next(&mut self) -> Option<Portion> {
        if let Some(mut reader) = self.reader.take() {
            self.work = Some(tokio::task::spawn_blocking(move || {
                let portion = reader.step();
                (reader, portion)
            }));
        }
        let done = self.work.as_mut()?.await;
        self.work = None;
        // An error means that the agent ends.
        let (reader, portion) = done.ok()?;
        self.reader = Some(reader);
        portion
    }
}

struct Reader {
    history: Arc<History>,
    matcher: Matcher,
    from: [u64; 2],
    since: i64,
    until: i64,
    state: State,
}

enum State {
    New(Wanted),
    Count(Count),
    Merge(Merge),
}

/// Looks for where the newest flows begin.
struct Count {
    /// By the time of their last flow; the newest is at the end.
    left: Vec<Block>,
    wanted: usize,
    /// In memory, newest first.
    known: Vec<i64>,
    /// On disk.
    found: usize,
    /// No flow that was counted is older.
    oldest: i64,
}

/// Flows of all lanes and agents in the order of time.
struct Merge {
    /// By the time of their first flow.
    left: VecDeque<Block>,
    open: Vec<Peekable<vec::IntoIter<Entry>>>,
}

impl Reader {
    /// Does what takes one block.
    fn step(&mut self) -> Option<Portion> {
        let mut portion = Portion::default();
        let nothing = State::Merge(Vec::new().into());
        self.state = match std::mem::replace(&mut self.state, nothing) {
            State::New(wanted) => self.start(wanted),
            State::Count(count) => self.count(count, &mut portion),
            State::Merge(mut merge) => {
                if merge.left.is_empty() && merge.open.is_empty() {
                    return None;
                }
                self.merge(&mut merge, &mut portion);
                State::Merge(merge)
            }
        };
        Some(portion)
    }

    fn start(&self, wanted: Wanted) -> State {
        self.history.opened.wait();
        match wanted {
            Wanted::All => State::Merge(self.blocks().into()),
            Wanted::Newest { count, known } => {
                let mut left = self.blocks();
                left.sort_by_key(|block| block.place.head.last);
                let known = known.into_iter().map(nanoseconds).collect();
                State::Count(Count { left, wanted: count, known, found: 0, oldest: i64::MAX })
            }
        }
    }

    /// Returns the blocks that may have what is asked for.
    fn blocks(&self) -> Vec<Block> {
        self.history.shelf.blocks(|lane, place| {
            let head = &place.head;
            let is_known = head.low >= self.from(lane, head.run);
            head.last >= self.since && head.first <= self.until && !is_known
        })
    }

    /// Counts the matches of one block. When there are enough, blocks that end later than the oldest of them begins
    /// are still looked into; then what is older is not asked for any more.
    fn count(&mut self, mut count: Count, portion: &mut Portion) -> State {
        let is_enough = count.total() >= count.wanted;
        let next = count.left.pop_if(|b| !is_enough || b.place.head.last >= count.oldest);
        let Some(block) = next else {
            let since = if is_enough { count.oldest } else { i64::MIN };
            count.oldest = since;
            let skip = count.total().saturating_sub(count.wanted);
            self.since = self.since.max(since);
            portion.cut = Some(Cut { since: timestamp(since), skip });
            return State::Merge(self.blocks().into());
        };
        if !is_enough {
            count.oldest = count.oldest.min(block.place.head.first);
        }
        // What is lost now is told when it is read.
        let entries = self.load(&block, &mut Portion::default());
        let oldest = count.oldest;
        count.found += entries.iter().filter(|entry| time(entry) >= oldest).count();
        State::Count(count)
    }

    /// Opens the next block if its flows may be next, else takes flows that are older than it.
    fn merge(&mut self, merge: &mut Merge, portion: &mut Portion) {
        let next = merge.left.front().map(|block| block.place.head.first);
        let oldest = merge.open.iter_mut().filter_map(|open| open.peek().map(time)).min();
        let is_next = next.is_some_and(|next| oldest.is_none_or(|oldest| next <= oldest));
        if is_next && merge.open.len() < OPEN {
            let Some(block) = merge.left.pop_front() else { return };
            let mut entries = self.load(&block, portion);
            entries.sort_by_key(|entry| (time(entry), entry.sequence));
            merge.open.push(entries.into_iter().peekable());
        } else {
            let end = next.filter(|_| !is_next).unwrap_or(i64::MAX);
            merge.take(end, PORTION, &mut portion.flows);
        }
        merge.open.retain_mut(|open| open.peek().is_some());
    }

    /// Reads the flows of a block that are asked for.
    fn load(&self, block: &Block, portion: &mut Portion) -> Vec<Entry> {
        let head = &block.place.head;
        let entries = match block.segment.read(&block.place) {
            Ok(Some(entries)) => entries,
            unreadable => {
                portion.lost += u64::from(head.flows);
                self.note(block, unreadable.err());
                return Vec::new();
            }
        };
        let from = self.from(block.segment.lane, head.run);
        let is_wanted = |entry: &Entry| {
            entry.sequence < from && time(entry) >= self.since && self.matcher.matches(&entry.flow)
        };
        entries.into_iter().filter(is_wanted).collect()
    }

    /// Returns from which sequence on flows are known from memory.
    fn from(&self, lane: Lane, run: u64) -> u64 {
        let own = self.from.get(lane.place()).filter(|_| run == self.history.run);
        own.copied().unwrap_or(u64::MAX)
    }

    /// A block whose segment had to make room is no fault.
    fn note(&self, block: &Block, error: Option<std::io::Error>) {
        let file = block.segment.path.display();
        match error {
            Some(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Some(error) => warn!(%file, %error, "flows of the history cannot be read"),
            None => warn!(%file, offset = block.place.offset, "flows of the history are damaged"),
        }
        self.history.damaged.fetch_add(block.place.head.flows.into(), Ordering::Relaxed);
    }
}

impl Count {
    /// Returns how many flows match that are not older than the oldest.
    fn total(&self) -> usize {
        self.found + self.known.partition_point(|time| *time >= self.oldest)
    }
}

impl From<Vec<Block>> for Merge {
    fn from(mut blocks: Vec<Block>) -> Self {
        blocks.sort_by_key(|block| block.place.head.first);
        Self { left: blocks.into(), open: Vec::new() }
    }
}

impl Merge {
    /// Takes open flows that are older than `end`.
    fn take(&mut self, end: i64, most: usize, flows: &mut Vec<Flow>) {
        while flows.len() < most {
            let first = |open: &mut Peekable<vec::IntoIter<Entry>>| {
                open.peek().map(|entry| (time(entry), entry.sequence))
            };
            let oldest = self.open.iter_mut().filter_map(|open| Some((first(open)?, open)));
            let Some(((time, _), open)) = oldest.min_by_key(|(key, _)| *key) else { return };
            if time >= end {
                return;
            }
            flows.extend(open.next().map(|entry| *entry.flow));
        }
    }
}

fn time(entry: &Entry) -> i64 {
    nanoseconds(entry.flow.moment())
}

fn timestamp(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(nanoseconds.into()).expect("calendars are longer than 64 bits")
}

//! The history of an observer, and what keeps it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::{Lane, block::Packer, shelf::Shelf, waiting::Waiting, writer::Writer};
use crate::flows::{Observer, Record};

/// Flows wait so long at most, and that many are lost when the agent is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where flows are kept, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistorySettings {
    /// The directory, which is nobody else's.
    pub dir: PathBuf,
    /// Most bytes on disk; a quarter is for drops.
    pub budget: u64,
}

/// What is on disk, and what waits to get there.
#[derive(Debug)]
pub struct History {
    settings: HistorySettings,
    /// Tells sequences of this agent from those of earlier ones.
    pub(super) run: u64,
    pub(super) waiting: Waiting,
    pub(super) shelf: Shelf,
    /// Set when what earlier agents left was looked at.
    pub(super) opened: OnceLock<()>,
    writer: Mutex<Keeper>,
    written: AtomicU64,
    is_failing: AtomicBool,
    pub(super) damaged: AtomicU64,
}

/// What only the one who writes knows.
#[derive(Debug, Default)]
struct Keeper {
    writer: Option<Writer>,
    /// Records that were lost since the disk failed.
    lost: u64,
}

/// How a history is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryStats {
    /// Bytes on disk.
    pub bytes: u64,
    /// Most bytes on disk.
    pub budget: u64,
    /// When the oldest flow was seen.
    pub since: Option<Timestamp>,
    /// Flows written so far.
    pub written: u64,
    /// Events that could not be written so far.
    pub lost: u64,
    /// Flows that were damaged when somebody wanted to read them.
    pub damaged: u64,
    /// The last block could not be written.
    pub is_failing: bool,
}

/// Which records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flows) enum Portion {
    /// As many as make whole blocks.
    Blocks,
    /// All that wait now.
    All,
}

impl History {
    /// Keeps nothing yet, and looks at nothing.
    pub(in crate::flows) fn new(settings: HistorySettings) -> Self {
        Self {
            settings,
            run: rand::random(),
            waiting: Waiting::default(),
            shelf: Shelf::default(),
            opened: OnceLock::new(),
            writer: Mutex::default(),
            written: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
            damaged: AtomicU64::new(0),
        }
    }

    /// Takes records in, whose sequences rise. Never waits for the disk.
    pub(in crate::flows) fn push(&self, records: &[Arc<Record>]) {
        self.waiting.push(records);
    }

    /// Returns what is not on disk and older than `oldest` of its lane, and from which sequence on a lane is complete
    /// with it. Whoever pushes must wait meanwhile.
    pub(in crate::flows) fn before(&self, oldest: [u64; 2]) -> (Vec<Arc<Record>>, [u64; 2]) {
        self.waiting.before(oldest)
    }

    /// Returns how it is doing.
    pub fn stats(&self) -> HistoryStats {
        let since = self.shelf.since();
        HistoryStats {
            bytes: Lane::ALL.into_iter().map(|lane| self.shelf.bytes(lane)).sum(),
            budget: self.settings.budget,
            since: since.and_then(|time| Timestamp::from_nanosecond(time.into()).ok()),
            written: self.written.load(Ordering::Relaxed),
            lost: self.waiting.lost(),
            damaged: self.damaged.load(Ordering::Relaxed),
            is_failing: self.is_failing.load(Ordering::Relaxed),
        }
    }

    /// Writes what waits, for ever: whole blocks at once, the rest before long. Sleeps when nothing waits.
    pub async fn keep(self: Arc<Self>, observer: Arc<Observer>) {
        loop {
            self.write_aside(&observer, Portion::Blocks).await;
            self.waiting.some.notified().await;
            let end = Instant::now() + PATIENCE;
            loop {
                tokio::select! {
                    () = sleep_until(end) => break,
                    () = self.waiting.block.notified() => {
                        self.write_aside(&observer, Portion::Blocks).await;
                    }
                }
            }
            self.write_aside(&observer, Portion::All).await;
            if !self.waiting.is_empty() {
                self.waiting.some.notify_one();
            }
        }
    }

    /// Writes all that waits, before the agent ends.
    pub async fn flush(self: Arc<Self>, observer: Arc<Observer>) {
        self.write_aside(&observer, Portion::All).await;
    }

    /// Disks are slow: that is not for threads that others wait for.
    async fn write_aside(self: &Arc<Self>, observer: &Arc<Observer>, portion: Portion) {
        let (this, observer) = (Arc::clone(self), Arc::clone(observer));
        // An error means that it has panicked, which ends the agent, or that the runtime ends.
        let _ = tokio::task::spawn_blocking(move || this.write(&observer, portion)).await;
    }

    /// Writes; the first time it looks at what is there.
    pub(in crate::flows) fn write(&self, observer: &Observer, portion: Portion) {
        let mut keeper = self.writer.lock().expect("no panic while holding the lock");
        self.open(&mut keeper);
        for lane in Lane::RECORDED {
            let Some(up_to) = self.waiting.newest(lane, portion == Portion::Blocks) else {
                continue;
            };
            loop {
                let records = self.waiting.oldest(lane, up_to);
                if records.is_empty() {
                    break;
                }
                self.write_block(&mut keeper, observer, lane, &records);
            }
        }
    }

    fn open(&self, keeper: &mut MutexGuard<'_, Keeper>) {
        if keeper.writer.is_some() {
            return;
        }
        let HistorySettings { dir, budget } = &self.settings;
        match Writer::open(dir, *budget, &self.shelf) {
            Ok(writer) => keeper.writer = Some(writer),
            Err(error) if self.opened.get().is_none() => {
                warn!(dir = %dir.display(), %error, "there is no history of flows");
            }
            Err(_) => {}
        }
        // Who waits for it gets what there is.
        let _ = self.opened.set(());
    }

    /// Writes records of a lane: all that fit into a block.
    fn write_block(
        &self,
        keeper: &mut Keeper,
        observer: &Observer,
        lane: Lane,
        records: &[Arc<Record>],
    ) {
        let mut packer = Packer::new(self.run);
        let here = observer.here();
        let mut packed = 0;
        let mut up_to = 0;
        for record in records {
            here.flows(record).for_each(|flow| packer.add(record.sequence, &flow));
            packed += 1;
            up_to = record.sequence;
            if packer.is_full() {
                break;
            }
        }
        let (head, bytes) = packer.finish();
        let written = match &mut keeper.writer {
            Some(writer) => writer.append(lane, (head, &bytes), &self.shelf),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        // They are on the shelf first, so that a reader finds them here or there.
        self.waiting.done(lane, up_to);
        self.is_failing.store(written.is_err(), Ordering::Relaxed);
        match written {
            Ok(()) => {
                self.written.fetch_add(head.flows.into(), Ordering::Relaxed);
                keeper.recover();
            }
            Err(error) => {
                self.waiting.lose(packed);
                keeper.fail(&self.settings.dir, &error, packed);
            }
        }
    }
}

impl Keeper {
    /// Says once that flows are lost, however often that happens.
    fn fail(&mut self, dir: &Path, error: &io::Error, records: u64) {
        if self.lost == 0 {
            warn!(dir = %dir.display(), %error, "flows are not kept");
        }
        self.lost += records;
    }

    /// Says that they are kept again, if they were not.
    fn recover(&mut self) {
        if self.lost > 0 {
            info!(lost = self.lost, "flows are kept again");
            self.lost = 0;
        }
    }
}

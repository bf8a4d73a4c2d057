//! Two pods of one node on skep's real datapath.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use tokio_util::sync::CancellationToken;

use super::pair::{Between, Topology, TopologyError, settle_pod};
use crate::{
    bench::{Room, StandaloneNode, StandalonePod},
    flows::Observer,
    kernel::{AttachMode, Datapath, EventReader},
    maps::{ConntrackTable, MapError, MapStore},
};

/// Room for the connections of one sample many times over.
const CONNTRACK_ENTRIES: u32 = 1 << 18;

/// What becomes of a node's events.
#[derive(Clone)]
pub(crate) enum Watched {
    /// Nobody reads them: the buffer is full, and programs find no room.
    Not,
    /// They are read and counted.
    Counted,
    /// They are read, stored and counted as an agent does.
    Stored(Arc<Observer>),
}

/// A node with two pods and a reader of its events.
#[derive(Debug)]
pub(crate) struct Node {
    // Dropped in this order: the reader before the maps it reads.
    events: Option<Events>,
    pods: [StandalonePod; 2],
    node: StandaloneNode,
}

/// Joins two pods by skep.
///
/// # Errors
/// When the kernel refuses the datapath, a device or a map entry.
pub(crate) fn skep(
    name: &'static str,
    program: &Path,
    watched: Watched,
) -> Result<Topology, TopologyError> {
    let mut node = StandaloneNode::with_room(
        AttachMode::Auto,
        Room { conntrack: CONNTRACK_ENTRIES, ..Room::default() },
    )?;
    let pods = [node.add_pod()?, node.add_pod()?];
    for pod in &pods {
        settle_pod(&pod.netns)?;
    }
    let events = match watched {
        Watched::Not => None,
        Watched::Counted => Some(Events::read(node.datapath(), None)?),
        Watched::Stored(observer) => Some(Events::read(node.datapath(), Some(observer))?),
    };
    let [client, server] = [&pods[0].netns, &pods[1].netns];
    let workers = Topology::workers(program, client, server)?;
    let addresses = pods[1].addresses;
    let between = Between::Skep(Box::new(Node { events, pods, node }));
    Ok(Topology::new(name, workers, addresses, between))
}

impl Node {
    /// Forgets all connections.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(crate) fn forget_connections(&self) -> Result<(), MapError> {
        let maps = self.node.datapath().maps();
        let entries = maps.entries::<ConntrackTable>()?;
        let keys: Vec<_> = entries.into_iter().map(|(key, _)| key).collect();
        maps.delete_all::<ConntrackTable>(&keys)
    }

    /// Returns the node itself.
    pub(crate) fn standalone(&self) -> &StandaloneNode {
        &self.node
    }

    /// Returns the pods: client, then server.
    pub(crate) fn pods(&self) -> &[StandalonePod; 2] {
        &self.pods
    }

    /// Returns how many events were read so far.
    pub(crate) fn events(&self) -> u64 {
        self.events.as_ref().map_or(0, |events| events.count.load(Ordering::Relaxed))
    }
}

/// The reader of events on its own thread: programs pay less when nobody reads, since a full buffer
/// takes nothing.
#[derive(Debug)]
struct Events {
    count: Arc<AtomicU64>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Events {
    fn read(datapath: &Datapath, observer: Option<Arc<Observer>>) -> Result<Self, TopologyError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(TopologyError::Reader)?;
        let mut reader = {
            let _inside = runtime.enter();
            EventReader::open(datapath)?
        };
        let count = Arc::new(AtomicU64::new(0));
        let stop = CancellationToken::new();
        let (counted, stopped) = (Arc::clone(&count), stop.clone());
        let work = move || {
            runtime.block_on(stopped.run_until_cancelled(async {
                let mut batch = Vec::new();
                while reader.next_batch(&mut batch).await.is_ok() {
                    counted.fetch_add(batch.len() as u64, Ordering::Relaxed);
                    match &observer {
                        Some(observer) => observer.push(batch.drain(..)),
                        None => batch.clear(),
                    }
                }
            }));
        };
        let thread = std::thread::Builder::new()
            .name("bench-events".into())
            .spawn(work)
            .map_err(TopologyError::Reader)?;
        Ok(Self { count, stop, thread: Some(thread) })
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.stop.cancel();
        // A panic of the reader has been reported by its thread already.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

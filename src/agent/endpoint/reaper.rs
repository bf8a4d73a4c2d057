//! Removal of devices, off the path of DEL: the kernel waits for running packets.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, Weak, mpsc},
    thread,
    time::Duration,
};

use tracing::{error, warn};

use super::{Endpoints, set::now};
use crate::{
    cni::{ipam::REST, record::EndpointRecord},
    kernel::{Hook, Netlink},
    model::IfIndex,
};

/// A thread that removes devices and then frees their addresses.
#[derive(Debug)]
pub(super) struct Reaper {
    queue: Mutex<mpsc::Sender<EndpointRecord>>,
    pending: Pending,
}

/// Devices that are queued or being removed.
type Pending = Arc<Mutex<BTreeSet<IfIndex>>>;

const RETRY: Duration = Duration::from_secs(1);

impl Reaper {
    pub(super) fn start(endpoints: Weak<Endpoints>) -> Self {
        let (queue, work) = mpsc::channel();
        let pending = Pending::default();
        let done = Arc::clone(&pending);
        let started = thread::Builder::new()
            .name("reaper".into())
            .spawn(move || run(&endpoints, &work, &done));
        if let Err(error) = started {
            error!(%error, "no thread for removing devices; they go at the next start");
        }
        Self { queue: Mutex::new(queue), pending }
    }

    /// Returns the devices whose removal is under way.
    pub(super) fn pending(&self) -> Vec<IfIndex> {
        let pending = self.pending.lock().expect("no panic while holding the lock");
        pending.iter().copied().collect()
    }

    /// Queues the removal of an endpoint whose map entries and record are gone.
    pub(super) fn push(&self, record: EndpointRecord) {
        self.pending.lock().expect("no panic while holding the lock").insert(record.ifindex);
        let queue = self.queue.lock().expect("no panic while holding the lock");
        // An error means that the thread has ended; the next start removes the device.
        if queue.send(record).is_err() {
            warn!("device stays until the next start");
        }
    }
}

fn run(endpoints: &Weak<Endpoints>, work: &mpsc::Receiver<EndpointRecord>, pending: &Pending) {
    let mut retry: Vec<EndpointRecord> = Vec::new();
    loop {
        let record = if retry.is_empty() {
            match work.recv() {
                Ok(record) => record,
                Err(_) => return,
            }
        } else {
            match work.recv_timeout(RETRY) {
                Ok(record) => record,
                Err(mpsc::RecvTimeoutError::Timeout) => retry.remove(0),
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
        };
        let Some(endpoints) = endpoints.upgrade() else { return };
        if reap(&endpoints, &record) {
            pending.lock().expect("no panic while holding the lock").remove(&record.ifindex);
        } else {
            retry.push(record);
        }
    }
}

fn reap(endpoints: &Endpoints, record: &EndpointRecord) -> bool {
    let device = record.host_ifname.as_str();
    // By index: the name may belong to a new device of the same attachment by now.
    let deleted = Netlink::open().and_then(|netlink| netlink.delete_link(record.ifindex));
    match deleted {
        Err(error) if !error.is_absent() => {
            warn!(device, %error, "device not removed, trying again");
            return false;
        }
        _ => {}
    }
    // The links went with the device; their pins are left.
    if let Err(error) = endpoints.context.datapath.detach(Hook::Pod, record.ifindex) {
        warn!(device, %error, "programs not detached");
    }
    let resting = {
        let mut state = endpoints.state();
        state.ipam.release(record.addresses, now());
        state.ipam.resting()
    };
    // Only what a restarted agent would give out too early.
    let recent = now().saturating_sub(REST);
    endpoints.rest.save(resting.into_iter().filter(|(_, freed)| *freed >= recent).collect());
    true
}

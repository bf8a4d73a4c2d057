//! Removal of devices, off the path of DEL: the kernel waits for running packets.

use std::{
    sync::{Mutex, Weak, mpsc},
    thread,
    time::Duration,
};

use tracing::{error, warn};

use super::{Endpoints, set::now};
use crate::{
    cni::record::EndpointRecord,
    kernel::{Hook, Netlink},
};

/// A thread that removes devices and then frees their addresses.
#[derive(Debug)]
pub(super) struct Reaper {
    queue: Mutex<mpsc::Sender<EndpointRecord>>,
}

const RETRY: Duration = Duration::from_secs(1);

impl Reaper {
    pub(super) fn start(endpoints: Weak<Endpoints>) -> Self {
        let (queue, work) = mpsc::channel();
        let started =
            thread::Builder::new().name("reaper".into()).spawn(move || run(&endpoints, &work));
        if let Err(error) = started {
            error!(%error, "no thread for removing devices; they go at the next start");
        }
        Self { queue: Mutex::new(queue) }
    }

    /// Queues the removal of an endpoint whose map entries and record are gone.
    pub(super) fn push(&self, record: EndpointRecord) {
        let queue = self.queue.lock().expect("no panic while holding the lock");
        // An error means that the thread has ended; the next start removes the device.
        if queue.send(record).is_err() {
            warn!("device stays until the next start");
        }
    }
}

fn run(endpoints: &Weak<Endpoints>, work: &mpsc::Receiver<EndpointRecord>) {
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
        if !reap(&endpoints, &record) {
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
    endpoints.state().ipam.release(record.addresses, now());
    true
}

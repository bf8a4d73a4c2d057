//! Connections to backends that are gone: they would wait for nobody.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::service::{BackendKey, Protocol};

/// A backend that a service lost may live on without it, and a pod may be known for a while after it is
/// gone: after so long it lives.
const PATIENCE: Duration = Duration::from_secs(60);

/// Addresses of backends that no service names any more. A connected socket knows nobody else, and nothing
/// answers for a pod that is gone.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    all: Mutex<Vec<(Instant, IpAddr)>>,
    /// Told when there are some.
    some: Notify,
}

impl Orphans {
    /// Takes in backends that no service names any more.
    pub(super) fn add(&self, gone: impl Iterator<Item = BackendKey>, now: Instant) {
        let connected = gone.filter(|key| key.protocol != Protocol::Sctp);
        let mut all = self.lock();
        all.extend(connected.map(|key| (now, key.address)));
        if !all.is_empty() {
            self.some.notify_one();
        }
    }

    /// Waits until there are some.
    pub(super) async fn wait(&self) {
        while self.lock().is_empty() {
            self.some.notified().await;
        }
    }

    /// Returns those at whose address there is nobody any more, once.
    pub(super) fn due(&self, now: Instant, is_there: impl Fn(IpAddr) -> bool) -> BTreeSet<IpAddr> {
        let mut due = BTreeSet::new();
        let mut all = self.lock();
        all.retain(|(since, address)| {
            if is_there(*address) {
                return now.duration_since(*since) < PATIENCE;
            }
            due.insert(*address);
            false
        });
        due
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Instant, IpAddr)>> {
        self.all.lock().expect("no panic while holding the lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_due_once_when_nobody_is_there() {
        let key = |last: u8, protocol| BackendKey {
            address: IpAddr::from([10, 0, 0, last]),
            port: 80,
            protocol,
        };
        let (orphans, start) = (Orphans::default(), Instant::now());
        let keys = [key(1, Protocol::Tcp), key(2, Protocol::Tcp), key(3, Protocol::Sctp)];
        orphans.add(keys.into_iter(), start);
        let two = IpAddr::from([10, 0, 0, 2]);
        let one = BTreeSet::from([IpAddr::from([10, 0, 0, 1])]);
        assert_eq!(orphans.due(start, |address| address == two), one);
        assert!(orphans.due(start, |address| address == two).is_empty());
        assert_eq!(orphans.due(start, |_| false), BTreeSet::from([two]));
        orphans.add([key(2, Protocol::Tcp)].into_iter(), start);
        assert!(orphans.due(start + PATIENCE, |_| true).is_empty());
        assert!(orphans.due(start + PATIENCE, |_| false).is_empty(), "it lives without a service");
    }
}

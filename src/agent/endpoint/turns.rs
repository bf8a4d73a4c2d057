//! One request at a time for each attachment.

use std::{
    collections::HashSet,
    sync::{Condvar, Mutex},
};

use crate::cni::wire::AttachmentKey;

/// The attachments that somebody works on.
#[derive(Debug, Default)]
pub(super) struct Turns {
    busy: Mutex<HashSet<AttachmentKey>>,
    done: Condvar,
}

/// The right to work on one attachment, until dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    key: AttachmentKey,
}

impl Turns {
    /// Waits until nobody else works on the attachment.
    pub(super) fn take(&self, key: &AttachmentKey) -> Turn<'_> {
        let mut busy = self.busy.lock().expect("no panic while holding the lock");
        while busy.contains(key) {
            busy = self.done.wait(busy).expect("no panic while holding the lock");
        }
        busy.insert(key.clone());
        Turn { turns: self, key: key.clone() }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.busy.lock().expect("no panic while holding the lock").remove(&self.key);
        self.turns.done.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn one_attachment_is_worked_on_by_one_thread() {
        let turns = Turns::default();
        let inside = AtomicU32::new(0);
        let key = AttachmentKey { container_id: "c".into(), ifname: "eth0".into() };
        let other = AttachmentKey { ifname: "eth1".into(), ..key.clone() };
        let _unrelated = turns.take(&other);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _turn = turns.take(&key);
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    std::thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
    }
}

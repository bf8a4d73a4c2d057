//! Whose turn it is on the machine: labs of several tests run side by side, and a test that looks for what labs leave
//! has the machine for itself.

use std::{
    cell::Cell,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

static MACHINE: RwLock<()> = RwLock::new(());

thread_local! {
    /// Turns that this thread has: who has one takes no other, as that one would wait for itself.
    static TURNS: Cell<usize> = const { Cell::new(0) };
}

/// A turn, until it is dropped.
pub(crate) struct Turn {
    /// Nothing for a part of an earlier turn.
    _held: Option<Held>,
}

enum Held {
    Shared { _guard: RwLockReadGuard<'static, ()> },
    Alone { _guard: RwLockWriteGuard<'static, ()> },
}

impl Turn {
    /// Waits until nobody is alone.
    pub(crate) fn shared() -> Self {
        // A test that failed leaves no half of anything behind the lock.
        Self::take(|| Held::Shared {
            _guard: MACHINE.read().unwrap_or_else(PoisonError::into_inner),
        })
    }

    /// Waits until nobody else is there.
    pub(crate) fn alone() -> Self {
        assert_eq!(TURNS.get(), 0, "a test that needs the machine says so before it has a lab");
        Self::take(|| Held::Alone {
            _guard: MACHINE.write().unwrap_or_else(PoisonError::into_inner),
        })
    }

    /// Makes this thread part of the turn that another one has.
    pub(crate) fn part() -> Self {
        TURNS.set(TURNS.get() + 1);
        Self { _held: None }
    }

    fn take(wait: impl FnOnce() -> Held) -> Self {
        let held = (TURNS.get() == 0).then(wait);
        TURNS.set(TURNS.get() + 1);
        Self { _held: held }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TURNS.set(TURNS.get() - 1);
    }
}

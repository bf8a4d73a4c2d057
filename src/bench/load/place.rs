//! Threads on one processor, in a namespace.

use std::{io, thread};

use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};

use crate::kernel::{NetNs, favour_this_thread};

/// Runs both sides at once on the last processor, each in its namespace, and returns what they
/// return. The last one has the fewest interrupts by default.
pub(super) fn on_one_processor<C: Send, S: Send>(
    client: (&NetNs, impl FnOnce() -> io::Result<C> + Send),
    server: (&NetNs, impl FnOnce() -> io::Result<S> + Send),
) -> io::Result<(C, S)> {
    thread::scope(|scope| {
        let server = scope.spawn(move || placed(server.0, server.1));
        let client = placed(client.0, client.1);
        let server = server.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((client?, server?))
    })
}

/// Runs in a namespace, on the last processor.
pub(super) fn placed<T: Send>(
    netns: &NetNs,
    act: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    netns
        .run(|| {
            let mut last = CpuSet::new();
            last.set(thread::available_parallelism()?.get() - 1)?;
            sched_setaffinity(Pid::from_raw(0), &last)?;
            favour_this_thread()?;
            act()
        })
        .map_err(io::Error::other)?
}

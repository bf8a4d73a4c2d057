//! Waiting for programs.

use std::{num::NonZeroUsize, thread, time::Duration};

/// Where the kernel does not say when programs are done, they are after so long, many times over.
const LONG: Duration = Duration::from_secs(1);

/// Waits until every program that runs now is done. It has read its maps for the last time then, and what
/// it found in them can go.
///
/// Programs run within RCU read sections, and `MEMBARRIER_CMD_GLOBAL` of membarrier(2) waits for those: some
/// milliseconds. It does not on one processor, and is refused where processors run without ticks.
pub fn outlast_programs() {
    let several = thread::available_parallelism().is_ok_and(|count| count > NonZeroUsize::MIN);
    if !(several && is_over()) {
        thread::sleep(LONG);
    }
}

fn is_over() -> bool {
    // SAFETY: the call takes numbers only.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_GLOBAL, 0, 0) };
    result == 0
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_wait_ends() {
        let start = Instant::now();
        outlast_programs();
        assert!(start.elapsed() < 10 * LONG);
    }
}

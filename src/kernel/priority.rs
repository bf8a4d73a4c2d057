//! The scheduler.

use std::io;

/// Favours the calling thread over others for as long as it lives; for measurements.
///
/// # Errors
/// When the kernel refuses.
pub fn favour_this_thread() -> io::Result<()> {
    const NICE: libc::c_int = -15;
    // SAFETY: three numbers, no pointers; on Linux PRIO_PROCESS with 0 means the calling thread.
    match unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

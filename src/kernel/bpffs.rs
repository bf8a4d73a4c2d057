//! A BPF file system of one's own.

use std::{
    ffi::CStr,
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    path::PathBuf,
};

const FSCONFIG_CMD_CREATE: libc::c_uint = 6;
const FSOPEN_CLOEXEC: libc::c_uint = 1;
const FSMOUNT_CLOEXEC: libc::c_uint = 1;

/// A bpffs that is mounted nowhere: tests and benchmarks pin into it, and it vanishes with its
/// descriptor, however the process ends.
#[derive(Debug)]
pub struct PrivateBpffs {
    mount: OwnedFd,
}

impl PrivateBpffs {
    /// Makes an empty file system.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn new() -> io::Result<Self> {
        let name: &CStr = c"bpf";
        // SAFETY: the name is a terminated string; the call returns a new descriptor or -1.
        let context =
            unsafe { descriptor(libc::syscall(libc::SYS_fsopen, name.as_ptr(), FSOPEN_CLOEXEC))? };
        // SAFETY: the create command takes no key and no value; the descriptor is open.
        let created = unsafe {
            libc::syscall(
                libc::SYS_fsconfig,
                context.as_raw_fd(),
                FSCONFIG_CMD_CREATE,
                std::ptr::null::<u8>(),
                std::ptr::null::<u8>(),
                0,
            )
        };
        if created < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: no pointers; the call returns a new descriptor or -1.
        let mount = unsafe {
            descriptor(libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), FSMOUNT_CLOEXEC, 0))?
        };
        Ok(Self { mount })
    }

    /// Returns the path of its root, valid in this process only.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.mount.as_raw_fd()))
    }
}

/// Takes the result of a system call that returns a descriptor.
///
/// # Safety
/// A result that is not negative must be a descriptor that nobody else owns.
unsafe fn descriptor(result: libc::c_long) -> io::Result<OwnedFd> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = i32::try_from(result).map_err(|_| io::ErrorKind::InvalidData)?;
    // SAFETY: the caller vouches for the descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

//! The call itself.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

/// Makes one bpf() call with an attribute block.
///
/// # Safety
/// `attr` must be a prefix of `union bpf_attr` for `command`, and every pointer in it must be valid
/// for what the command reads or writes through it.
pub(super) unsafe fn bpf<A>(command: libc::c_int, attr: &mut A) -> io::Result<i32> {
    // SAFETY: the block is exclusively borrowed and its exact size is passed; the caller vouches for
    // its contents.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size_of::<A>()) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    i32::try_from(result).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Like [`bpf`], for commands that return a descriptor.
///
/// # Safety
/// As [`bpf`]; the command must return a new descriptor.
pub(super) unsafe fn bpf_fd<A>(command: libc::c_int, attr: &mut A) -> io::Result<OwnedFd> {
    // SAFETY: as this function's.
    let fd = unsafe { bpf(command, attr)? };
    // SAFETY: the kernel just made this descriptor for us (the caller's promise); nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(super) fn fd_number(fd: BorrowedFd<'_>) -> u32 {
    u32::try_from(fd.as_raw_fd()).expect("an open descriptor is not negative")
}

pub(super) fn address<T>(pointer: *const T) -> u64 {
    pointer as u64
}

//! Descriptors: those that travel over unix sockets, those that can be waited for, and those that a
//! process was born with.

use std::{
    io::{self, IoSliceMut},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::net::UnixStream,
    },
};

use nix::{
    cmsg_space,
    sys::socket::{ControlMessageOwned, MsgFlags, recvmsg},
};
use tokio::io::unix::AsyncFd;

/// Reads some bytes and the descriptor that came with them (`SCM_RIGHTS`). Of several descriptors
/// the first is returned and the others are closed.
///
/// # Errors
/// When the socket cannot be read.
pub fn receive_with_descriptor(
    stream: &UnixStream,
    bytes: &mut [u8],
) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = cmsg_space!([RawFd; 1]);
    let mut data = [IoSliceMut::new(bytes)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(stream.as_raw_fd(), &mut data, Some(&mut space), flags)?;
    let mut descriptors = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(received) = control {
            // SAFETY: the kernel has just installed these descriptors for this process, and
            // nothing else knows them, so each is owned exactly once.
            descriptors.extend(received.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    Ok((message.bytes, descriptors.into_iter().next()))
}

/// Lets a task wait until a descriptor can be read or written.
///
/// # Errors
/// When the kernel cannot tell, as for ordinary files.
///
/// # Panics
/// Outside a tokio runtime.
pub fn wait_for(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open as long as it lives, always names the same descriptor, and is
    // dropped by `AsyncFd` after deregistering; nothing replaces it, since only `&OwnedFd` is lent.
    Ok(unsafe { AsyncFd::register(descriptor) }?)
}

/// Lets every descriptor but the standard three end when the process becomes another program, so
/// that a server holds no lock, pipe or socket of whoever started it.
///
/// # Errors
/// When the kernel is older than 5.11.
pub fn close_others_on_exec() -> io::Result<()> {
    let (first, last) = (3 as libc::c_uint, libc::c_uint::MAX);
    // Not every C library has a function for it.
    // SAFETY: no pointers; the flag only marks descriptors, none is closed under its owner.
    let result =
        unsafe { libc::syscall(libc::SYS_close_range, first, last, libc::CLOSE_RANGE_CLOEXEC) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

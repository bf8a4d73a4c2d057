//! Descriptors that travel over unix sockets, and such as can be waited for.

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

//! The plugin's side of the agent's socket.

use std::{
    io::{self, IoSlice, Write},
    os::{
        fd::{AsRawFd, BorrowedFd, RawFd},
        unix::net::UnixStream,
    },
    path::Path,
    time::Duration,
};

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

use crate::cni::wire::{Reply, Request, encode, read_message};

/// Longer than anything the agent does for one container; a runtime gives up after minutes.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Sends a request, with a descriptor if there is one, and waits for the reply.
pub(super) fn call(
    socket: &Path,
    request: &Request,
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<Reply> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let bytes = encode(request)?;
    let sent = match descriptor {
        None => 0,
        Some(descriptor) => send_with(&stream, &bytes, descriptor.as_raw_fd())?,
    };
    stream.write_all(&bytes[sent..])?;
    read_message(&mut stream)
}

fn send_with(stream: &UnixStream, bytes: &[u8], descriptor: RawFd) -> io::Result<usize> {
    let descriptors = [descriptor];
    let control = [ControlMessage::ScmRights(&descriptors)];
    let data = [IoSlice::new(bytes)];
    Ok(sendmsg::<()>(stream.as_raw_fd(), &data, &control, MsgFlags::MSG_NOSIGNAL, None)?)
}

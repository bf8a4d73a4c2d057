//! Standard input, bounded in size and time.

use std::{
    io::{self, Read},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

/// Largest configuration. A list of ten thousand attachments is a quarter of it.
const LARGEST: usize = 4 << 20;

/// Longest wait for a runtime to write it and to close the pipe.
const PATIENCE: Duration = Duration::from_secs(10);

/// There is no usable configuration on standard input.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    /// Reading failed.
    #[error("cannot read the network configuration from standard input")]
    Read(#[source] io::Error),
    /// The runtime does not close the pipe.
    #[error("the network configuration on standard input did not end within {PATIENCE:?}")]
    Late,
    /// More than any configuration needs.
    #[error("the network configuration on standard input is larger than {LARGEST} bytes")]
    Large,
}

/// Reads everything, or stops at the limits.
pub(super) fn read(mut from: impl Read + AsFd) -> Result<Vec<u8>, InputError> {
    let deadline = Instant::now() + PATIENCE;
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        wait(&from, deadline)?;
        match from.read(&mut chunk) {
            Ok(0) => return Ok(bytes),
            Ok(count) if bytes.len() + count > LARGEST => return Err(InputError::Large),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(InputError::Read(e)),
        }
    }
}

fn wait(from: &impl AsFd, deadline: Instant) -> Result<(), InputError> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(from.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) => return Err(InputError::Late),
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(InputError::Read(errno.into())),
        }
    }
}

//! One question to the agent.

use std::{
    io::{self, IoSlice, Read, Write},
    os::{
        fd::{AsFd, AsRawFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::{
        socket::{
            AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, connect,
            sendmsg, setsockopt, socket, sockopt::SendTimeout,
        },
        time::{TimeVal, TimeValLike},
    },
};

use crate::{
    cni::wire::{Reply, Request, encode, read_message},
    kernel::NetNs,
};

/// The agent did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error(
        "the skep agent is not running on this node: nothing listens on {socket}; look at its \
         pod: kubectl -n kube-system get pods -o wide -l k8s-app=skep"
    )]
    Down {
        socket: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot connect to the skep agent on {socket}; the plugin must run as root")]
    Connect {
        socket: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the skep agent ended the connection before it answered; it restarts, try again")]
    Broken(#[source] io::Error),
    #[error("the skep agent on {socket} is busy and did not answer in time; try again")]
    Late { socket: PathBuf },
    #[error(
        "the skep agent on {socket} gave an answer that this plugin does not understand; they \
         must be of one version"
    )]
    Nonsense {
        socket: PathBuf,
        #[source]
        source: Option<io::Error>,
    },
    #[error("the request is too long for the skep agent")]
    TooLong(#[source] io::Error),
}

impl NoAnswer {
    /// Tells whether there is, or was by then, no agent that could still act on the request.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Down { .. } | Self::Broken(_))
    }
}

/// A connection to the agent.
#[derive(Debug)]
pub(super) struct Agent {
    stream: UnixStream,
    path: PathBuf,
    deadline: Instant,
}

impl Agent {
    /// Connects. An agent that has too many callers makes this one wait.
    pub(super) fn connect(path: &Path, deadline: Instant) -> Result<Self, NoAnswer> {
        match open(path, deadline) {
            Ok(stream) => Ok(Self { stream, path: path.to_owned(), deadline }),
            Err(Errno::EAGAIN) => Err(NoAnswer::Late { socket: path.to_owned() }),
            Err(errno) => {
                let (socket, source) = (path.to_owned(), errno.into());
                Err(match errno {
                    Errno::ENOENT | Errno::ECONNREFUSED => NoAnswer::Down { socket, source },
                    _ => NoAnswer::Connect { socket, source },
                })
            }
        }
    }

    /// Sends the request, with the namespace if there is one, and waits for the reply.
    pub(super) fn ask(
        mut self,
        request: &Request,
        netns: Option<&NetNs>,
    ) -> Result<Reply, NoAnswer> {
        let bytes = encode(request).map_err(NoAnswer::TooLong)?;
        let reply = self.send(&bytes, netns).and_then(|()| read_message(&mut self));
        reply.map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                NoAnswer::Late { socket: self.path.clone() }
            }
            io::ErrorKind::InvalidData => self.nonsense(Some(source)),
            _ if source
                .get_ref()
                .is_some_and(<dyn std::error::Error + Send + Sync>::is::<serde_json::Error>) =>
            {
                self.nonsense(Some(source))
            }
            _ => NoAnswer::Broken(source),
        })
    }

    fn nonsense(&self, source: Option<io::Error>) -> NoAnswer {
        NoAnswer::Nonsense { socket: self.path.clone(), source }
    }

    /// The descriptor travels with the first bytes; what did not fit follows.
    fn send(&mut self, bytes: &[u8], netns: Option<&NetNs>) -> io::Result<()> {
        self.stream.set_write_timeout(Some(left(self.deadline)?))?;
        let descriptors: Vec<_> = netns.iter().map(|netns| netns.as_fd().as_raw_fd()).collect();
        let rights = [ControlMessage::ScmRights(&descriptors)];
        let control = if descriptors.is_empty() { &rights[..0] } else { &rights[..] };
        let sent = loop {
            let socket = self.stream.as_raw_fd();
            let data = [IoSlice::new(bytes)];
            match sendmsg::<UnixAddr>(socket, &data, control, MsgFlags::MSG_NOSIGNAL, None) {
                Err(Errno::EINTR) => {}
                other => break other?,
            }
        };
        self.stream.write_all(&bytes[sent..])
    }
}

/// Every read may take what is left of the time, so that drops of data do not extend it.
impl Read for Agent {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.deadline)?))?;
        self.stream.read(buffer)
    }
}

fn open(path: &Path, deadline: Instant) -> nix::Result<UnixStream> {
    let address = UnixAddr::new(path)?;
    let stream = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    loop {
        let left = left(deadline).map_err(|_| Errno::EAGAIN)?;
        let millis = i64::try_from(left.as_millis()).unwrap_or(i64::MAX).max(1);
        // connect() of a Unix socket waits for room in the listener's queue for this long.
        setsockopt(&stream, SendTimeout, &TimeVal::milliseconds(millis))?;
        match connect(stream.as_raw_fd(), &address) {
            Ok(()) => return Ok(stream.into()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

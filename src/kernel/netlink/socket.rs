//! The socket: requests, dumps, errors.

use std::{
    io,
    os::fd::AsRawFd,
    sync::{Mutex, MutexGuard, PoisonError},
};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkHeader,
    NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::kernel::{NetNs, NetNsError};

/// Room for one datagram; the kernel fills at most 32 KiB of a dump at a time.
const DATAGRAM: usize = 64 * 1024;
const NLMSG_HEADER: usize = 16;
/// The kernel's own limit for consecutive interrupted dumps does not exist; ours keeps a busy
/// namespace from holding the caller for ever.
const DUMP_ATTEMPTS: u32 = 16;

/// A connection to the rtnetlink of one network namespace. It stays with the namespace in which it
/// was opened, whatever its users do, and may be shared between threads.
#[derive(Debug)]
pub struct Netlink {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

/// The kernel refused a request.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// The socket cannot be opened.
    #[error("cannot open a netlink socket")]
    Open(#[source] io::Error),
    /// The namespace cannot be entered.
    #[error(transparent)]
    NetNs(#[from] NetNsError),
    /// The request failed.
    #[error("cannot {act}{}", detail.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    Request {
        /// What was tried.
        act: String,
        /// The kernel's own words, when it sent some.
        detail: Option<String>,
        /// The error number.
        #[source]
        source: io::Error,
    },
    /// There is no such device.
    #[error("there is no network device {0}")]
    NoDevice(String),
}

impl NetlinkError {
    /// Returns the error number of a refused request.
    pub fn raw_os_error(&self) -> Option<i32> {
        match self {
            Self::Request { source, .. } | Self::Open(source) => source.raw_os_error(),
            Self::NetNs(_) => None,
            Self::NoDevice(_) => Some(libc::ENODEV),
        }
    }

    /// Tells whether the thing exists already.
    pub fn is_exists(&self) -> bool {
        self.raw_os_error() == Some(libc::EEXIST)
    }

    /// Tells whether the thing, or the device it belongs to, does not exist.
    pub fn is_absent(&self) -> bool {
        matches!(
            self.raw_os_error(),
            Some(libc::ENODEV | libc::ENOENT | libc::ESRCH | libc::EADDRNOTAVAIL | libc::ENXIO)
        )
    }
}

impl Netlink {
    /// Opens a socket in the calling thread's namespace.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn open() -> Result<Self, NetlinkError> {
        let mut socket = Socket::new(NETLINK_ROUTE).map_err(NetlinkError::Open)?;
        socket.bind_auto().map_err(NetlinkError::Open)?;
        socket.connect(&SocketAddr::new(0, 0)).map_err(NetlinkError::Open)?;
        // Words with the errors, without the request quoted back.
        socket.set_ext_ack(true).map_err(NetlinkError::Open)?;
        socket.set_cap_ack(true).map_err(NetlinkError::Open)?;
        let inner = Inner { socket, sequence: 0, buffer: Vec::with_capacity(DATAGRAM) };
        Ok(Self { inner: Mutex::new(inner) })
    }

    /// Opens a socket in another namespace.
    ///
    /// # Errors
    /// When the namespace cannot be entered or the kernel refuses.
    pub fn open_in(netns: &NetNs) -> Result<Self, NetlinkError> {
        netns.run(Self::open)?
    }

    /// Returns the cookie of the namespace: programs know it by that number until the system restarts.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn netns_cookie(&self) -> Result<u64, NetlinkError> {
        let cookie = netns_cookie(&self.lock().socket);
        cookie.map_err(|source| NetlinkError::Request {
            act: "read the cookie of the network namespace".into(),
            detail: None,
            source,
        })
    }

    /// Sends a request and waits for its acknowledgement.
    pub(super) fn request(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
        act: impl FnOnce() -> String,
    ) -> Result<(), NetlinkError> {
        self.exchange(message, NLM_F_ACK | flags).map(drop).map_err(|failure| failure.named(act()))
    }

    /// Sends a request for one object and returns the answer.
    pub(super) fn query(
        &self,
        message: RouteNetlinkMessage,
        act: impl FnOnce() -> String,
    ) -> Result<Vec<RouteNetlinkMessage>, NetlinkError> {
        self.exchange(message, NLM_F_ACK).map_err(|failure| failure.named(act()))
    }

    /// Asks for all objects of a kind; asks again when they changed meanwhile.
    pub(super) fn dump(
        &self,
        message: &RouteNetlinkMessage,
        act: impl FnOnce() -> String,
    ) -> Result<Vec<RouteNetlinkMessage>, NetlinkError> {
        let mut last = Failure::from(io::Error::from_raw_os_error(libc::EINTR));
        for _ in 0..DUMP_ATTEMPTS {
            match self.exchange(message.clone(), NLM_F_DUMP) {
                Ok(answer) => return Ok(answer),
                Err(failure) if failure.source.raw_os_error() == Some(libc::EINTR) => {
                    last = failure;
                }
                Err(failure) => return Err(failure.named(act())),
            }
        }
        Err(last.named(act()))
    }

    fn exchange(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<Vec<RouteNetlinkMessage>, Failure> {
        let mut inner = self.lock();
        inner.sequence = inner.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = inner.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        inner.socket.send(&bytes, 0)?;
        inner.answer()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic between request and answer leaves at most an unread answer, which the sequence
        // number makes the next reader skip.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads `SO_NETNS_COOKIE` (include/uapi/asm-generic/socket.h), which libraries do not know yet.
fn netns_cookie(socket: &Socket) -> io::Result<u64> {
    const SO_NETNS_COOKIE: libc::c_int = 71;
    let mut cookie = 0_u64;
    let mut length = size_of_val(&cookie) as libc::socklen_t;
    // SAFETY: the descriptor is open as long as `socket` lives, and the kernel writes at most `length`
    // bytes, the size of the number.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    if answer == 0 { Ok(cookie) } else { Err(io::Error::last_os_error()) }
}

impl Inner {
    /// Reads datagrams until the acknowledgement, the error or the end of the dump.
    fn answer(&mut self) -> Result<Vec<RouteNetlinkMessage>, Failure> {
        let mut messages = Vec::new();
        let mut interrupted = false;
        loop {
            self.buffer.clear();
            let size = match self.socket.recv(&mut self.buffer, 0) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if size > self.buffer.len() {
                return Err(malformed("a datagram was cut off").into());
            }
            let mut rest = &self.buffer[..];
            while let Some((frame, after)) = split_frame(rest) {
                rest = after;
                if frame.sequence != self.sequence {
                    continue;
                }
                interrupted |= frame.flags & NLM_F_DUMP_INTR != 0;
                match frame.kind {
                    NLMSG_ERROR => return acknowledged(&frame, messages),
                    NLMSG_DONE if interrupted => {
                        return Err(io::Error::from_raw_os_error(libc::EINTR).into());
                    }
                    NLMSG_DONE => return dump_ended(&frame, messages),
                    _ => messages.push(decode(frame.bytes)?),
                }
            }
        }
    }
}

/// One message of a datagram.
struct Frame<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    bytes: &'a [u8],
}

impl Frame<'_> {
    fn payload(&self) -> &[u8] {
        &self.bytes[NLMSG_HEADER..]
    }

    /// Reads the leading error number, 0 or negative.
    fn error_number(&self) -> i32 {
        self.payload().first_chunk().map_or(-libc::EBADMSG, |bytes| i32::from_ne_bytes(*bytes))
    }
}

fn split_frame(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let header: &[u8; NLMSG_HEADER] = bytes.first_chunk()?;
    let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, ..] = *header;
    let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
    let frame = Frame {
        kind: u16::from_ne_bytes([k0, k1]),
        flags: u16::from_ne_bytes([f0, f1]),
        sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
        bytes: bytes.get(..length).filter(|frame| frame.len() >= NLMSG_HEADER)?,
    };
    Some((frame, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

fn acknowledged(
    frame: &Frame<'_>,
    messages: Vec<RouteNetlinkMessage>,
) -> Result<Vec<RouteNetlinkMessage>, Failure> {
    match frame.error_number() {
        0 => Ok(messages),
        number => Err(Failure {
            source: io::Error::from_raw_os_error(-number),
            detail: extended_message(frame),
        }),
    }
}

fn dump_ended(
    frame: &Frame<'_>,
    messages: Vec<RouteNetlinkMessage>,
) -> Result<Vec<RouteNetlinkMessage>, Failure> {
    match frame.error_number() {
        number if number < 0 => Err(io::Error::from_raw_os_error(-number).into()),
        _ => Ok(messages),
    }
}

fn decode(bytes: &[u8]) -> Result<RouteNetlinkMessage, Failure> {
    let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes)
        .map_err(|error| malformed(&error.to_string()))?;
    match message.payload {
        NetlinkPayload::InnerMessage(inner) => Ok(inner),
        _ => Err(malformed("an unexpected control message").into()),
    }
}

/// Finds NLMSGERR_ATTR_MSG behind the error number and the quoted header (netlink(7)).
fn extended_message(frame: &Frame<'_>) -> Option<String> {
    const ACK_TLVS: u16 = 0x200;
    const MESSAGE: u16 = 1;
    if frame.flags & ACK_TLVS == 0 {
        return None;
    }
    let mut rest = frame.payload().get(4 + NLMSG_HEADER..)?;
    while let Some(&[l0, l1, k0, k1]) = rest.first_chunk() {
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = rest.get(4..length)?;
        if u16::from_ne_bytes([k0, k1]) == MESSAGE {
            let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
            return Some(String::from_utf8_lossy(text).into_owned());
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

fn malformed(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.to_owned())
}

/// A failure that does not know yet what was tried.
struct Failure {
    source: io::Error,
    detail: Option<String>,
}

impl From<io::Error> for Failure {
    fn from(source: io::Error) -> Self {
        Self { source, detail: None }
    }
}

impl Failure {
    fn named(self, act: String) -> NetlinkError {
        NetlinkError::Request { act, detail: self.detail, source: self.source }
    }
}

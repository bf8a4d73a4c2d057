//! Raw frames on a device, as an attacker with a packet socket sends them.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::{
    errno::Errno,
    ifaddrs::getifaddrs,
    sys::socket::{
        AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, recv, sendto, socket,
    },
};
use skep::kernel::NetNs;

#[path = "../datapath/frames.rs"]
#[expect(dead_code, reason = "each test layer uses a part of it")]
pub(crate) mod frames;

/// A packet socket in a namespace, and the device that it sends by.
pub(crate) struct Wire {
    socket: OwnedFd,
    device: LinkAddr,
}

impl Wire {
    /// Opens one; from now on it hears everything in the namespace.
    pub(crate) fn open(netns: &NetNs, device: &str) -> Self {
        let (kind, flags) = (SockType::Raw, SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC);
        netns
            .run(|| {
                let mut addresses = getifaddrs().expect("devices are listed");
                let found = addresses.find_map(|one| {
                    let address = one.address.filter(|_| one.interface_name == device)?;
                    address.as_link_addr().copied()
                });
                let socket = socket(AddressFamily::Packet, kind, flags, SockProtocol::EthAll);
                Self {
                    socket: socket.expect("a packet socket"),
                    device: found.expect("the device is there"),
                }
            })
            .expect("entered")
    }

    /// Returns the device's address.
    pub(crate) fn mac(&self) -> [u8; 6] {
        self.device.addr().expect("an Ethernet device")
    }

    /// Sends a frame.
    pub(crate) fn send(&self, frame: &[u8]) {
        let socket = self.socket.as_raw_fd();
        let sent = sendto(socket, frame, &self.device, MsgFlags::empty());
        assert_eq!(sent, Ok(frame.len()), "{frame:02x?}");
    }

    /// Returns how many frames with these bytes in them were heard since it was last asked.
    pub(crate) fn heard(&self, marker: &[u8]) -> usize {
        let (mut buffer, mut count) = ([0; 2048], 0);
        loop {
            match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(length) => {
                    let mut parts = buffer[..length].windows(marker.len());
                    count += usize::from(parts.any(|part| part == marker));
                }
                Err(Errno::EAGAIN) => return count,
                Err(Errno::EINTR) => {}
                Err(error) => panic!("nothing can be heard: {error}"),
            }
        }
    }
}

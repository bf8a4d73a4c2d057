//! A stand-in for the agent: speaks the wire format, answers what it is told.

use std::{
    io::{IoSliceMut, Read},
    os::{
        fd::{AsRawFd, RawFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
    thread::{self, JoinHandle},
};

use nix::{
    cmsg_space,
    sys::socket::{ControlMessageOwned, MsgFlags, recvmsg},
};
use skep::{
    cni::wire::{Attached, AttachedAddress, Reply, Request, read_message, write_message},
    model::MacAddr,
};

/// What the agent does with one connection.
pub(super) enum Behaviour {
    Reply(Reply),
    /// Ends the connection after the request, as a killed agent does.
    HangUp,
    /// Keeps the connection open and says nothing.
    Silence,
    /// Writes something that is no reply.
    Nonsense,
}

/// A request, and the inode of the namespace that came with it.
pub(super) type Heard = (Request, Option<u64>);

/// Answers so many connections, then stops listening.
pub(super) fn serve(socket: &Path, behaviours: Vec<Behaviour>) -> JoinHandle<Vec<Heard>> {
    let listener = UnixListener::bind(socket).unwrap();
    let socket = socket.to_owned();
    thread::spawn(move || {
        let mut open = Vec::new();
        let mut all = Vec::new();
        let count = behaviours.len();
        for (number, behaviour) in behaviours.into_iter().enumerate() {
            let (mut stream, _) = listener.accept().unwrap();
            if number + 1 == count {
                std::fs::remove_file(&socket).unwrap();
            }
            all.push(hear(&mut stream));
            match behaviour {
                Behaviour::Reply(reply) => write_message(&mut stream, &reply).unwrap(),
                Behaviour::Nonsense => write_message(&mut stream, &"?").unwrap(),
                Behaviour::HangUp => {}
                Behaviour::Silence => open.push(stream),
            }
        }
        // Silent connections stay open until the plugin gives up.
        for mut stream in open {
            let _ = stream.read(&mut [0; 1]);
        }
        all
    })
}

fn hear(stream: &mut UnixStream) -> Heard {
    let mut first = [0; 4];
    let mut space = cmsg_space!([RawFd; 1]);
    let (count, descriptor) = {
        let mut data = [IoSliceMut::new(&mut first)];
        let received = recvmsg::<()>(
            stream.as_raw_fd(),
            &mut data,
            Some(&mut space),
            MsgFlags::MSG_CMSG_CLOEXEC,
        )
        .unwrap();
        let descriptor = received.cmsgs().unwrap().find_map(|message| match message {
            ControlMessageOwned::ScmRights(descriptors) => descriptors.first().copied(),
            _ => None,
        });
        (received.bytes, descriptor)
    };
    let inode = descriptor.map(|descriptor| {
        let link = std::fs::metadata(format!("/proc/self/fd/{descriptor}")).unwrap();
        std::os::unix::fs::MetadataExt::ino(&link)
    });
    let request = read_message(&mut first[..count].chain(stream)).unwrap();
    (request, inode)
}

/// What ADD makes of a pod with both families.
pub(super) fn attached() -> Attached {
    let address = |address: &str, gateway: &str| AttachedAddress {
        address: address.parse().unwrap(),
        gateway: gateway.parse().unwrap(),
    };
    Attached {
        host_ifname: "skep0123456789".into(),
        host_mac: MacAddr([2, 0, 0, 0, 0, 1]),
        mac: MacAddr([2, 0, 0, 0, 0, 2]),
        mtu: 1500,
        addresses: vec![
            address("10.244.1.5", "169.254.1.1"),
            address("fd00:10:244:1::5", "fe80::1"),
        ],
    }
}

//! Links: TCX, and programs of a control group.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use super::{
    call::{address, bpf, bpf_fd, fd_number},
    object::info_of,
};
use crate::{
    kernel::{Direction, SocketHook},
    model::IfIndex,
};

const PROG_QUERY: libc::c_int = 16;
const LINK_CREATE: libc::c_int = 28;
const LINK_UPDATE: libc::c_int = 29;
const LINK_DETACH: libc::c_int = 34;

const TCX_INGRESS: u32 = 46;
const TCX_EGRESS: u32 = 47;
const LINK_TYPE_CGROUP: u32 = 3;
const LINK_TYPE_TCX: u32 = 11;

const CGROUP_INET4_CONNECT: u32 = 10;
const CGROUP_INET6_CONNECT: u32 = 11;
const CGROUP_UDP4_SENDMSG: u32 = 14;
const CGROUP_UDP6_SENDMSG: u32 = 15;
const CGROUP_UDP4_RECVMSG: u32 = 19;
const CGROUP_UDP6_RECVMSG: u32 = 20;
const CGROUP_INET4_GETPEERNAME: u32 = 29;
const CGROUP_INET6_GETPEERNAME: u32 = 30;

/// Attach in front of the others.
const F_BEFORE: u32 = 1 << 3;
/// Attach behind the others.
const F_AFTER: u32 = 1 << 4;

/// What the kernel says about a link.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::kernel) struct LinkInfo {
    pub(in crate::kernel) kind: u32,
    pub(in crate::kernel) id: u32,
    pub(in crate::kernel) program_id: u32,
    pad: u32,
    /// 0 once the device is gone. Of a link to a control group: the lower half of the group's id, which
    /// is an inode number, and 0 once the group is gone.
    pub(in crate::kernel) ifindex: u32,
    pub(in crate::kernel) attach_type: u32,
    reserved: [u32; 6],
}

impl LinkInfo {
    pub(in crate::kernel) fn is_tcx(&self) -> bool {
        self.kind == LINK_TYPE_TCX
    }

    /// Tells whether the link is to a control group.
    pub(in crate::kernel) fn is_cgroup(&self) -> bool {
        self.kind == LINK_TYPE_CGROUP
    }

    /// Tells whether what the link is to still exists.
    pub(in crate::kernel) fn is_attached(&self) -> bool {
        (self.is_tcx() || self.is_cgroup()) && self.ifindex != 0
    }

    /// Returns the control group's id.
    pub(in crate::kernel) fn cgroup_id(&self) -> u64 {
        u64::from(self.attach_type) << 32 | u64::from(self.ifindex)
    }
}

pub(in crate::kernel) fn link_info(link: &OwnedFd) -> io::Result<LinkInfo> {
    let mut info = LinkInfo::default();
    // SAFETY: `LinkInfo` is the head of bpf_link_info. For TCX links it holds integers only; for
    // kinds with a pointer there, the length beside it is zero.
    unsafe { info_of(link, &mut info)? };
    Ok(info)
}

fn attach_type(direction: Direction) -> u32 {
    match direction {
        Direction::Ingress => TCX_INGRESS,
        Direction::Egress => TCX_EGRESS,
    }
}

#[repr(C)]
#[derive(Default)]
struct LinkCreate {
    prog_fd: u32,
    /// Or the descriptor of a control group.
    target_ifindex: u32,
    attach_type: u32,
    flags: u32,
    relative_id: u32,
    pad: u32,
    expected_revision: u64,
}

/// Makes a TCX link: in front of all others on ingress, behind all others on egress, so that what
/// skep sees is what is on the wire of the pod or the node.
pub(in crate::kernel) fn tcx_attach(
    program: BorrowedFd<'_>,
    device: IfIndex,
    direction: Direction,
) -> io::Result<OwnedFd> {
    let mut attr = LinkCreate {
        prog_fd: fd_number(program),
        target_ifindex: device.0,
        attach_type: attach_type(direction),
        flags: match direction {
            Direction::Ingress => F_BEFORE,
            Direction::Egress => F_AFTER,
        },
        ..LinkCreate::default()
    };
    // SAFETY: the block has no pointers; BPF_LINK_CREATE returns a new descriptor.
    unsafe { bpf_fd(LINK_CREATE, &mut attr) }
}

/// Makes a link of a program to a control group, beside those that are there.
pub(in crate::kernel) fn cgroup_attach(
    program: BorrowedFd<'_>,
    cgroup: BorrowedFd<'_>,
    hook: SocketHook,
) -> io::Result<OwnedFd> {
    let mut attr = LinkCreate {
        prog_fd: fd_number(program),
        target_ifindex: fd_number(cgroup),
        attach_type: match hook {
            SocketHook::Connect4 => CGROUP_INET4_CONNECT,
            SocketHook::Connect6 => CGROUP_INET6_CONNECT,
            SocketHook::GetPeerName4 => CGROUP_INET4_GETPEERNAME,
            SocketHook::GetPeerName6 => CGROUP_INET6_GETPEERNAME,
            SocketHook::SendMsg4 => CGROUP_UDP4_SENDMSG,
            SocketHook::SendMsg6 => CGROUP_UDP6_SENDMSG,
            SocketHook::RecvMsg4 => CGROUP_UDP4_RECVMSG,
            SocketHook::RecvMsg6 => CGROUP_UDP6_RECVMSG,
        },
        ..LinkCreate::default()
    };
    // SAFETY: the block has no pointers; BPF_LINK_CREATE returns a new descriptor.
    unsafe { bpf_fd(LINK_CREATE, &mut attr) }
}

#[repr(C)]
struct LinkUpdate {
    link_fd: u32,
    new_prog_fd: u32,
    flags: u32,
    old_prog_fd: u32,
}

/// Swaps the program of a link in one step; the link keeps its place among others.
pub(in crate::kernel) fn link_update(link: &OwnedFd, program: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = LinkUpdate {
        link_fd: fd_number(link.as_fd()),
        new_prog_fd: fd_number(program),
        flags: 0,
        old_prog_fd: 0,
    };
    // SAFETY: the block has no pointers.
    unsafe { bpf(LINK_UPDATE, &mut attr) }.map(drop)
}

/// Detaches a link at once, whoever else holds it.
pub(in crate::kernel) fn link_detach(link: &OwnedFd) -> io::Result<()> {
    let mut attr = fd_number(link.as_fd());
    // SAFETY: the block is the link's descriptor only.
    unsafe { bpf(LINK_DETACH, &mut attr) }.map(drop)
}

#[repr(C)]
#[derive(Default)]
struct Query {
    target_ifindex: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    prog_ids: u64,
    prog_cnt: u32,
    pad: u32,
    prog_attach_flags: u64,
    link_ids: u64,
    link_attach_flags: u64,
    revision: u64,
}

/// Returns the ids of the programs of one side of a device, in the order in which they run.
pub(in crate::kernel) fn tcx_query(device: IfIndex, direction: Direction) -> io::Result<Vec<u32>> {
    // The kernel allows 64 programs in a row (BPF_MPROG_MAX).
    let mut ids = [0_u32; 64];
    let mut attr = Query {
        target_ifindex: device.0,
        attach_type: attach_type(direction),
        prog_ids: address(ids.as_mut_ptr()),
        prog_cnt: ids.len() as u32,
        ..Query::default()
    };
    // SAFETY: the kernel writes at most `prog_cnt` ids into the array, which outlives the call.
    match unsafe { bpf(PROG_QUERY, &mut attr) } {
        Ok(_) => Ok(ids.iter().copied().take(attr.prog_cnt as usize).collect()),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Tells whether the kernel knows TCX (6.6). The loopback device is number 1 everywhere.
pub(in crate::kernel) fn has_tcx() -> bool {
    tcx_query(IfIndex(1), Direction::Ingress).is_ok()
}

//! TCX links.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use super::{
    call::{address, bpf, bpf_fd, fd_number},
    object::info_of,
};
use crate::{kernel::Direction, model::IfIndex};

const PROG_QUERY: libc::c_int = 16;
const LINK_CREATE: libc::c_int = 28;
const LINK_UPDATE: libc::c_int = 29;
const LINK_DETACH: libc::c_int = 34;

const TCX_INGRESS: u32 = 46;
const TCX_EGRESS: u32 = 47;
const LINK_TYPE_TCX: u32 = 11;
/// Attach in front of the others.
const F_BEFORE: u32 = 1 << 3;
/// Attach behind the others.
const F_AFTER: u32 = 1 << 4;

/// What the kernel says about a TCX link.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::kernel) struct LinkInfo {
    pub(in crate::kernel) kind: u32,
    pub(in crate::kernel) id: u32,
    pub(in crate::kernel) program_id: u32,
    pad: u32,
    /// 0 once the device is gone.
    pub(in crate::kernel) ifindex: u32,
    pub(in crate::kernel) attach_type: u32,
    reserved: [u32; 6],
}

impl LinkInfo {
    pub(in crate::kernel) fn is_tcx(&self) -> bool {
        self.kind == LINK_TYPE_TCX
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

//! Programs: test runs, and what the kernel says about loaded ones.

use std::{io, os::fd::BorrowedFd};

use super::{
    call::{address, bpf, bpf_fd, fd_number},
    object::info_of,
};
use crate::kernel::TestPacket;

const PROG_TEST_RUN: libc::c_int = 10;
const PROG_GET_FD_BY_ID: libc::c_int = 13;

#[repr(C)]
#[derive(Default)]
struct Run {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    ctx_size_in: u32,
    ctx_size_out: u32,
    ctx_in: u64,
    ctx_out: u64,
}

/// The leading part of `struct __sk_buff`.
#[repr(C)]
#[derive(Default)]
struct SkBuff {
    length: u32,
    packet_type: u32,
    mark: u32,
    queue_mapping: u32,
    protocol: u32,
    vlan: [u32; 3],
    priority: u32,
    ingress_ifindex: u32,
    ifindex: u32,
}

/// Runs a program on a packet: return value, packet, average nanoseconds.
pub(in crate::kernel) fn test_run(
    program: BorrowedFd<'_>,
    packet: &TestPacket,
) -> io::Result<(u32, Vec<u8>, u32)> {
    // Room for what a program may add: headers of a tunnel.
    let mut out = vec![0_u8; packet.data.len() + 256];
    let context = SkBuff {
        mark: packet.mark,
        ifindex: packet.ifindex,
        ingress_ifindex: packet.ingress_ifindex,
        ..SkBuff::default()
    };
    let mut attr = Run {
        prog_fd: fd_number(program),
        data_size_in: u32::try_from(packet.data.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        data_size_out: u32::try_from(out.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        data_in: address(packet.data.as_ptr()),
        data_out: address(out.as_mut_ptr()),
        repeat: packet.repeat.max(1),
        ctx_size_in: size_of::<SkBuff>() as u32,
        ctx_in: address(&context),
        ..Run::default()
    };
    // SAFETY: the kernel reads the packet and the context within the given sizes and writes at most
    // `data_size_out` bytes to `out`; all three outlive the call.
    unsafe { bpf(PROG_TEST_RUN, &mut attr)? };
    out.truncate(attr.data_size_out as usize);
    Ok((attr.retval, out, attr.duration))
}

/// The leading part of `struct bpf_prog_info`, as far as skep reads it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct ProgramInfoHead {
    kind: u32,
    id: u32,
    tag: [u8; 8],
    jited_length: u32,
    translated_length: u32,
    jited: u64,
    translated: u64,
    load_time: u64,
    uid: u32,
    map_count: u32,
    map_ids: u64,
    name: [u8; 16],
}

/// Name and maps of a loaded program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::kernel) struct LoadedProgram {
    pub(in crate::kernel) name: String,
    pub(in crate::kernel) map_ids: Vec<u32>,
}

/// Returns what the kernel says about a program; None when it is gone.
pub(in crate::kernel) fn program(id: u32) -> io::Result<Option<LoadedProgram>> {
    let mut attr = [id, 0, 0];
    // SAFETY: the block holds an id and no pointers; the command returns a new descriptor.
    let fd = match unsafe { bpf_fd(PROG_GET_FD_BY_ID, &mut attr) } {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(None),
        other => other?,
    };
    let mut map_ids = vec![0_u32; 64];
    let mut info = ProgramInfoHead {
        map_count: map_ids.len() as u32,
        map_ids: address(map_ids.as_mut_ptr()),
        ..ProgramInfoHead::default()
    };
    // SAFETY: the head of bpf_prog_info. The kernel writes at most `map_count` ids through
    // `map_ids`, whose vector lives on; it follows no other pointer, as their lengths are zero.
    unsafe { info_of(&fd, &mut info)? };
    map_ids.truncate(info.map_count as usize);
    let name = info.name.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(Some(LoadedProgram { name: String::from_utf8_lossy(name).into_owned(), map_ids }))
}

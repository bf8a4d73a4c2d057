//! Pins, and what the kernel says about objects.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use super::call::{address, bpf, bpf_fd, fd_number};

const OBJ_PIN: libc::c_int = 6;
const OBJ_GET: libc::c_int = 7;
const OBJ_GET_INFO_BY_FD: libc::c_int = 15;

#[repr(C)]
struct Object {
    path: u64,
    fd: u32,
    flags: u32,
}

fn path_bytes(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// Pins an object.
pub(in crate::kernel) fn pin(fd: &OwnedFd, path: &Path) -> io::Result<()> {
    let path = path_bytes(path)?;
    let mut attr = Object { path: address(path.as_ptr()), fd: fd_number(fd.as_fd()), flags: 0 };
    // SAFETY: the path is a terminated string that outlives the call.
    unsafe { bpf(OBJ_PIN, &mut attr) }.map(drop)
}

/// Opens a pinned object.
pub(in crate::kernel) fn open_pin(path: &Path) -> io::Result<OwnedFd> {
    let path = path_bytes(path)?;
    let mut attr = Object { path: address(path.as_ptr()), fd: 0, flags: 0 };
    // SAFETY: the path is a terminated string that outlives the call; BPF_OBJ_GET returns a new
    // descriptor.
    unsafe { bpf_fd(OBJ_GET, &mut attr) }
}

#[repr(C)]
struct Info {
    fd: u32,
    length: u32,
    info: u64,
}

/// Reads what the kernel says about an object.
///
/// # Safety
/// `T` must be the head of the object's info struct, made of integers; every pointer in it must be
/// valid for as many bytes as the length beside it says.
pub(super) unsafe fn info_of<T: Copy>(fd: &OwnedFd, info: &mut T) -> io::Result<()> {
    let mut attr = Info {
        fd: fd_number(fd.as_fd()),
        length: u32::try_from(size_of::<T>()).expect("info blocks are small"),
        info: address(info),
    };
    // SAFETY: the kernel writes at most `length` bytes to `info`, which is exclusively borrowed; the
    // caller vouches for the rest.
    unsafe { bpf(OBJ_GET_INFO_BY_FD, &mut attr) }.map(drop)
}

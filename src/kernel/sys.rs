//! The `bpf()` calls that aya lacks: single and batched map operations on any key type, TCX links,
//! queries. Nothing above this file sees an attribute block.
//!
//! Each block is a prefix of `union bpf_attr`; the kernel takes the size along and reads what is
//! missing as zero. Field order and offsets are those of `linux/bpf.h`.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use aya::Pod;

use super::{Direction, TestPacket};
use crate::model::IfIndex;

const MAP_LOOKUP_ELEM: libc::c_int = 1;
const MAP_UPDATE_ELEM: libc::c_int = 2;
const MAP_DELETE_ELEM: libc::c_int = 3;
const OBJ_PIN: libc::c_int = 6;
const OBJ_GET: libc::c_int = 7;
const PROG_TEST_RUN: libc::c_int = 10;
const PROG_GET_FD_BY_ID: libc::c_int = 13;
const OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const PROG_QUERY: libc::c_int = 16;
const MAP_LOOKUP_BATCH: libc::c_int = 24;
const MAP_UPDATE_BATCH: libc::c_int = 26;
const MAP_DELETE_BATCH: libc::c_int = 27;
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

/// Makes one bpf() call with an attribute block.
///
/// # Safety
/// `attr` must be a prefix of `union bpf_attr` for `command`, and every pointer in it must be valid
/// for what the command reads or writes through it.
unsafe fn bpf<A>(command: libc::c_int, attr: &mut A) -> io::Result<i32> {
    // SAFETY: the block is exclusively borrowed and its exact size is passed; the caller vouches for
    // its contents.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size_of::<A>()) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    i32::try_from(result).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Like [`bpf`], for commands that return a descriptor.
///
/// # Safety
/// As [`bpf`]; the command must return a new descriptor.
unsafe fn bpf_fd<A>(command: libc::c_int, attr: &mut A) -> io::Result<OwnedFd> {
    // SAFETY: as this function's.
    let fd = unsafe { bpf(command, attr)? };
    // SAFETY: the kernel just made this descriptor for us (the caller's promise); nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn fd_number(fd: BorrowedFd<'_>) -> u32 {
    u32::try_from(fd.as_raw_fd()).expect("an open descriptor is not negative")
}

fn address<T>(pointer: *const T) -> u64 {
    pointer as u64
}

#[repr(C)]
struct Element {
    map_fd: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

impl Element {
    fn new<K: Pod>(map: BorrowedFd<'_>, key: &K, value: u64) -> Self {
        Self { map_fd: fd_number(map), pad: 0, key: address(key), value, flags: 0 }
    }
}

/// A map with fixed key and value types, as the callers' [`crate::maps::Table`] states them. Sizes
/// are checked against the kernel's when the map is opened.
#[derive(Debug)]
pub(super) struct RawMap {
    fd: OwnedFd,
    info: MapInfo,
}

/// What the kernel says about a map.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MapInfo {
    pub(super) kind: u32,
    pub(super) id: u32,
    pub(super) key_size: u32,
    pub(super) value_size: u32,
    pub(super) max_entries: u32,
    pub(super) flags: u32,
}

/// Keys with the values of every possible CPU.
pub(super) type PerCpuEntries<K, V> = Vec<(K, Vec<V>)>;

/// Where a batched walk goes on. The kernel defines its contents: a key or a bucket number.
#[derive(Clone, Debug, Default)]
pub struct BatchCursor(Option<Vec<u8>>);

impl RawMap {
    pub(super) fn new(fd: OwnedFd) -> io::Result<Self> {
        let mut info = MapInfo::default();
        // SAFETY: `MapInfo` is the head of bpf_map_info: integers, no pointers.
        unsafe { info_of(&fd, &mut info)? };
        Ok(Self { fd, info })
    }

    pub(super) fn info(&self) -> &MapInfo {
        &self.info
    }

    /// Returns the value, which for a map without per-CPU values has the size of `V`.
    pub(super) fn lookup<K: Pod, V: Pod>(&self, key: &K) -> io::Result<Option<V>> {
        self.check::<K, V>()?;
        let mut value = std::mem::MaybeUninit::<V>::zeroed();
        let mut attr = Element::new(self.fd.as_fd(), key, address(value.as_mut_ptr()));
        // SAFETY: `check` proved that the kernel reads size_of::<K>() bytes of the key and writes
        // size_of::<V>() bytes of the value; both outlive the call.
        match unsafe { bpf(MAP_LOOKUP_ELEM, &mut attr) } {
            // SAFETY: `V` is plain old data, valid for any bytes, and zeroed before.
            Ok(_) => Ok(Some(unsafe { value.assume_init() })),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn update<K: Pod, V: Pod>(&self, key: &K, value: &V) -> io::Result<()> {
        self.check::<K, V>()?;
        let mut attr = Element::new(self.fd.as_fd(), key, address(value));
        // SAFETY: `check` proved that the kernel reads size_of::<K>() and size_of::<V>() bytes; both
        // outlive the call.
        unsafe { bpf(MAP_UPDATE_ELEM, &mut attr) }.map(drop)
    }

    /// Removes an entry; an absent one is fine.
    pub(super) fn delete<K: Pod>(&self, key: &K) -> io::Result<()> {
        self.check_size(size_of::<K>(), self.info.key_size)?;
        let mut attr = Element::new(self.fd.as_fd(), key, 0);
        // SAFETY: the kernel reads size_of::<K>() bytes of the key, as checked; it outlives the call.
        match unsafe { bpf(MAP_DELETE_ELEM, &mut attr) } {
            Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
            _ => Ok(()),
        }
    }

    /// Reads the next entries behind the cursor, at most `limit`, or more when the kernel cannot cut
    /// there (the entries of one hash bucket come together).
    pub(super) fn next_batch<K: Pod, V: Pod>(
        &self,
        cursor: &mut BatchCursor,
        limit: usize,
    ) -> io::Result<(Vec<(K, V)>, Walk)> {
        let (keys, values, walk) = self.batch(cursor, limit, 1)?;
        Ok((keys.into_iter().zip(values).collect(), walk))
    }

    /// The same for a per-CPU map; each key comes with the values of all possible CPUs.
    pub(super) fn next_per_cpu_batch<K: Pod, V: Pod>(
        &self,
        cursor: &mut BatchCursor,
        limit: usize,
        cpus: usize,
    ) -> io::Result<(PerCpuEntries<K, V>, Walk)> {
        // The kernel rounds each CPU's value up to eight bytes; others would need a stride.
        if !size_of::<V>().is_multiple_of(8) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let (keys, values, walk) = self.batch::<K, V>(cursor, limit, cpus.max(1))?;
        let values = values.chunks(cpus.max(1)).map(<[V]>::to_vec);
        Ok((keys.into_iter().zip(values).collect(), walk))
    }

    fn batch<K: Pod, V: Pod>(
        &self,
        cursor: &mut BatchCursor,
        limit: usize,
        values_per_key: usize,
    ) -> io::Result<(Vec<K>, Vec<V>, Walk)> {
        self.check::<K, V>()?;
        let mut room = limit.max(16);
        loop {
            let mut keys = Vec::<K>::with_capacity(room);
            let mut values = Vec::<V>::with_capacity(room * values_per_key);
            // LPM tries and arrays keep a key here, hash maps a bucket number of four bytes.
            let mut next = vec![0_u8; size_of::<K>().max(4)];
            let mut attr = Batch {
                in_batch: cursor.0.as_ref().map_or(0, |bytes| address(bytes.as_ptr())),
                out_batch: address(next.as_mut_ptr()),
                keys: address(keys.as_mut_ptr()),
                values: address(values.as_mut_ptr()),
                count: u32::try_from(room).unwrap_or(u32::MAX),
                map_fd: fd_number(self.fd.as_fd()),
                ..Batch::default()
            };
            // SAFETY: `keys` has room for `count` keys and `values` for `count` times the values
            // that this kind of map has per key, of the checked sizes; the cursors hold at least
            // the key size and four bytes. All outlive the call.
            let walk = match unsafe { bpf(MAP_LOOKUP_BATCH, &mut attr) } {
                Ok(_) => Walk::More,
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Walk::Done,
                // One bucket did not fit; nothing was consumed.
                Err(error) if error.raw_os_error() == Some(libc::ENOSPC) && room < 1 << 20 => {
                    room *= 2;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let count = (attr.count as usize).min(room);
            // SAFETY: the kernel wrote `count` keys with their values; both are plain old data, and
            // `count` is at most the capacity asked for above.
            unsafe {
                keys.set_len(count);
                values.set_len(count * values_per_key);
            }
            *cursor = BatchCursor(matches!(walk, Walk::More).then_some(next));
            return Ok((keys, values, walk));
        }
    }

    /// Writes entries; those in front of a failing one are written.
    pub(super) fn update_batch<K: Pod, V: Pod>(&self, keys: &[K], values: &[V]) -> io::Result<()> {
        self.check::<K, V>()?;
        if keys.len() != values.len() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if keys.is_empty() {
            return Ok(());
        }
        let mut attr = Batch {
            keys: address(keys.as_ptr()),
            values: address(values.as_ptr()),
            count: u32::try_from(keys.len()).unwrap_or(u32::MAX),
            map_fd: fd_number(self.fd.as_fd()),
            ..Batch::default()
        };
        // SAFETY: the kernel reads `count` keys and values of the checked sizes from slices that
        // are at least that long and outlive the call.
        unsafe { bpf(MAP_UPDATE_BATCH, &mut attr) }.map(drop)
    }

    /// Removes entries. Absent ones are skipped: the kernel stops at them, so the rest follows in
    /// another call.
    pub(super) fn delete_batch<K: Pod>(&self, keys: &[K]) -> io::Result<()> {
        self.check_size(size_of::<K>(), self.info.key_size)?;
        let mut rest = keys;
        while !rest.is_empty() {
            let mut attr = Batch {
                keys: address(rest.as_ptr()),
                count: u32::try_from(rest.len()).unwrap_or(u32::MAX),
                map_fd: fd_number(self.fd.as_fd()),
                ..Batch::default()
            };
            // SAFETY: the kernel reads `count` keys of the checked size from a slice that is at
            // least that long and outlives the call.
            match unsafe { bpf(MAP_DELETE_BATCH, &mut attr) } {
                Ok(_) => return Ok(()),
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
                    let done = attr.count as usize + 1;
                    rest = rest.get(done..).unwrap_or_default();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn check<K, V>(&self) -> io::Result<()> {
        self.check_size(size_of::<K>(), self.info.key_size)?;
        self.check_size(size_of::<V>(), self.info.value_size)
    }

    fn check_size(&self, ours: usize, kernels: u32) -> io::Result<()> {
        if ours == kernels as usize {
            return Ok(());
        }
        let text = format!("map {} has another layout: {kernels} bytes, not {ours}", self.info.id);
        Err(io::Error::new(io::ErrorKind::InvalidData, text))
    }
}

/// Whether a batched walk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    More,
    Done,
}

#[repr(C)]
#[derive(Default)]
struct Batch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

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
pub(super) fn pin(fd: &OwnedFd, path: &Path) -> io::Result<()> {
    let path = path_bytes(path)?;
    let mut attr = Object { path: address(path.as_ptr()), fd: fd_number(fd.as_fd()), flags: 0 };
    // SAFETY: the path is a terminated string that outlives the call.
    unsafe { bpf(OBJ_PIN, &mut attr) }.map(drop)
}

/// Opens a pinned object.
pub(super) fn open_pin(path: &Path) -> io::Result<OwnedFd> {
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
unsafe fn info_of<T: Copy>(fd: &OwnedFd, info: &mut T) -> io::Result<()> {
    let mut attr = Info {
        fd: fd_number(fd.as_fd()),
        length: u32::try_from(size_of::<T>()).expect("info blocks are small"),
        info: address(info),
    };
    // SAFETY: the kernel writes at most `length` bytes to `info`, which is exclusively borrowed; the
    // caller vouches for the rest.
    unsafe { bpf(OBJ_GET_INFO_BY_FD, &mut attr) }.map(drop)
}

/// What the kernel says about a TCX link.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LinkInfo {
    pub(super) kind: u32,
    pub(super) id: u32,
    pub(super) program_id: u32,
    pad: u32,
    /// 0 once the device is gone.
    pub(super) ifindex: u32,
    pub(super) attach_type: u32,
    reserved: [u32; 6],
}

impl LinkInfo {
    pub(super) fn is_tcx(&self) -> bool {
        self.kind == LINK_TYPE_TCX
    }
}

pub(super) fn link_info(link: &OwnedFd) -> io::Result<LinkInfo> {
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
pub(super) fn tcx_attach(
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
pub(super) fn link_update(link: &OwnedFd, program: BorrowedFd<'_>) -> io::Result<()> {
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
pub(super) fn link_detach(link: &OwnedFd) -> io::Result<()> {
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
pub(super) fn tcx_query(device: IfIndex, direction: Direction) -> io::Result<Vec<u32>> {
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
pub(super) fn has_tcx() -> bool {
    tcx_query(IfIndex(1), Direction::Ingress).is_ok()
}

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
pub(super) fn test_run(
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
pub(super) struct LoadedProgram {
    pub(super) name: String,
    pub(super) map_ids: Vec<u32>,
}

/// Returns what the kernel says about a program; None when it is gone.
pub(super) fn program(id: u32) -> io::Result<Option<LoadedProgram>> {
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

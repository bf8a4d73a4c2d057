//! The `bpf()` calls that aya lacks: single and batched map operations on any key type, TCX links,
//! queries. Nothing above this folder sees an attribute block.
//!
//! Each block is a prefix of `union bpf_attr`; the kernel takes the size along and reads what is
//! missing as zero. Field order and offsets are those of `linux/bpf.h`.

mod call;
mod link;
mod map;
mod object;
mod program;

pub(super) use link::{
    cgroup_attach, has_tcx, link_detach, link_info, link_update, tcx_attach, tcx_query,
};
pub use map::BatchCursor;
pub(super) use map::{MapInfo, RawMap, Walk};
pub(super) use object::{open_pin, pin};
pub(super) use program::{LoadedProgram, program, test_run};

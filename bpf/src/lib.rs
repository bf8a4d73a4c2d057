//! skep's datapath.
//!
//! The library part is portable and `no_std`: [`abi`] holds the bytes shared by
//! the kernel and user space, the other modules hold the datapath logic, generic
//! over small traits, so that `cargo test -p skep-bpf` runs it on the host. The
//! binary part (`src/bin/datapath`) binds that logic to the kernel and is built
//! only for the bpf target.
#![cfg_attr(not(test), no_std)]

pub mod abi;

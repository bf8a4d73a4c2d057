//! The compiled datapath.

/// The eBPF object that `build.rs` made from `bpf/`: every program and map definition, with BTF.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/skep-datapath"));

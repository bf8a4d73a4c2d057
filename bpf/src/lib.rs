//! skep's datapath.
//!
//! The library part is portable and `no_std`: [`abi`] holds the bytes shared by
//! the kernel and user space, the other modules hold the datapath logic, generic
//! over small traits, so that `cargo test -p skep-bpf` runs it on the host. The
//! binary part (`src/bin/datapath`) binds that logic to the kernel and is built
//! only for the bpf target.
//!
//! A packet goes through [`walk`]: its headers are parsed ([`packet`]), its link
//! and source checked ([`link`], [`source`]), its destination found ([`target`]),
//! its connection looked up ([`conntrack`]) and both legs judged ([`door`]); then
//! it is translated ([`nat`]) and forwarded ([`forward`]), counted and told
//! ([`report`]). Sockets that are connected to services are [`balance`]d before they send any.
//!
//! Most packets are of connections between two pods of a node about which all was asked when they
//! began: those take a shorter way to the same end, past everything that was only needed to find
//! that out.
#![cfg_attr(not(test), no_std)]

pub mod abi;
pub mod admission;
pub mod balance;
pub mod checksum;
pub mod conntrack;
pub mod door;
pub mod env;
pub mod forward;
pub mod fragment;
pub mod link;
pub mod mark;
pub mod nat;
pub mod packet;
pub mod report;
pub mod source;
pub mod state;
pub mod target;
pub mod walk;

//! The compiled datapath in this kernel: packet in, then verdict, packet out, and which counters and
//! events moved. Needs root and no files, so that it runs in a bare VM, too.
#![allow(clippy::print_stdout, reason = "figures are told on the console")]

mod agreement;
mod cluster;
mod cost;
mod frames;
mod kernel_rig;
mod layout;
mod rig;
mod scenarios;
mod truncation;

use kernel_rig::KernelRig;

all_scenarios!(KernelRig::new(), ignore = "needs root");

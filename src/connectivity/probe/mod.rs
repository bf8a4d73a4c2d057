//! The client: tries one thing from where it runs, and says exactly how it ended.
//!
//! Each probe is blocking code on a thread of its own: the kernel's error queue, which tells who
//! answered with which ICMP error, is read by plain system calls.

mod association;
mod census;
mod datagram;
mod lasting;
mod message;
mod name;
mod outcome;
mod queue;
mod run;
mod spec;
mod stream;

pub use lasting::ANSWERS;
pub use outcome::Outcome;
pub use run::{Attempt, Patience, run_all, run_all_telling};
pub use spec::{Fragments, Host, InvalidProbe, Probe, Protocol, Size};

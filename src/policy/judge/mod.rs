//! Rules + two ends -> a verdict and its reason. Written straight from the meaning of policies, without
//! tables: what is compiled for the kernel is tested against it.

mod decide;
mod peers;
mod side;

pub use decide::{Deciding, Decision, Mode, Verdict};
pub use peers::PeerMatcher;
pub use side::{Judge, Packet, Side, concerns, is_subject, ports_include};

//! The scenarios, by subject.

mod allow;
mod cidr;
mod deny;
mod entities;
mod host;
mod ports;
mod ranges;
mod select;
mod tiers;

pub(in crate::connectivity) use allow::*;
pub(in crate::connectivity) use cidr::*;
pub(in crate::connectivity) use deny::*;
pub(in crate::connectivity) use entities::*;
pub(in crate::connectivity) use host::*;
pub(in crate::connectivity) use ports::*;
pub(in crate::connectivity) use ranges::*;
pub(in crate::connectivity) use select::*;
pub(in crate::connectivity) use tiers::*;

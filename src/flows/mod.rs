//! 6. Event + identities -> flow; the ring store, filters, counters.
//!
//! The agent pushes [`crate::events`] into an [`Observer`], which looks up who the addresses
//! belong to while it is still true ([`Resolve`]) and keeps compact [`Record`]s. A reader
//! subscribes with a [`Request`]; only then are records turned into [`Flow`]s, whose JSON is
//! Hubble's: proto names, enums by name, times in nanoseconds.

mod clock;
mod filter;
mod flow;
mod observer;
mod protocol;
mod record;
mod render;
mod request;
mod resolve;
mod ring;
mod text;

pub use clock::BootClock;
pub use filter::{EventTypeFilter, Filter, InvalidFilter, Matcher, WorkloadFilter};
pub use flow::{
    Emitter, Endpoint, Ethernet, EventType, Flow, FlowType, Icmp, Interface, Ip, IpVersion, Layer4,
    Lost, LostSource, Message, Ports, Tcp, TcpFlags, TraceReason, TrafficDirection, Tunnel,
    Verdict, Workload,
};
pub use observer::{Observed, Observer, Settings, Stats, SubscribeError, Subscription};
pub use protocol::protocol_name;
pub use record::Record;
pub use request::{Request, Window};
pub use resolve::{PeerInfo, Resolve};
pub use text::escape;

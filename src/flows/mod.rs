//! 6. Event + identities -> flow; the ring store, filters, counters.
//!
//! The agent pushes [`crate::events`] into an [`Observer`], which looks up who the addresses
//! belong to while it is still true ([`Resolve`]) and keeps compact [`Record`]s. A reader
//! subscribes with a [`Request`]; only then are records turned into [`Flow`]s, whose JSON is
//! Hubble's: proto names, enums by name, times in nanoseconds.

mod clock;
mod filter;
mod flow;
mod json;
mod message;
mod observer;
mod owner;
mod packet;
mod policy;
mod protocol;
mod record;
mod render;
mod request;
mod resolve;
mod ring;
mod subscription;
mod text;

pub use clock::BootClock;
pub use filter::{EventTypeFilter, Filter, InvalidFilter, Matcher, WorkloadFilter};
pub use flow::{
    Emitter, EventType, Flow, FlowType, Interface, TraceReason, TrafficDirection, Tunnel, Verdict,
};
pub use message::{Lost, LostSource, Message};
pub use observer::{Observer, Settings, Stats};
pub use owner::{Endpoint, Workload};
pub use packet::{Ethernet, Icmp, Ip, IpVersion, Layer4, Ports, Tcp, TcpFlags};
pub use policy::Policy;
pub use protocol::protocol_name;
pub use record::Record;
pub use request::{Request, Window};
pub use resolve::{PeerInfo, PolicyInfo, Resolve, RuleInfo, RuleMatch};
pub use subscription::{Observed, SubscribeError, Subscription};
pub use text::escape;

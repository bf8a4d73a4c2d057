//! 6. Event + identities -> flow; the ring store, filters, counters.
//!
//! The agent pushes [`crate::events`] into an [`Observer`], which looks up who the addresses
//! belong to while it is still true ([`Resolve`]) and keeps compact [`Record`]s. A reader
//! subscribes with a [`Request`]; only then are records turned into [`crate::hubble::flow::Flow`]s, which
//! go out as protobuf or as Hubble's JSON.
//!
//! What the ring has no room for may stay on disk ([`History`]); readers that ask for older flows get them from there
//! first, and do not notice.
//!
//! [`edges`] counts flows by who speaks with whom, [`Saved`] reads them from files, and a [`Monitor`] hands
//! out events as they came.

mod cel;
mod clock;
mod connection;
pub mod edges;
mod filter;
mod flow;
mod here;
mod history;
mod loss;
mod message;
pub mod metrics;
mod monitor;
mod namespaces;
mod observer;
mod policy;
mod protocol;
mod rate;
mod raw;
mod record;
mod remembered;
mod render;
mod request;
mod resolve;
mod ring;
mod saved;
mod seen;
mod subscription;
mod talks;
#[cfg(test)]
mod tests;
mod text;

pub use cel::{InvalidExpression, Problem};
pub use clock::BootClock;
pub use filter::{InvalidFilter, Matcher};
pub use history::{History, HistorySettings, HistoryStats};
pub use monitor::{EventFilter, Monitor, Monitored};
pub use observer::{Observer, Settings, Stats};
pub use protocol::protocol_name;
pub use raw::{RawEvent, RawKind, RawPeer};
pub use record::Record;
pub use request::{Request, Window};
#[cfg(test)]
pub(crate) use resolve::Strangers;
pub use resolve::{PeerInfo, PolicyInfo, Resolve, RuleInfo, RuleMatch};
pub use saved::{Saved, SavedError};
pub use subscription::{Observed, SubscribeError, Subscription};
pub use text::escape;

//! Words that every part shares. No I/O.

mod derive;
mod endpoint;
mod filter;
pub mod hubble;
mod identity;
mod labels;
mod node;

pub use derive::{CLUSTER_LABEL, Derivation, PodLabels};
pub use endpoint::{Addresses, EndpointId, IfIndex, Incarnation, MacAddr, PodRef};
pub use filter::LabelFilter;
pub use identity::Identity;
pub use labels::Labels;
pub use node::{NodeId, everywhere};
pub use skep_bpf::abi::{Counted, DropReason, Family, Note};

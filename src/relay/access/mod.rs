//! Flows by namespace: who may read the pods of a namespace sees the flows of its pods, and no others.
//!
//! A client shows a token with every question ([`Viewer`]). What it may not see is taken out of a flow before the
//! client's own filters look at it ([`hide`]): a filter would otherwise answer questions about what is hidden.
//! For that reason nodes are asked for everything ([`show`]).

mod hide;
mod show;
mod viewer;

pub(super) use show::answer;
pub use viewer::{Access, Denied, User};
pub(super) use viewer::{Sight, Viewer};

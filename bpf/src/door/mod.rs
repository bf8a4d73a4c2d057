//! The one door: nothing is delivered without an [`Admitted`].
//!
//! `admit` is the only constructor of [`Admitted`] by a policy, `current` that by a leg of which
//! nothing is stale, and [`host`] has those of packets that none is asked about. Every constructor
//! of an [`Action`] that delivers takes one for each leg that is judged here. The walks decide where
//! a packet goes; they cannot send it there without having asked.

mod action;
mod admit;
mod adopt;
mod host;
mod judge;
mod leg;
mod pass;
mod related;
mod relay;
mod standing;

pub(crate) use action::Passage;
pub use action::{Action, Outcome};
pub use admit::{Admitted, Destination, Host, Local, Receipt, Source, Transit};
pub use host::{
    complaint, excuse, host, is_protected, link_protocol, to_itself, transit, tunnelled,
    unprotected, vouched,
};
pub use judge::judge;
pub(crate) use judge::{Question, Verdict, told};
pub(crate) use leg::Legs;
pub use pass::{Context, Tally, pass};
pub use related::related;
pub use relay::{relay, relay_back};
pub use standing::standing;

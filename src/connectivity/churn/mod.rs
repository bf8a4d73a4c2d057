//! Scenarios during which servers come and go.
//!
//! Each has servers of its own (`case`), so that others may run at the same time, and acts (`cases`):
//! checks, and what is done to the servers while or after they are made (`run`). All of it is in the
//! namespace of the test and goes with it, whenever a run ends.

mod case;
mod cases;
mod redirect;
mod run;

pub(super) use case::{BACKS, Backend, Case, Place, parts, plan};
pub(super) use cases::{ENDING, MOVING};
pub(super) use redirect::REDIRECTED;
pub(super) use run::{Runner, clear};

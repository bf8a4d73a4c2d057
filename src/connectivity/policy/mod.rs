//! Policy scenarios: policies that are put into force, what they make of packets, and who says so.
//!
//! A scenario is data (`case`, `cases`): objects, and rows of who tries whom with which result.
//! `plan` makes checks of rows, `manifest` objects of text, `objects` brings them to the API server
//! and away again, `run` does one scenario after the other, and `account` compares what agents say
//! about packets with what decided in truth.

mod account;
mod case;
pub(super) mod cases;
mod manifest;
mod objects;
mod plan;
mod run;
#[cfg(test)]
mod tests;

pub use account::{Account, Blame, Drop, Grant, Packets, Pass, PolicyName, Side};
pub(super) use case::{Case, Form};
pub(super) use objects::{remove_all, sweep};
pub(super) use plan::plan;
pub(super) use run::Stage;

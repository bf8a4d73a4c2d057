//! `skep top`: who speaks with whom, live.
//!
//! [`state::State`] changes by keys and flows only, and [`view`] draws it; both are pure. [`live`] joins them
//! with a stream of flows and a terminal.

mod command;
mod keys;
mod lists;
mod live;
mod once;
mod rate;
mod screen;
mod sheet;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use command::Args;

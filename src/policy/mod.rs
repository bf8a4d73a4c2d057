//! Policy: objects -> rules -> verdicts. Pure: no I/O, no clock, nothing asynchronous.
//!
//! [`text`] reads YAML into nodes that know where they stand, [`parse`] turns nodes into [`rule`]s that
//! cannot be wrong, [`cluster`] holds the ends that rules speak of, [`judge`] says what becomes of a
//! packet between two of them and why, [`matrix`] says it of all of them, [`explain`] says why of two,
//! [`diff`] says what changes from one set of objects to another, [`lint`] says what is probably not
//! meant, and [`compile`] makes the tables in which programs look it up.

pub mod cluster;
pub mod compile;
pub mod diff;
pub mod explain;
pub mod judge;
pub mod lint;
pub mod matrix;
pub mod parse;
pub mod rule;
pub mod text;

mod input;
#[cfg(test)]
mod tests;

pub use input::{Grounds, Input, InputError};

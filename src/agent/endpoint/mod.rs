//! The pods of this node: connect, disconnect, relabel, restore.

mod add;
mod check;
mod delete;
mod hurry;
mod labelling;
mod near;
mod reaper;
mod rest;
mod restore;
mod set;
mod tables;
mod turns;

pub(super) use add::{Made, Wanted};
pub(super) use labelling::Labelling;
pub(super) use near::{Difference, differences as near_differences};
pub(super) use set::{Context, Endpoints, StartError};
pub(super) use tables::wanted;

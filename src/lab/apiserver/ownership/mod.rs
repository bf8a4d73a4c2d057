//! Who owns which field: `managedFields`, and server-side apply, which is built on it.

mod apply;
mod entries;
mod shape;
mod track;
mod tree;

pub(super) use apply::apply;
pub(super) use entries::Writer;
pub(super) use shape::{ListShape, Shape};
pub(super) use track::track;

#[cfg(test)]
mod tests;

//! `skep endpoint`.

pub(crate) mod list;

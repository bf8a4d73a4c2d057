//! `skep identity`.

pub(crate) mod list;

//! `skep node`.

pub(crate) mod list;

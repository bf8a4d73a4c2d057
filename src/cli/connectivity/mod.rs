//! `skep connectivity`.

pub(crate) mod test;
mod view;

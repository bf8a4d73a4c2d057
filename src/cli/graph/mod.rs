//! `skep graph`: who speaks with whom, as a picture.
//!
//! [`map::Map`] is what is drawn, in a stable order; [`layout`] says where; each format has a file.

mod command;
mod dot;
mod json;
mod label;
mod layout;
mod map;
mod mermaid;
mod svg;
#[cfg(test)]
mod tests;

pub(crate) use command::Args;

//! The only place that writes to the terminal.
//!
//! stdout is the answer, stderr is everything else. Meaning is never carried by colour alone.

mod color;
mod confirm;
mod format;
mod list;
mod progress;
mod table;
mod terminal;
mod text;

pub(crate) use color::ColorChoice;
pub(crate) use format::{EncodeError, Format, FormatArgs, Render};
pub(crate) use list::{Columns, ListView};
pub(crate) use progress::Progress;
pub(crate) use table::{Cell, Detail, Table, Tone};
pub(crate) use terminal::{Output, Settings};
pub(crate) use text::{age, bytes, escape};

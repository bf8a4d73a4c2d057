//! Text -> tree: YAML and JSON as nodes that know where they stand.

mod node;
mod yaml;

pub use node::{Document, Entry, Mark, Node, Span, Value};
pub use yaml::{TextError, parse};

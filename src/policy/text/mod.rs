//! Text -> tree: YAML and JSON as nodes that know where they stand.

mod lines;
mod node;
mod quotes;
mod yaml;

pub use lines::Lines;
pub use node::{Document, Entry, Mark, Node, Span, Value};
pub use yaml::{TextError, parse};

//! Maglev tables (Eisenbud et al., NSDI 2016): all nodes send a connection to the same backend, and few
//! connections move when a backend comes or goes.

mod hash;
mod size;
mod table;

pub use size::Limit;
pub use table::{assign, table};

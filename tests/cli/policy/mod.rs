//! `skep policy`, offline.

mod explain;
mod matrix;

//! `skep policy`, offline.

mod diff;
mod explain;
mod matrix;

//! `skep policy`, offline.

mod diff;
mod explain;
mod lint;
mod matrix;

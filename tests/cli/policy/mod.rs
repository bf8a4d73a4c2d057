//! `skep policy`, offline.

mod diff;
mod explain;
mod hostile;
mod lint;
mod matrix;

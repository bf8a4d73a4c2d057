//! `skep policy` on files.

mod matrix;

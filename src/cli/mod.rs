//! The terminal: arguments, one file per command, output, errors.
//!
//! # How to add a command
//!
//! 1. Its file is its path: `skep node list` lives in `node/list.rs`. The file has a `clap::Args`
//!    struct, whose doc comment is the help (one line, then a paragraph and an `Example:`), and
//!    `fn run(self, out: &Output) -> Result<Answer, Error>`.
//! 2. Name it in [`tree`], which shows every command at a glance, and in [`run`], which calls it.
//! 3. Errors: return your folder's own error enum with `?` and add a row to the table in
//!    [`error`], which decides the exit code and the hints.
//! 4. Printing: only [`output`] writes to the terminal. [`output::Output::show`] prints an answer
//!    in the format the user chose, [`output::Output::line`] one line of a stream,
//!    [`output::Output::note`] and [`output::Output::warn`] go to stderr.
//! 5. Async work: [`runtime::query`] for a question (a signal drops it), [`runtime::serve`] for
//!    what must clean up (a signal cancels its token). Commands without either start no runtime.
//! 6. `make generate` renews completions/ and man/; a test in `tests/cli` fails when they are stale.

mod agent;
mod bench;
mod bpf;
mod cluster;
mod completions;
mod connectivity;
mod duration;
mod endpoint;
mod error;
mod exit;
mod graph;
mod identity;
mod lab;
mod list;
mod man;
mod monitor;
mod node;
mod observe;
mod operator;
mod output;
mod policy;
mod relay;
mod run;
mod runtime;
mod service;
mod source;
mod status;
mod top;
mod tree;
mod version;

pub use run::main;

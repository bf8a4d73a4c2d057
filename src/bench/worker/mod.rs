//! The load: a server and a client, each a process of its own in a namespace, as pods are.
//!
//! A worker reads one task per line from its standard input and answers with one line each; the end
//! of its input ends it, so that no worker outlives the run, however that ends.

mod client;
mod process;
mod protocol;
mod server;

pub(crate) use process::Worker;
pub(in crate::bench) use process::pin_to_last_cpu;
pub use process::{WorkerError, serve};
pub use protocol::{InvalidRole, Role};
pub(crate) use protocol::{Load, Task};

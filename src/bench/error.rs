//! What can stop a run.

use std::io;

use super::topology::TopologyError;

/// A run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Only root may make namespaces and load programs.
    #[error("benchmarks need root: they make network namespaces and load eBPF programs")]
    NotRoot,
    /// Ctrl-C.
    #[error("the benchmark was interrupted")]
    Cancelled,
    /// A topology could not be made.
    #[error("cannot make the topology {name}")]
    Topology {
        /// Which.
        name: &'static str,
        /// Why.
        #[source]
        source: TopologyError,
    },
    /// A sample could not be taken.
    #[error("cannot measure {what}")]
    Sample {
        /// The load and the topology.
        what: String,
        /// Why.
        #[source]
        source: TopologyError,
    },
    /// A program could not be run by itself.
    #[error("cannot run the program {program} on a test packet")]
    Program {
        /// Which.
        program: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A command of this program, run as a user would, failed.
    #[error("{command} failed")]
    Command {
        /// The command.
        command: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

//! Why a measurement could not be made.

use std::io;

use super::NodeError;
use crate::kernel::{NetNsError, NetlinkError, sysctl::SysctlError};

/// A benchmark failed.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The reference needs a program that is not installed.
    #[error("{0} is not installed; the bridge with iptables cannot be built")]
    MissingProgram(&'static str),
    /// The reference's rules were refused.
    #[error("{program} refused the rules: {output}")]
    Rules {
        /// The program.
        program: &'static str,
        /// What it said.
        output: String,
    },
    /// No row has such a name.
    #[error("no row is called {0:?}")]
    NoSuchRow(String),
    /// Traffic failed.
    #[error("cannot measure {row} on {topology}")]
    Traffic {
        /// What was measured.
        row: &'static str,
        /// Where.
        topology: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A thread could not be placed.
    #[error("cannot run on one processor")]
    Placement(#[source] io::Error),
    /// A node with skep could not be made.
    #[error("cannot build a node with skep")]
    Node(#[from] NodeError),
    /// A namespace could not be made.
    #[error(transparent)]
    NetNs(#[from] NetNsError),
    /// A device could not be made.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// A setting was refused.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
}

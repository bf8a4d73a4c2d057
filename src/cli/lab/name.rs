//! Which lab a command is about.

use crate::lab::{LabDir, LabName, StateError};

/// `--name`, on every command about one lab.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct NameArgs {
    /// Name of the lab
    #[arg(long, value_name = "NAME", default_value = "skep")]
    pub(super) name: LabName,
}

impl NameArgs {
    /// Returns the directory of the lab, which must exist.
    pub(super) fn existing(self) -> Result<LabDir, StateError> {
        LabDir::existing(self.name)
    }
}

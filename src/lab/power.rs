//! Whether a node is on: what `skep lab node` asks for, and what its kubelet does about it.
//!
//! The two talk by files in the lab's directory, so that either may die: `power/NODE` says what
//! was asked for last, `power/NODE.done` what the kubelet has come to.

use std::{fs, io, path::PathBuf};

use super::state::{self, LabDir, StateError, create_dir, failed};

/// The state of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Power {
    /// It runs.
    #[default]
    On,
    /// Everything on it stands still.
    Paused,
    /// It is off: nothing of it is left but its place in the cluster.
    Off,
}

impl Power {
    const fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Paused => "paused",
            Self::Off => "off",
        }
    }

    fn parse(text: &str) -> Self {
        let all = [Self::On, Self::Paused, Self::Off];
        all.into_iter().find(|power| power.word() == text.trim()).unwrap_or_default()
    }
}

fn asked(dir: &LabDir, node: &str) -> PathBuf {
    dir.path().join("power").join(node)
}

fn done(dir: &LabDir, node: &str) -> PathBuf {
    dir.path().join("power").join(format!("{node}.done"))
}

fn read(path: &PathBuf) -> Result<Power, StateError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Power::parse(&text)),
        // Nobody has asked for anything: nodes come up switched on.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Power::On),
        Err(error) => Err(failed("read", path, error)),
    }
}

/// Returns what was asked for last.
pub(crate) fn wanted(dir: &LabDir, node: &str) -> Result<Power, StateError> {
    read(&asked(dir, node))
}

/// Returns what the node's kubelet has come to.
pub(crate) fn reached(dir: &LabDir, node: &str) -> Result<Power, StateError> {
    read(&done(dir, node))
}

/// Asks for a state.
pub(crate) fn ask(dir: &LabDir, node: &str, power: Power) -> Result<(), StateError> {
    create_dir(&dir.path().join("power"))?;
    state::write(&asked(dir, node), power.word().as_bytes())
}

/// Says that the kubelet has come to a state.
pub(crate) fn acknowledge(dir: &LabDir, node: &str, power: Power) -> Result<(), StateError> {
    create_dir(&dir.path().join("power"))?;
    state::write(&done(dir, node), power.word().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_written_and_read_alike() {
        for power in [Power::On, Power::Paused, Power::Off] {
            assert_eq!(Power::parse(power.word()), power);
        }
        assert_eq!(Power::parse("nonsense"), Power::On);
    }
}

//! What of services can be measured by itself.

use std::{fmt, str::FromStr};

/// A part of what there is to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServicePart {
    /// Programming many services, and the memory that they take.
    Program,
    /// Programming as many as a cluster may have.
    Capacity,
    /// Changing one of many.
    Change,
    /// Connections to services.
    Connect,
}

impl ServicePart {
    pub(super) const ALL: [Self; 4] = [Self::Program, Self::Capacity, Self::Change, Self::Connect];

    const fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Capacity => "capacity",
            Self::Change => "change",
            Self::Connect => "connect",
        }
    }
}

impl fmt::Display for ServicePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not a part.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not one of program, capacity, change, connect")]
pub struct InvalidPart(String);

impl FromStr for ServicePart {
    type Err = InvalidPart;

    fn from_str(text: &str) -> Result<Self, InvalidPart> {
        let found = Self::ALL.into_iter().find(|part| part.name() == text);
        found.ok_or_else(|| InvalidPart(text.to_owned()))
    }
}

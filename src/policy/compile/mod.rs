//! Rules of one endpoint -> the tables that a program looks verdicts up in.
//!
//! Identities that all rules treat alike form a class, and so do addresses and ports; a matrix of cells
//! holds the verdict of each combination. Looking one up takes the same steps however many rules there
//! are, and a new identity is one entry, if any.
//!
//! A rule becomes one or more [`atom`]s, which say yes or no to an identity, an address and a port each;
//! which atoms say yes is all that a cell depends on.

mod address;
mod atom;
mod bits;
mod cell;
mod classes;
mod identity;
mod index;
mod labels;
mod port;
mod roster;
mod table;

pub use cell::{Cell, CellVerdict, Origin};
pub use identity::{KnownIdentity, Scope};
pub use index::RuleIndex;
pub use port::PortPrefix;
pub use roster::Roster;
pub use table::{Addition, CellKey, Outgrown, Subject, Table, TooLarge, compile};

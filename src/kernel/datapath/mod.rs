//! The datapath as one object: programs, pinned maps, attachments.

mod attach;
mod error;
mod load;
mod types;

pub use attach::remove_all;
pub use error::{AttachError, LoadError};
pub use load::Datapath;
pub use types::{
    AttachMethod, AttachMode, Attachment, Direction, Hook, LoadOptions, Owner, ProgramInfo,
    TestPacket, TestRun,
};

//! The datapath as one object: programs, pinned maps, attachments.

mod attach;
mod error;
mod listing;
mod load;
mod pins;
mod remove;
mod sockets;
mod types;

pub use error::{AttachError, LoadError};
pub use load::Datapath;
pub(super) use pins::MAPS;
pub use remove::remove_all;
pub use types::{
    AttachMethod, AttachMode, Attachment, Direction, Hook, LoadOptions, Owner, ProgramInfo,
    SocketHook, TestPacket, TestRun,
};

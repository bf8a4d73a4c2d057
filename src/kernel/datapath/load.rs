//! Loading.

use std::sync::Arc;

use super::{
    AttachError, Attachment, Hook, LoadError, LoadOptions, ProgramInfo, TestPacket, TestRun,
};
use crate::{kernel::KernelMaps, model::IfIndex};

/// The loaded datapath. Dropping it leaves everything attached and pinned.
#[derive(Debug)]
pub struct Datapath {
    maps: Arc<KernelMaps>,
}

impl Datapath {
    /// Loads all programs; creates the pinned maps, or re-uses those of an earlier process.
    ///
    /// # Errors
    /// When the directory is not on a bpffs, or the kernel refuses a map or a program.
    pub fn open(_options: &LoadOptions) -> Result<Self, LoadError> {
        todo!()
    }

    /// Returns the pinned maps.
    pub fn maps(&self) -> Arc<KernelMaps> {
        Arc::clone(&self.maps)
    }

    /// Attaches both programs of a hook to a device of the current network namespace. What an
    /// earlier process attached there is replaced in place; there is no moment without a program.
    ///
    /// # Errors
    /// When the device is gone or the kernel refuses.
    pub fn attach(&self, _hook: Hook, _device: IfIndex) -> Result<(), AttachError> {
        todo!()
    }

    /// Detaches both programs of a hook. That nothing is attached is not an error.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn detach(&self, _hook: Hook, _device: IfIndex) -> Result<(), AttachError> {
        todo!()
    }

    /// Asks the kernel for all programs on all devices of the current network namespace.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn attachments(&self) -> Result<Vec<Attachment>, AttachError> {
        todo!()
    }

    /// Returns the loaded programs.
    pub fn programs(&self) -> Vec<ProgramInfo> {
        todo!()
    }

    /// Runs a program on a packet (BPF_PROG_TEST_RUN).
    ///
    /// # Errors
    /// When the kernel refuses the packet.
    pub fn test_run(&self, _program: &str, _packet: &TestPacket) -> std::io::Result<TestRun> {
        todo!()
    }
}

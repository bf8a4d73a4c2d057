//! Programs that see sockets of a control group: services at connect(2).

use std::{
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

use super::{AttachError, Datapath, SocketHook, pins};
use crate::kernel::{cgroup, sys};

impl Datapath {
    /// Attaches the programs of all socket hooks to a control group, whose processes and those of the
    /// groups below then reach services. What an earlier process attached there is replaced in place;
    /// what it attached to another group is removed.
    ///
    /// # Errors
    /// When the group is gone or the kernel refuses.
    pub fn attach_sockets(&self, group: &Path) -> Result<(), AttachError> {
        for hook in SocketHook::ALL {
            let program = self
                .program_fd(hook.program())
                .expect("every program was loaded when the datapath was opened");
            let refused = |source| AttachError::Socket { hook, cgroup: group.to_owned(), source };
            let pin = pins::socket_pin(&self.bpf_dir, hook);
            if update(&pin, group, program).map_err(refused)? {
                continue;
            }
            let failed = |act| {
                let path = pin.clone();
                move |source| AttachError::Pin { act, path, source }
            };
            pins::remove_link(&pin).map_err(failed("remove"))?;
            let group = File::open(group).map_err(refused)?;
            let link = sys::cgroup_attach(program, group.as_fd(), hook).map_err(refused)?;
            sys::pin(&link, &pin).map_err(failed("create"))?;
        }
        Ok(())
    }

    /// Detaches the programs of all socket hooks. That nothing is attached is not an error.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn detach_sockets(&self) -> Result<(), AttachError> {
        for hook in SocketHook::ALL {
            let path = pins::socket_pin(&self.bpf_dir, hook);
            pins::remove_link(&path).map_err(|source| AttachError::Pin {
                act: "remove",
                path,
                source,
            })?;
        }
        Ok(())
    }

    /// Returns the hooks at which this datapath's current programs are not.
    pub fn missing_sockets(&self) -> Vec<SocketHook> {
        let is_there = |hook: &SocketHook| {
            let link = sys::open_pin(&pins::socket_pin(&self.bpf_dir, *hook));
            link.and_then(|link| sys::link_info(&link))
                .is_ok_and(|info| info.is_attached() && self.is_own(info.program_id))
        };
        SocketHook::ALL.into_iter().filter(|hook| !is_there(hook)).collect()
    }
}

/// Swaps the program of a pinned link; tells whether the link is to this group.
fn update(pin: &Path, group: &Path, program: BorrowedFd<'_>) -> io::Result<bool> {
    let link = match sys::open_pin(pin) {
        Ok(link) => link,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let info = sys::link_info(&link)?;
    if !info.is_cgroup() || info.cgroup_id() != cgroup::cgroup_id(group)? {
        return Ok(false);
    }
    match sys::link_update(&link, program) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOLINK) => Ok(false),
        Err(error) => Err(error),
    }
}

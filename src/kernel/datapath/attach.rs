//! Attaching: TCX links with pins, or filters of the clsact qdisc. Neither way is there ever a
//! moment without a program on a device that had one.

use std::{io, os::fd::BorrowedFd};

use tracing::debug;

use super::{AttachError, AttachMethod, Datapath, Direction, Hook, pins};
use crate::{
    kernel::{
        Netlink,
        netlink::{BpfFilter, FilterPlace},
        sys,
    },
    model::IfIndex,
};

/// The handle of skep's filters; with the priority it names a filter, so that the next process
/// replaces it in place.
const HANDLE: u32 = 0x5ceb;
const NAME_PREFIX: &str = "skep:";

impl Datapath {
    /// Attaches both programs of a hook to a device of the current network namespace. What an
    /// earlier process attached there is replaced in place; there is no moment without a program.
    /// What the other method left there is removed afterwards.
    ///
    /// # Errors
    /// When the device is gone or the kernel refuses.
    pub fn attach(&self, hook: Hook, device: IfIndex) -> Result<(), AttachError> {
        self.attach_by(self.method, hook, device)
    }

    /// Attaches both programs of a hook to a new device for which somebody waits. With
    /// [`super::AttachMode::Auto`] that is by filters, until [`Datapath::attach`] is called when nobody
    /// waits: a TCX link on a new device makes its creator wait for all CPUs (`tcx_entry_sync` in
    /// include/net/tcx.h), ten milliseconds and more, a filter does not.
    ///
    /// # Errors
    /// When the device is gone or the kernel refuses.
    pub fn attach_hurried(&self, hook: Hook, device: IfIndex) -> Result<(), AttachError> {
        self.attach_by(self.hurried, hook, device)
    }

    fn attach_by(
        &self,
        method: AttachMethod,
        hook: Hook,
        device: IfIndex,
    ) -> Result<(), AttachError> {
        let netlink = Netlink::open()?;
        let mut replaced = false;
        for direction in Direction::BOTH {
            let program = self
                .program_fd(hook.program(direction))
                .expect("every program was loaded when the datapath was opened");
            match method {
                AttachMethod::Tcx => {
                    self.attach_link(hook, device, direction, program)?;
                    replaced |= remove_filter(&netlink, device, direction)?;
                }
                AttachMethod::Clsact => {
                    self.attach_filter(&netlink, hook, device, direction, program)?;
                    self.remove_link(hook, device, direction)?;
                }
            }
        }
        if replaced {
            remove_empty_qdisc(&netlink, device)?;
        }
        debug!(hook = hook.name(), ifindex = device.0, %method, "attached");
        Ok(())
    }

    /// Detaches both programs of a hook. That nothing is attached, or that the device is gone, is
    /// not an error.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn detach(&self, hook: Hook, device: IfIndex) -> Result<(), AttachError> {
        let netlink = Netlink::open()?;
        for direction in Direction::BOTH {
            self.remove_link(hook, device, direction)?;
            remove_filter(&netlink, device, direction)?;
        }
        remove_empty_qdisc(&netlink, device)
    }

    fn attach_link(
        &self,
        hook: Hook,
        device: IfIndex,
        direction: Direction,
        program: BorrowedFd<'_>,
    ) -> Result<(), AttachError> {
        let refused = |source| AttachError::Attach {
            hook,
            ifindex: device,
            direction,
            method: AttachMethod::Tcx,
            source,
        };
        if self.update_link(hook, device, direction, program).map_err(refused)? {
            return Ok(());
        }
        // The pin is missing, or its link belongs to a device that is gone.
        let path = pins::link_pin(&self.bpf_dir, hook, device, direction);
        pins::remove(&path).map_err(|source| pin_failed("remove", &path, source))?;
        let link = sys::tcx_attach(program, device, direction).map_err(refused)?;
        sys::pin(&link, &path).map_err(|source| pin_failed("create", &path, source))
    }

    /// Swaps the program of a pinned link; tells whether the link is that of this device.
    fn update_link(
        &self,
        hook: Hook,
        device: IfIndex,
        direction: Direction,
        program: BorrowedFd<'_>,
    ) -> io::Result<bool> {
        let path = pins::link_pin(&self.bpf_dir, hook, device, direction);
        let link = match sys::open_pin(&path) {
            Ok(link) => link,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let info = sys::link_info(&link)?;
        if !info.is_tcx() || info.ifindex != device.0 {
            return Ok(false);
        }
        // An ifindex names a device in one namespace only: the link is ours when its program runs
        // on the device that this namespace knows by the number.
        if !sys::tcx_query(device, direction)?.contains(&info.program_id) {
            return Ok(false);
        }
        match sys::link_update(&link, program) {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::ENOLINK) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn attach_filter(
        &self,
        netlink: &Netlink,
        hook: Hook,
        device: IfIndex,
        direction: Direction,
        program: BorrowedFd<'_>,
    ) -> Result<(), AttachError> {
        netlink.ensure_clsact(device)?;
        let name = format!("{NAME_PREFIX}{}", hook.program(direction));
        Ok(netlink.put_filter(&place(device, direction), &name, program)?)
    }

    fn remove_link(
        &self,
        hook: Hook,
        device: IfIndex,
        direction: Direction,
    ) -> Result<(), AttachError> {
        let path = pins::link_pin(&self.bpf_dir, hook, device, direction);
        pins::remove_link(&path).map_err(|source| pin_failed("remove", &path, source))
    }
}

fn pin_failed(act: &'static str, path: &std::path::Path, source: io::Error) -> AttachError {
    AttachError::Pin { act, path: path.to_owned(), source }
}

/// In front of other filters on ingress, behind them on egress, as with TCX.
fn place(device: IfIndex, direction: Direction) -> FilterPlace {
    let priority = match direction {
        Direction::Ingress => 1,
        Direction::Egress => 0xfffe,
    };
    FilterPlace { device, direction, priority, handle: HANDLE }
}

/// Tells whether a filter is one that skep puts there.
pub(super) fn is_ours(filter: &BpfFilter) -> bool {
    filter.handle == HANDLE && filter.name.starts_with(NAME_PREFIX)
}

/// Removes skep's filter from one side of a device, if there is one; tells whether there was.
pub(super) fn remove_filter(
    netlink: &Netlink,
    device: IfIndex,
    direction: Direction,
) -> Result<bool, AttachError> {
    let filters = match netlink.filters(device, direction) {
        Err(error) if error.is_absent() => return Ok(false),
        other => other?,
    };
    if !filters.iter().any(is_ours) {
        return Ok(false);
    }
    match netlink.remove_filter(&place(device, direction)) {
        Err(error) if !error.is_absent() => Err(error.into()),
        _ => Ok(true),
    }
}

/// Removes the clsact qdisc when no filter of anybody is left in it.
pub(super) fn remove_empty_qdisc(netlink: &Netlink, device: IfIndex) -> Result<(), AttachError> {
    for direction in Direction::BOTH {
        match netlink.has_filters(device, direction) {
            Err(error) if error.is_absent() => return Ok(()),
            Ok(false) => {}
            other => {
                other?;
                return Ok(());
            }
        }
    }
    match netlink.remove_clsact(device) {
        // EINVAL: there is none.
        Err(error) if !error.is_absent() && error.raw_os_error() != Some(libc::EINVAL) => {
            Err(error.into())
        }
        _ => Ok(()),
    }
}

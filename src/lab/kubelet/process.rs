//! A container's process: a child, or one that an earlier process of the lab has started.

use std::{
    fs, io,
    os::{fd::OwnedFd, unix::process::ExitStatusExt},
};

use rustix::process::{PidfdFlags, pidfd_open};
use tokio::{io::unix::AsyncFd, process::Child};

use crate::{kernel, lab::host::cgroup::Cgroup};

/// The exit code of a process whose end its parent did not live to see, as kubelet gives it.
pub(super) const UNKNOWN: i32 = 137;
/// The reason that goes with it.
pub(super) const UNKNOWN_REASON: &str = "ContainerStatusUnknown";

/// The process of a container's run.
#[derive(Debug)]
pub(super) enum Process {
    /// Started by this process of the lab.
    Child(Child),
    /// Started by an earlier one.
    Kept {
        /// Its id, which is another's only after `end` has become readable.
        id: i32,
        /// Readable once it has ended.
        end: AsyncFd<OwnedFd>,
    },
}

impl Process {
    /// Finds the process of a container that an earlier process of the lab has started.
    pub(super) fn kept(cgroup: &Cgroup) -> Option<Self> {
        let id = main_process(cgroup)?;
        let pid = rustix::process::Pid::from_raw(id)?;
        let end = pidfd_open(pid, PidfdFlags::NONBLOCK).ok()?;
        // Another process may have got the id before the descriptor was there.
        (main_process(cgroup) == Some(id)).then_some(())?;
        Some(Self::Kept { id, end: kernel::wait_for(end).ok()? })
    }

    /// Tells whether a container has a process that can be kept.
    pub(super) fn is_left(cgroup: &Cgroup) -> bool {
        main_process(cgroup).is_some()
    }

    /// Waits for its end; returns its exit code.
    pub(super) async fn wait(&mut self) -> i32 {
        match self {
            Self::Child(child) => exit_code(child.wait().await),
            Self::Kept { end, .. } => {
                // Its exit code is for its parent only.
                end.readable().await.map_or(UNKNOWN, |_| UNKNOWN)
            }
        }
    }

    /// Returns its id as long as it is no other's.
    pub(super) fn id(&self) -> Option<i32> {
        match self {
            Self::Child(child) => child.id().and_then(|id| i32::try_from(id).ok()),
            Self::Kept { id, .. } => Some(*id),
        }
    }

    /// Returns the reason that a status gives for an exit code.
    pub(super) const fn reason(&self, code: i32) -> &'static str {
        match (self, code) {
            (Self::Kept { .. }, _) => UNKNOWN_REASON,
            (Self::Child(_), 0) => "Completed",
            (Self::Child(_), _) => "Error",
        }
    }
}

/// As shells say it: the exit code, or 128 and the number of the signal.
fn exit_code(status: io::Result<std::process::ExitStatus>) -> i32 {
    status.map_or(255, |status| {
        status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255)
    })
}

/// Returns the process that a container was started with: the oldest leader of a session. What
/// `kubectl exec`, probes and hooks start is in a group below.
fn main_process(cgroup: &Cgroup) -> Option<i32> {
    let leaders = cgroup.processes().into_iter().filter_map(|id| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let (session, started) = session_and_start(&stat)?;
        (session == id).then_some((started, id))
    });
    leaders.min().map(|(_, id)| id)
}

/// Reads fields 6 and 22 of proc_pid_stat(5); the program's name before may hold anything.
fn session_and_start(stat: &str) -> Option<(i32, u64)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let session = fields.nth(3)?.parse().ok()?;
    Some((session, fields.nth(15)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_and_start_are_found_whatever_the_program_is_called() {
        let rest = "S 1 41 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 0 0";
        for name in ["sh", "a b", "x) S (y", ""] {
            let stat = format!("43 ({name}) {rest}");
            assert_eq!(session_and_start(&stat), Some((42, 987_654)), "{name}");
        }
        assert_eq!(session_and_start("43 (sh) S 1"), None);
        let own = fs::read_to_string("/proc/self/stat").unwrap();
        assert!(session_and_start(&own).is_some_and(|(_, start)| start > 0));
    }
}

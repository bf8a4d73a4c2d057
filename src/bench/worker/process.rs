//! A worker as a process: started and asked by the bench, serving in the child.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::IpAddr,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

use super::{Load, Role, Task, client, protocol::Answer, server};
use crate::kernel::{NetNs, NetNsError, favour_this_thread};

/// A worker could not be started or did not do its task.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The process could not be started.
    #[error("cannot start a bench worker")]
    Start(#[source] io::Error),
    /// Its namespace cannot be entered.
    #[error(transparent)]
    NetNs(#[from] NetNsError),
    /// It ended.
    #[error("the bench {0} ended unexpectedly")]
    Ended(Role),
    /// It said something else than an answer.
    #[error("the bench {role} gave a malformed answer")]
    Malformed {
        /// The worker.
        role: Role,
        /// Why it is malformed.
        #[source]
        source: serde_json::Error,
    },
    /// It could not do what it was asked to.
    #[error("the bench {role} failed: {reason}")]
    Failed {
        /// The worker.
        role: Role,
        /// Its words.
        reason: String,
    },
}

/// A running worker. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Worker {
    role: Role,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts a worker in a namespace and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be started or cannot listen.
    pub(crate) fn start(program: &Path, netns: &NetNs, role: Role) -> Result<Self, WorkerError> {
        let mut command = Command::new(program);
        command
            .args(["bench", "worker", &role.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for the bench, which then ends its workers.
            .process_group(0);
        let mut child = netns.run(|| command.spawn())?.map_err(WorkerError::Start)?;
        let input = child.stdin.take();
        let output = child.stdout.take().expect("standard output is piped");
        let mut worker = Self { role, child, input, output: BufReader::new(output) };
        match worker.read()? {
            Answer::Ready => Ok(worker),
            Answer::Failed(reason) => Err(WorkerError::Failed { role, reason }),
            Answer::Values(_) => Err(WorkerError::Ended(role)),
        }
    }

    /// Takes one sample.
    ///
    /// # Errors
    /// When the worker or its server fails.
    pub(crate) fn sample(
        &mut self,
        load: Load,
        server: IpAddr,
        length: Duration,
    ) -> Result<Vec<f64>, WorkerError> {
        let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        let ended = |_| WorkerError::Ended(self.role);
        let input = self.input.as_mut().expect("open as long as the worker lives");
        write_line(input, &Task { load, server, millis }).map_err(ended)?;
        match self.read()? {
            Answer::Values(values) => Ok(values),
            Answer::Failed(reason) => Err(WorkerError::Failed { role: self.role, reason }),
            Answer::Ready => Err(WorkerError::Ended(self.role)),
        }
    }

    fn read(&mut self) -> Result<Answer, WorkerError> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(size) if size > 0 => serde_json::from_str(&line)
                .map_err(|source| WorkerError::Malformed { role: self.role, source }),
            _ => Err(WorkerError::Ended(self.role)),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.input.take());
        // It may be in the middle of a sample, or in a connection that hangs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_line(to: &mut impl Write, message: &impl serde::Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

/// The child's side: serves until its input ends.
///
/// # Errors
/// When the output is closed. What goes wrong in a task is answered, not returned.
pub fn serve(role: Role, input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let ready = prepare(role);
    let answer = ready.as_ref().map_or_else(|e| Answer::Failed(e.to_string()), |()| Answer::Ready);
    write_line(&mut output, &answer)?;
    if ready.is_err() {
        return Ok(());
    }
    for line in input.lines() {
        let values = serde_json::from_str::<Task>(&line?)
            .map_err(io::Error::from)
            .and_then(|task| client::sample(&task));
        let answer = values.map_or_else(|e| Answer::Failed(e.to_string()), Answer::Values);
        write_line(&mut output, &answer)?;
    }
    Ok(())
}

fn prepare(role: Role) -> io::Result<()> {
    // Threads that are started later inherit it, and the processor.
    favour_this_thread()?;
    pin_to_last_cpu()?;
    match role {
        Role::Server => server::start(),
        Role::Client => Ok(()),
    }
}

/// Client and server share one CPU: what is measured then is the cost of the path, not the time
/// that another CPU needs to wake up.
pub(in crate::bench) fn pin_to_last_cpu() -> io::Result<()> {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this)?;
    let last = (0..CpuSet::count()).rev().find(|cpu| allowed.is_set(*cpu).unwrap_or(false));
    let mut one = CpuSet::new();
    one.set(last.unwrap_or(0))?;
    sched_setaffinity(this, &one)?;
    Ok(())
}

//! Starting a container's process.

use std::{
    fs::{self, OpenOptions},
    io,
    os::{
        fd::OwnedFd,
        unix::{fs::OpenOptionsExt, net::UnixStream},
    },
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::AsyncReadExt,
    process::Command,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{
    console,
    container::Runner,
    environment,
    exec::{is_there, spawn_on_terminal},
    field::Missing,
    log::{self, OpenLog},
    process::Process,
    program::Program,
};
use crate::lab::{
    cluster::Tone,
    host::{cgroup::CgroupError, launch::Entry},
};

/// How long a stand-in may take to listen before it counts as started anyway.
const LISTENS_WITHIN: Duration = Duration::from_secs(5);
/// How long a terminal may take to hang up after its process has ended.
const HANGS_UP_WITHIN: Duration = Duration::from_secs(1);

/// A container's process cannot be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Config(#[from] Missing),
    #[error(
        "failed to create containerd task: exec: {program:?}: executable file not found in $PATH"
    )]
    NotFound { program: String },
    #[error("cannot prepare the container's control group: {0}")]
    Cgroup(#[from] CgroupError),
    #[error("cannot start the container's process: {0}")]
    Start(#[from] io::Error),
}

/// A process that has been started.
pub(super) struct Started {
    pub(super) process: Process,
    /// Where a stand-in hangs up as soon as it listens.
    signal: Option<UnixStream>,
    /// The log, which is open as long as this is.
    log: Option<OpenLog>,
    /// Copies what a terminal shows to the log.
    recorder: Option<JoinHandle<()>>,
}

/// Starts the process of a container's run, counted from 0.
pub(super) fn start(runner: &Runner, run: u32) -> Result<Started, StartError> {
    let variables =
        environment::variables(&runner.host, &runner.pod, &runner.container, &runner.sandbox)?;
    let image = runner.container.image.as_deref().unwrap_or_default();
    let present = format!("Container image {image:?} already present on machine");
    runner.host.tell(&runner.pod, Tone::Normal, "Pulled", present);
    let terminal = runner.container.tty == Some(true);
    let (program, is_stand_in) = match &runner.program {
        Program::StandIn(program) => (program.clone(), true),
        Program::Command(program) => (program.clone(), false),
        Program::Done => unreachable!("nothing to start"),
    };
    let first = program.first().map(|word| word.to_string_lossy().into_owned());
    if let Some(program) = first.filter(|program| !is_there(program, &variables)) {
        return Err(StartError::NotFound { program });
    }
    let cgroup = runner.cgroup();
    cgroup.create()?;
    let entry = Entry {
        cgroup: Some(cgroup.path().to_owned()),
        places: runner.sandbox.places.clone(),
        session: true,
        terminal: terminal && !is_stand_in,
        command: program,
    };
    let mut command = Command::from(entry.to_command());
    command.env_clear().envs(variables).current_dir("/");
    let path = log_path(runner, run);
    let file = log_file(&path)?;
    let open = runner.host.shared.backend.clock().watch(&path)?;
    let made = format!("Created container: {}", runner.container.name);
    runner.host.tell(&runner.pod, Tone::Normal, "Created", made);
    Ok(match (is_stand_in, terminal) {
        (true, _) => stand_in(command, file, open)?,
        (false, true) => {
            command.env("TERM", "xterm");
            on_terminal(runner, command, &path, file, open)?
        }
        (false, false) => on_pipe(runner, command, &path, file, open)?,
    })
}

fn log_path(runner: &Runner, run: u32) -> PathBuf {
    log::file(&runner.host.pod_logs(&runner.pod).join(&runner.container.name), run)
}

/// Leaves the log of a run that says nothing: it is empty, not missing.
pub(super) fn leave_empty_log(runner: &Runner, run: u32) {
    // Nothing is lost with it.
    drop(log_file(&log_path(runner, run)));
}

fn stand_in(mut command: Command, file: fs::File, log: OpenLog) -> io::Result<Started> {
    let (near, far) = UnixStream::pair()?;
    let child = command
        .stdin(Stdio::from(OwnedFd::from(far)))
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()?;
    Ok(Started {
        process: Process::Child(child),
        signal: Some(near),
        log: Some(log),
        recorder: None,
    })
}

fn on_pipe(
    runner: &Runner,
    mut command: Command,
    path: &Path,
    file: fs::File,
    log: OpenLog,
) -> io::Result<Started> {
    let takes_input = runner.container.stdin == Some(true);
    let stdin = if takes_input { Stdio::piped() } else { Stdio::null() };
    let mut child = command.stdin(stdin).stdout(file.try_clone()?).stderr(file).spawn()?;
    let input = child.stdin.take().map(console::feed_pipe);
    runner.console.open(path, input, None);
    Ok(Started { process: Process::Child(child), signal: None, log: Some(log), recorder: None })
}

fn on_terminal(
    runner: &Runner,
    mut command: Command,
    path: &Path,
    file: fs::File,
    log: OpenLog,
) -> io::Result<Started> {
    let (child, terminal) = spawn_on_terminal(&mut command)?;
    let terminal = Arc::new(terminal);
    let takes_input = runner.container.stdin == Some(true);
    let input = takes_input.then(|| console::feed_terminal(Arc::clone(&terminal)));
    runner.console.open(path, input, Some(Arc::clone(&terminal)));
    let recorder = tokio::spawn(async move {
        // What cannot be written is lost, as on a full disk.
        console::record(terminal, file, log).await.ok();
    });
    let process = Process::Child(child);
    Ok(Started { process, signal: None, log: None, recorder: Some(recorder) })
}

impl Started {
    /// Takes over the process that an earlier process of the lab has started for a run. Its input
    /// has ended with that one.
    pub(super) fn kept(runner: &Runner, run: u32) -> Option<Self> {
        let process = Process::kept(&runner.cgroup())?;
        let path = log_path(runner, run);
        runner.console.open(&path, None, None);
        // Without its times the log is still there.
        let log = runner.host.shared.backend.clock().watch(&path).ok();
        Some(Self { process, signal: None, log, recorder: None })
    }

    /// Waits until a stand-in hangs up, which it does when it listens and when it ends.
    pub(super) async fn listens(&mut self) {
        let Some(signal) = self.signal.take() else { return };
        let line =
            signal.set_nonblocking(true).and_then(|()| tokio::net::UnixStream::from_std(signal));
        if let Ok(mut line) = line {
            tokio::select! {
                _ = line.read_u8() => {}
                _ = self.process.wait() => {}
                () = sleep(LISTENS_WITHIN) => {}
            }
        }
    }

    /// Closes the log; what a terminal still shows comes first.
    pub(super) async fn finish(self) {
        drop(self.log);
        if let Some(mut recorder) = self.recorder
            && timeout(HANGS_UP_WITHIN, &mut recorder).await.is_err()
        {
            recorder.abort();
        }
    }
}

fn log_file(path: &Path) -> io::Result<fs::File> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

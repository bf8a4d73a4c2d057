//! Commands in pods, and joining containers' own streams.

use std::{
    io,
    path::Path,
    process::{ExitStatus as ProcessStatus, Stdio},
    sync::Arc,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, Command},
    sync::mpsc,
};

use super::{
    backend::Running,
    console::Console,
    log::{self, LogClock},
    terminal::Terminal,
};
use crate::lab::apiserver::{
    Attach, AttachRequest, BackendError, ExecRequest, ExitStatus, LogRequest, TerminalSize,
};

/// Largest piece of output sent at once.
const PIECE: usize = 16 * 1024;

/// Runs a command in a container and returns how it ended.
pub(super) async fn exec(
    pod: &Running,
    request: &ExecRequest,
    io: Attach,
) -> Result<ExitStatus, BackendError> {
    let failed = |source| BackendError::Start { what: request.command.join(" "), source };
    let (mut command, variables) = pod.command(request).map_err(failed)?;
    let program = &request.command[0];
    if !is_there(program, &variables) {
        return Err(BackendError::NotFound { program: program.clone() });
    }
    let status = if request.tty {
        on_terminal(&mut command, io).await
    } else {
        on_pipes(&mut command, io).await
    };
    Ok(ExitStatus(code(status.map_err(failed)?)))
}

/// Tells whether a program can be found: pods see the machine's files.
pub(super) fn is_there(program: &str, variables: &[(String, String)]) -> bool {
    if program.contains('/') || program == "skep" {
        // Paths are resolved inside, where volumes are mounted too.
        return true;
    }
    let path = variables.iter().rev().find(|(name, _)| name == "PATH");
    let mut dirs = path.map_or("", |(_, path)| path).split(':');
    dirs.any(|dir| Path::new(dir).join(program).is_file())
}

fn code(status: ProcessStatus) -> i32 {
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    status.code().or(signal.map(|signal| 128 + signal)).unwrap_or(255)
}

async fn on_pipes(command: &mut Command, io: Attach) -> io::Result<ProcessStatus> {
    let stdin = if io.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let feed = tokio::spawn(feed(child.stdin.take(), io.stdin));
    let out = drain(child.stdout.take(), io.stdout);
    let err = drain(child.stderr.take(), io.stderr);
    let work = async {
        // Output first: a command that ended may have left some in its pipes.
        tokio::join!(out, err);
        child.wait().await
    };
    let status = tokio::select! {
        status = work => status,
        () = io.gone.cancelled() => Err(io::ErrorKind::BrokenPipe.into()),
    };
    feed.abort();
    status
}

/// Passes the client's bytes on, and the end of them.
async fn feed(to: Option<ChildStdin>, from: Option<mpsc::Receiver<Bytes>>) {
    if let (Some(mut to), Some(mut from)) = (to, from) {
        while let Some(bytes) = from.recv().await {
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }
}

/// Passes a command's output on until it ends or the client has gone.
async fn drain(from: Option<impl AsyncRead + Unpin>, to: mpsc::Sender<Bytes>) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if to.send(Bytes::copy_from_slice(&buffer[..length])).await.is_err() {
            return;
        }
    }
}

/// Starts a command on a terminal of its own.
pub(super) fn spawn_on_terminal(command: &mut Command) -> io::Result<(Child, Terminal)> {
    let (terminal, far) = Terminal::open()?;
    command.stdin(far.try_clone()?).stdout(far.try_clone()?).stderr(far);
    let child = command.spawn();
    // The command would keep the far side open, and the terminal would never hang up.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok((child?, terminal))
}

async fn on_terminal(command: &mut Command, io: Attach) -> io::Result<ProcessStatus> {
    let Attach { stdin, stdout, stderr, resize, gone } = io;
    drop(stderr);
    let (mut child, terminal) = spawn_on_terminal(command)?;
    let show = show(&terminal, &stdout);
    let control = control(&terminal, stdin, resize);
    tokio::pin!(show, control);
    let mut shown = false;
    let status = loop {
        tokio::select! {
            () = &mut show, if !shown => shown = true,
            () = &mut control => unreachable!("control goes on for ever"),
            status = child.wait() => break status,
            () = gone.cancelled() => return Err(io::ErrorKind::BrokenPipe.into()),
        }
    };
    // What it wrote last; others that it left on the terminal are not waited for.
    let mut buffer = vec![0; PIECE];
    while let Ok(length @ 1..) = terminal.read_now(&mut buffer) {
        if stdout.send(Bytes::copy_from_slice(&buffer[..length])).await.is_err() {
            break;
        }
    }
    status
}

/// Passes what appears on a terminal on until it hangs up or the client has gone.
async fn show(terminal: &Terminal, to: &mpsc::Sender<Bytes>) {
    let mut buffer = vec![0; PIECE];
    while let Ok(length @ 1..) = terminal.read(&mut buffer).await {
        if to.send(Bytes::copy_from_slice(&buffer[..length])).await.is_err() {
            return;
        }
    }
}

/// Types what the client sends, and follows its size; never ends.
async fn control(
    terminal: &Terminal,
    stdin: Option<mpsc::Receiver<Bytes>>,
    mut resize: mpsc::Receiver<TerminalSize>,
) {
    let typing = async {
        let Some(mut stdin) = stdin else { return };
        while let Some(bytes) = stdin.recv().await {
            if terminal.write_all(&bytes).await.is_err() {
                return;
            }
        }
        // The end of input is what ^D says on a terminal.
        terminal.write_all(&[4]).await.ok();
    };
    let sizing = async {
        while let Some(size) = resize.recv().await {
            terminal.resize(size).ok();
        }
    };
    tokio::join!(typing, sizing);
    std::future::pending().await
}

/// What attaching needs to know of a container.
pub(super) struct Target {
    pub(super) console: Arc<Console>,
    /// Input ends with the first client (`stdinOnce`).
    pub(super) once: bool,
}

/// Joins the streams of a running container and returns when its run has ended.
pub(super) async fn attach(
    target: Target,
    clock: LogClock,
    request: AttachRequest,
    io: Attach,
) -> Result<ExitStatus, BackendError> {
    let failed = |source| BackendError::Start { what: "attaching".to_owned(), source };
    let streams = target.console.attach().ok_or_else(|| BackendError::NoContainer {
        container: request.container.clone(),
        reason: "it does not run",
    })?;
    let Attach { stdin, stdout, stderr, mut resize, gone } = io;
    drop(stderr);
    let start = match streams.fresh {
        true => 0,
        false => std::fs::metadata(&streams.log).map_err(failed)?.len(),
    };
    let follow = LogRequest {
        pod: request.pod,
        container: request.container,
        follow: true,
        previous: false,
        tail_lines: None,
        limit_bytes: None,
        since: None,
        timestamps: false,
    };
    let mut output = log::follow(clock, streams.log, start, follow).await.map_err(failed)?;
    let input = tokio::spawn(pass_on(stdin, streams.input, target));
    loop {
        tokio::select! {
            piece = output.recv() => match piece {
                Some(piece) => if stdout.send(piece).await.is_err() { break },
                None => break,
            },
            Some(size) = resize.recv() => {
                if let Some(terminal) = &streams.terminal {
                    terminal.resize(size).ok();
                }
            }
            () = gone.cancelled() => break,
        }
    }
    input.abort();
    Ok(ExitStatus(0))
}

async fn pass_on(
    stdin: Option<mpsc::Receiver<Bytes>>,
    input: Option<mpsc::Sender<Bytes>>,
    target: Target,
) {
    let (Some(mut stdin), Some(input)) = (stdin, input) else { return };
    while let Some(bytes) = stdin.recv().await {
        if input.send(bytes).await.is_err() {
            return;
        }
    }
    if target.once {
        target.console.end_input();
    }
}

//! Runs the binary in an environment of its own.

use std::{
    fmt,
    io::Read,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A home without settings.
pub(crate) struct Home {
    pub(crate) dir: TempDir,
}

/// What a run printed, and how it ended.
pub(crate) struct Outcome {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    /// Returns the command, ready for more variables.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skep"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.dir.path())
            .env("SKEP_RUN_DIR", self.dir.path())
            .env("TZ", "UTC")
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    #[must_use]
    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        self.finish(self.command(args))
    }

    #[must_use]
    pub(crate) fn finish(&self, mut command: Command) -> Outcome {
        let output = command.output().expect("the binary runs");
        let text = |bytes: Vec<u8>| {
            let home = self.dir.path().display().to_string();
            String::from_utf8(bytes).expect("output is text").replace(&home, "HOME")
        };
        Outcome {
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            code: output.status.code(),
        }
    }

    /// Starts a command whose output is read while it runs.
    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the binary runs")
    }
}

impl Outcome {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}:\n{self}"))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or_else(|| "signal".to_owned(), |code| code.to_string());
        write!(f, "code: {code}\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr)
    }
}

/// Waits for the end of a command, calling `nudge` now and then; fails when it does not come.
pub(crate) fn end(child: &mut Child, mut nudge: impl FnMut()) -> ExitStatus {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(status) = child.try_wait().expect("the process is ours") {
            return status;
        }
        if Instant::now() >= deadline {
            child.kill().expect("the process is ours");
            panic!("the command does not end");
        }
        nudge();
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// Reads what is left of a stream.
pub(crate) fn rest(stream: Option<impl Read>) -> String {
    let mut text = String::new();
    stream.expect("the stream is piped").read_to_string(&mut text).expect("output is text");
    text
}

/// Returns the root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

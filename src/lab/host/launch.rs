//! Starting processes in places and control groups.
//!
//! Between fork and exec a process may hardly do anything, so skep starts itself (`lab enter`),
//! moves into control group and namespaces, and becomes the program.

use std::{
    env,
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use nix::unistd::setsid;
use rustix::process::ioctl_tiocsctty;

use super::{
    cgroup,
    namespace::{self, NamespaceError},
};
use crate::kernel;

/// How a program is called that is skep itself.
const SELF: &str = "skep";

/// Where a process is to run, and what.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Control group to join.
    pub cgroup: Option<PathBuf>,
    /// Places to enter, one after the other.
    pub places: Vec<PathBuf>,
    /// Start a session of its own, so that the process outlives the terminal.
    pub session: bool,
    /// Make standard input, a terminal, the one that controls the session.
    pub terminal: bool,
    /// Program and arguments; the program `skep` is this file itself.
    pub command: Vec<OsString>,
}

/// A process could not be started where it should run.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// No program was given.
    #[error("no command given")]
    Empty,
    /// The control group cannot be joined.
    #[error("cannot join control group {}", path.display())]
    Cgroup {
        /// The group.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The terminal cannot be taken.
    #[error("cannot take the terminal")]
    Terminal(#[source] io::Error),
    /// Descriptors of whoever started this would stay open.
    #[error("cannot let inherited descriptors go")]
    Inherited(#[source] io::Error),
    /// A namespace cannot be entered.
    #[error("cannot enter the namespaces")]
    Namespace(#[from] NamespaceError),
    /// The program cannot be run.
    #[error("cannot run {program}")]
    Exec {
        /// The program.
        program: String,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

impl Entry {
    /// Moves the process in and becomes the program; returns only when that failed.
    pub fn exec(self) -> EnterError {
        match self.move_in() {
            Ok(mut command) => {
                let program = command.get_program().to_string_lossy().into_owned();
                EnterError::Exec { program, source: command.exec() }
            }
            Err(error) => error,
        }
    }

    fn move_in(self) -> Result<Command, EnterError> {
        let (program, args) = self.command.split_first().ok_or(EnterError::Empty)?;
        if let Some(path) = self.cgroup {
            cgroup::join(&path).map_err(|source| EnterError::Cgroup { path, source })?;
        }
        if self.session {
            // Fails only for a process that leads a group already, which serves the purpose.
            setsid().ok();
            kernel::close_others_on_exec().map_err(EnterError::Inherited)?;
        }
        if self.terminal {
            ioctl_tiocsctty(io::stdin()).map_err(|error| EnterError::Terminal(error.into()))?;
        }
        for place in &self.places {
            namespace::enter(place)?;
        }
        let mut command = if program == SELF { own_file() } else { Command::new(program) };
        command.args(args);
        Ok(command)
    }

    /// Returns the command that starts this program by way of `skep lab enter`.
    pub(crate) fn to_command(&self) -> Command {
        let mut command = own_file();
        command.args(["lab", "enter"]);
        if let Some(path) = &self.cgroup {
            command.arg("--cgroup").arg(path);
        }
        for place in &self.places {
            command.arg("--place").arg(place);
        }
        if self.session {
            command.arg("--session");
        }
        if self.terminal {
            command.arg("--terminal");
        }
        command.arg("--").args(&self.command);
        command
    }
}

/// Returns a command for this file, also when it has been replaced or cannot be seen from here.
pub(crate) fn own_file() -> Command {
    let path = env::current_exe().ok().filter(|path| path.exists());
    let mut command = Command::new(path.as_deref().unwrap_or(Path::new("/proc/self/exe")));
    command.arg0(SELF);
    command
}

/// Turns words into a command line that runs skep.
pub(crate) fn skep<I: IntoIterator<Item = S>, S: Into<OsString>>(args: I) -> Vec<OsString> {
    std::iter::once(OsString::from(SELF)).chain(args.into_iter().map(Into::into)).collect()
}

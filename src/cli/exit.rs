//! Exit codes, a contract with scripts.

/// All went well; the answer is yes.
pub(crate) const OK: u8 = 0;
/// The answer is no: unhealthy, denied, differs, not ready in time.
pub(crate) const NO: u8 = 1;
/// The command line is wrong. clap uses the same number.
pub(crate) const USAGE: u8 = 2;
/// The environment lacks something: root, a cluster, an agent, a kernel feature.
pub(crate) const ENVIRONMENT: u8 = 3;
/// A manifest, policy or configuration is not valid.
pub(crate) const INPUT: u8 = 4;
/// A bug in skep.
pub(crate) const BUG: u8 = 70;
/// Ended by Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;
/// Ended by SIGTERM.
pub(crate) const TERMINATED: u8 = 143;

/// What a command that did its work has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Done, or yes.
    Yes,
    /// No; the reason has been shown.
    No,
}

impl Answer {
    /// Returns the process's exit code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Yes => OK,
            Self::No => NO,
        }
    }
}

//! Logs on stderr: lines for people on a terminal, JSON elsewhere.

use std::{
    env,
    io::{self, IsTerminal},
};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Environment variable that overrides the level, with `tracing`'s directives (`skep::cni=debug`).
const VARIABLE: &str = "SKEP_LOG";

/// How much is logged when the environment does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What someone must act on.
    Error,
    /// Also what is degraded: commands.
    #[default]
    Warn,
    /// Also changes of state: agents and servers.
    Info,
    /// Also what happens to single objects.
    Debug,
    /// Everything.
    Trace,
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
            Level::Trace => Self::TRACE,
        }
    }
}

/// Starts logging. Only the first call of a process counts.
pub fn init(level: Level) {
    let filter = match env::var(VARIABLE) {
        Ok(directives) => EnvFilter::builder().parse_lossy(directives),
        // A command says itself what went wrong; libraries need not say it, too.
        Err(_) if level <= Level::Warn => {
            EnvFilter::new(format!("off,skep={}", LevelFilter::from(level)))
        }
        Err(_) => EnvFilter::new(LevelFilter::from(level).to_string()),
    };
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // An error means that logging has been set up before, as in tests.
    let _ = if io::stderr().is_terminal() {
        logs.compact().try_init()
    } else {
        logs.json().flatten_event(true).with_current_span(false).try_init()
    };
}

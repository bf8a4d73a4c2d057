//! The end of a relay's tunnel in an agent's pod.

use std::path::PathBuf;

use tokio::{
    io::{copy_bidirectional, join, stdin, stdout},
    net::UnixStream,
};

use crate::cli::{
    error::{Error, Kind},
    exit::Answer,
    runtime,
};

/// Join stdin and stdout with the agent's Hubble API
///
/// What a relay runs in the pods of agents.
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(super) struct Args {
    /// Directory of the agent's sockets
    #[arg(
        long,
        env = "SKEP_RUN_DIR",
        hide_env_values = true,
        value_name = "DIR",
        default_value = "/run/skep"
    )]
    run_dir: PathBuf,
}

/// The tunnel cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot reach the Hubble API at {path}")]
struct Broken {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

impl Args {
    pub(super) fn run(self) -> Result<Answer, Error> {
        let path = self.run_dir.join("hubble.sock");
        runtime::query(async {
            let broken = |source| {
                let hint = "is the agent running, and of the same version?";
                Error::new(Kind::Environment, Broken { path: path.clone(), source }).hint(hint)
            };
            let mut agent = UnixStream::connect(&path).await.map_err(broken)?;
            let mut relay = join(stdin(), stdout());
            // However it ends, both ends see it.
            let _ = copy_bidirectional(&mut agent, &mut relay).await;
            Ok(Answer::Yes)
        })
    }
}

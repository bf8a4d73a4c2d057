//! The end of a relay's tunnel in an agent's pod.

use std::path::PathBuf;

use tokio::{
    io::{copy, stdin, stdout},
    net::UnixStream,
};

use crate::cli::{
    error::{Error, Kind},
    exit::Answer,
    runtime::{self, Threads},
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
        // Reading stdin must not hold the process when the agent has hung up.
        runtime::serve(Threads::One, |cancel| async move {
            let broken = |source| {
                let hint = "is the agent running, and of the same version?";
                Error::new(Kind::Environment, Broken { path: path.clone(), source }).hint(hint)
            };
            let mut agent = UnixStream::connect(&path).await.map_err(broken)?;
            let (mut from_agent, mut to_agent) = agent.split();
            let (mut from_relay, mut to_relay) = (stdin(), stdout());
            // However it ends, both ends see it: nothing goes on with half of a connection.
            tokio::select! {
                _ = copy(&mut from_agent, &mut to_relay) => {}
                _ = copy(&mut from_relay, &mut to_agent) => {}
                () = cancel.cancelled() => {}
            }
            Ok(Answer::Yes)
        })
    }
}

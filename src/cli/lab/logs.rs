//! `skep lab logs`.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    thread,
    time::Duration,
};

use super::name::NameArgs;
use crate::{
    cli::{error::Error, exit::Answer, output::Output},
    lab::{self, StateError},
};

/// How often a followed log is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Show the log of a node's agent
///
/// For logs of pods, use kubectl logs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  skep lab logs node-1\n  skep lab logs -f node-2")]
pub(crate) struct Args {
    #[command(flatten)]
    lab: NameArgs,
    /// Name of the node; none = the lab's own process
    node: Option<String>,
    /// Go on as the log grows
    #[arg(short, long)]
    follow: bool,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let dir = self.lab.existing()?;
        let path = match &self.node {
            Some(node) => lab::agent_log(&dir, node)?,
            None => dir.logs().join("lab.log"),
        };
        let failed = |source| StateError::Io { act: "read", path: path.clone(), source };
        let mut reader = BufReader::new(File::open(&path).map_err(failed)?);
        let mut line = Vec::new();
        loop {
            line.clear();
            if reader.read_until(b'\n', &mut line).map_err(failed)? > 0 {
                out.text(&String::from_utf8_lossy(&line))?;
                continue;
            }
            if !self.follow {
                return Ok(Answer::Yes);
            }
            out.flush()?;
            thread::sleep(LOOK);
        }
    }
}

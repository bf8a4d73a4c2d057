//! Asks once, or until all is well.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::view::StatusView;
use crate::cli::{
    duration::duration,
    error::{Error, Kind},
    exit::Answer,
    output::{FormatArgs, Output},
    runtime,
    source::SourceArgs,
};

/// Time between two questions while waiting.
const INTERVAL: Duration = Duration::from_millis(500);

/// Show how the agents are
///
/// Shows whether the datapath of this node, or of every node of a cluster, does its work. The exit
/// code is 1 when an agent is not well or cannot be asked.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep status\n  skep status --wait --wait-duration 2m\n  skep status -o json"
)]
pub(crate) struct Args {
    /// Wait until every agent is well
    #[arg(long)]
    wait: bool,
    /// Give up waiting after this time
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    wait_duration: Duration,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    source: SourceArgs,
}

/// What was waited for did not come.
#[derive(Debug, thiserror::Error)]
#[error("skep is not well after {}: {reason}", crate::cli::output::age(*.after))]
struct NotInTime {
    after: Duration,
    reason: String,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let format = self.format.format;
        let (view, late) = runtime::query(async {
            if self.wait { self.wait(out).await } else { Ok((self.ask().await?, None)) }
        })?;
        out.show(&view, format)?;
        match late {
            Some(late) => Err(Error::new(Kind::No, late)),
            None if view.is_well() => Ok(Answer::Yes),
            None => Ok(Answer::No),
        }
    }

    async fn ask(&self) -> Result<StatusView, Error> {
        let answers = self.source.open().await?.list().await?;
        Ok(StatusView::new(answers))
    }

    /// An agent or API server that is not there yet may come; whatever keeps a question from being
    /// asked is waited for, too.
    async fn wait(&self, out: &Output) -> Result<(StatusView, Option<NotInTime>), Error> {
        let deadline = Instant::now() + self.wait_duration;
        let progress = out.progress();
        loop {
            let asked = self.ask().await;
            let reason = match &asked {
                Ok(view) if view.is_well() => return Ok((asked?, None)),
                Ok(view) => view.reason(),
                Err(error) => error.to_string(),
            };
            if Instant::now() >= deadline {
                let late = NotInTime { after: self.wait_duration, reason };
                return match asked {
                    Ok(view) => Ok((view, Some(late))),
                    Err(error) => Err(error.but(Kind::No)),
                };
            }
            progress.say(format!("waiting: {reason}"));
            sleep(INTERVAL).await;
        }
    }
}

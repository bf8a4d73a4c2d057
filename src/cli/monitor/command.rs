//! Asks the agent of one node for its events.

use std::path::Path;

use super::compact;
use crate::{
    api::Client,
    cli::{
        cluster::{Cluster, ClusterError, Lines},
        error::{Error, Kind},
        exit::Answer,
        output::Output,
        runtime,
        source::{Source, SourceArgs},
    },
    flows::{EventFilter, Monitored, RawKind},
};

/// The command that the agent's pod runs.
const COMMAND: &[&str] = &["monitor"];

/// Show raw events of one node
///
/// Shows what the datapath of a node says from now on, event by event, before names are looked up and before
/// anything is stored: numbers of identities, endpoints, devices and rules, and the totals of connections. Who
/// reads too slowly loses events, never the datapath, and is told how many. `skep observe` tells the same with
/// names.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  skep monitor
  skep monitor --node worker-1 --type drop --type denied
  skep monitor --endpoint 7 -o json | jq .event.source")]
pub(crate) struct Args {
    /// Show what happened in this way only; may be repeated
    #[arg(short = 't', long = "type", value_name = "TYPE", value_parser = kind())]
    kinds: Vec<String>,
    /// Show what is about this endpoint only; may be repeated
    #[arg(long = "endpoint", value_name = "ID")]
    endpoints: Vec<u32>,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "compact")]
    output: Format,
    #[command(flatten)]
    source: SourceArgs,
}

/// How events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One line an event
    Compact,
    /// One JSON object a line
    Json,
}

/// More than one node is meant.
#[derive(Debug, thiserror::Error)]
#[error("events are those of one node, and {0} are meant")]
struct OneNode(usize);

/// The agent is gone.
#[derive(Debug, thiserror::Error)]
#[error("the agent ended the stream")]
struct Ended;

/// Returns a parser that knows the names.
fn kind() -> clap::builder::PossibleValuesParser {
    RawKind::ALL.map(RawKind::name).into()
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let named = |name: &String| RawKind::ALL.into_iter().find(|kind| kind.name() == name);
        let kinds = self.kinds.iter().filter_map(named).collect();
        let filter = EventFilter { kinds, endpoints: self.endpoints.clone() };
        runtime::query(async {
            match self.source.open().await? {
                Source::Node(socket) => self.node(&socket, &filter, out).await?,
                Source::Cluster { cluster, nodes } => self.pod(&cluster, &nodes, out).await?,
            }
            Err(Error::new(Kind::Environment, Ended).hint("run the command again"))
        })
    }

    async fn node(&self, socket: &Path, filter: &EventFilter, out: &Output) -> Result<(), Error> {
        let mut events = Client::connect(socket).await?.events(filter).await?;
        while let Some(next) = events.next().await? {
            self.show(&next, out)?;
        }
        Ok(())
    }

    async fn pod(&self, cluster: &Cluster, nodes: &[String], out: &Output) -> Result<(), Error> {
        let agents = cluster.agents(nodes).await?;
        let [agent] = &agents[..] else {
            let error = Error::new(Kind::Usage, OneNode(agents.len()));
            return Err(error.hint("--node NAME says which"));
        };
        let failed = |reason| ClusterError::Failed { node: agent.node.clone(), reason };
        let pod = agent.pod.clone().map_err(failed)?;
        let mut flags = vec!["--output".to_owned(), "json".to_owned()];
        flags.extend(self.kinds.iter().map(|kind| format!("--type={kind}")));
        flags.extend(self.endpoints.iter().map(|endpoint| format!("--endpoint={endpoint}")));
        let mut lines: Lines = cluster.stream(&agent.node, &pod, COMMAND, &flags).await?;
        while let Some(line) = lines.next().await? {
            let next = serde_json::from_str(&line);
            let next = next.map_err(|error| failed(format!("its answer makes no sense: {error}")));
            self.show(&next?, out)?;
        }
        Ok(())
    }

    fn show(&self, next: &Monitored, out: &Output) -> Result<(), Error> {
        match (self.output, next) {
            (Format::Json, next) => {
                out.line(&serde_json::to_string(next).expect("events have text keys only"))
            }
            (Format::Compact, Monitored::Event(event)) => out.line(&compact::line(event, out)),
            (Format::Compact, Monitored::Lost(count)) => {
                out.warn(&format!("{count} events were lost"));
                Ok(())
            }
        }
    }
}

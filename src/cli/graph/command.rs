//! Asks, counts, draws.

use super::{dot::dot, json::json, map::Map, mermaid::mermaid, svg::svg};
use crate::{
    cli::{
        error::Error,
        exit::Answer,
        observe::{FlowArgs, count},
        output::{EncodeError, Output},
    },
    flows::edges::Edges,
};

/// Draw who speaks with whom
///
/// Draws the stored flows, or those of a time range or a file, as a map: an island for each namespace, who
/// asks to the left of who answers, ports and numbers of flows on the links, drops in red. The same flows
/// give the same picture. Filters are those of `skep observe`; -n draws one namespace and its neighbours.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  skep graph -o svg > map.svg
  skep graph -n shop --since 10m -o mermaid
  skep graph --input-file flows.json -o dot | dot -Tpng > map.png
  skep graph -o json | jq '.edges[] | select(.dropped > 0)'")]
pub(crate) struct Args {
    /// Output format
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "svg",
        help_heading = "Output"
    )]
    output: Format,
    #[command(flatten)]
    flows: FlowArgs,
}

/// How the map is written.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// A picture
    Svg,
    /// For Graphviz
    Dot,
    /// For Markdown
    Mermaid,
    /// For scripts
    Json,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let mut edges = Edges::default();
        let result = count(&self.flows, &mut edges, out);
        if result.is_err() && edges.iter().next().is_none() {
            return result.map(|()| Answer::Yes);
        }
        let map = Map::of(&edges);
        let text = match self.output {
            Format::Svg => svg(&map),
            Format::Dot => dot(&map),
            Format::Mermaid => mermaid(&map),
            Format::Json => json(&map, &edges).map_err(EncodeError::Json)?,
        };
        out.text(&text)?;
        result.map(|()| Answer::Yes)
    }
}

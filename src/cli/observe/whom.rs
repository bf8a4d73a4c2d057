//! Whom flows are asked of: agents, a server, or a file.

use std::path::{Path, PathBuf};

use super::{
    InvalidTerm,
    follow::{Follower, Question},
    merge,
    place::Place,
    print::Pace,
    replay::replay,
    tls::TlsArgs,
};
use crate::{
    cli::{
        error::Error,
        output::Output,
        runtime,
        source::{Source, SourceArgs},
    },
    flows::{InvalidFilter, Matcher, Request},
    hubble::observer::GetFlowsResponse,
};

/// Flags that say whom to ask for flows.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Whom to ask")]
pub(crate) struct WhomArgs {
    /// Show saved flows, one JSON object a line; - is stdin
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["server", "local", "node", "kubeconfig", "context"]
    )]
    input_file: Option<PathBuf>,
    /// Ask a Hubble server, such as a relay: HOST:PORT, tls://HOST:PORT or unix:PATH
    #[arg(
        long,
        value_name = "ADDRESS",
        conflicts_with_all = ["local", "node", "kubeconfig", "context"]
    )]
    server: Option<String>,
    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    source: SourceArgs,
}

impl WhomArgs {
    /// Tells whether saved flows are asked for.
    pub(super) const fn is_file(&self) -> bool {
        self.input_file.is_some()
    }

    /// Returns how lines of stored flows go out: more may come from a pipe, later.
    pub(super) fn pace(&self) -> Pace {
        match &self.input_file {
            Some(file) if file == Path::new("-") => Pace::Live,
            _ => Pace::Bulk,
        }
    }

    /// Checks filters before anyone is asked. What only skep lacks is for other servers to judge.
    pub(super) fn check(&self, request: &Request) -> Result<(), InvalidTerm> {
        match Matcher::compile(request) {
            Err(InvalidFilter::Unsupported { .. }) if self.server.is_some() => {
                let mut known = request.clone();
                known.allow.iter_mut().chain(&mut known.deny).for_each(|f| f.experimental = None);
                Matcher::compile(&known)?;
            }
            compiled => drop(compiled?),
        }
        Ok(())
    }

    /// Asks, and shows what is answered.
    ///
    /// # Errors
    /// When nobody can be asked, some cannot, or a stream that was to go on ends.
    pub(super) fn ask(
        &self,
        question: &Question,
        out: &Output,
        mut show: impl FnMut(&GetFlowsResponse) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if let Some(file) = &self.input_file {
            return replay(file, &question.request, out, show);
        }
        let server = self.server.as_deref().map(|address| self.tls.server(address)).transpose()?;
        runtime::query(async {
            if let Some(server) = &server {
                return observe(Place::Server(server), question, out, &mut show).await;
            }
            match self.source.open().await? {
                Source::Node(socket) => {
                    observe(Place::Node(&socket), question, out, &mut show).await
                }
                Source::Cluster { cluster, nodes } => {
                    merge::observe(&cluster, &nodes, question, out, &mut show).await
                }
            }
        })
    }
}

async fn observe(
    place: Place<'_>,
    question: &Question,
    out: &Output,
    mut show: impl FnMut(&GetFlowsResponse) -> Result<(), Error>,
) -> Result<(), Error> {
    let flows = place.open(&question.request).await?;
    let mut follower = Follower::new(place, question.clone(), flows, out);
    while let Some(message) = follower.next().await? {
        show(&message)?;
    }
    Ok(())
}

//! Whom flows are asked of: agents, a server, or a file.

use std::path::{Path, PathBuf};

use super::{
    InvalidTerm,
    follow::{Follower, Question, Tell},
    merge,
    place::Place,
    print::Pace,
    replay::replay,
    tls::TlsArgs,
};
use crate::{
    cli::{
        error::Error,
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

    /// Checks filters before anyone is asked. Expressions that skep refuses are for other
    /// servers to judge: their CEL may have more.
    pub(super) fn check(&self, request: &Request) -> Result<(), InvalidTerm> {
        match Matcher::compile(request) {
            Err(InvalidFilter::Expression { .. }) if self.server.is_some() => {
                let mut known = request.clone();
                known.allow.iter_mut().chain(&mut known.deny).for_each(|f| f.experimental = None);
                Matcher::compile(&known)?;
            }
            compiled => drop(compiled?),
        }
        Ok(())
    }

    /// Asks, and shows what is answered; Ctrl-C and SIGTERM end it.
    ///
    /// # Errors
    /// When nobody can be asked, some cannot, or a stream that was to go on ends.
    pub(super) fn ask(
        &self,
        question: &Question,
        tell: Tell<'_>,
        show: impl FnMut(&GetFlowsResponse) -> Result<(), Error>,
    ) -> Result<(), Error> {
        // Reading a file may block, so signals keep the meaning that they have by default.
        if let Some(file) = &self.input_file {
            return replay(file, &question.request, tell, show);
        }
        runtime::query(self.stream(question, tell, show))
    }

    /// Asks, and shows what is answered.
    ///
    /// # Errors
    /// When nobody can be asked, some cannot, or a stream that was to go on ends.
    pub(super) async fn stream(
        &self,
        question: &Question,
        tell: Tell<'_>,
        mut show: impl FnMut(&GetFlowsResponse) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if let Some(file) = &self.input_file {
            return replay(file, &question.request, tell, show);
        }
        if let Some(address) = &self.server {
            let server = self.tls.server(address)?;
            return observe(Place::Server(&server), question, tell, &mut show).await;
        }
        match self.source.open().await? {
            Source::Node(socket) => observe(Place::Node(&socket), question, tell, &mut show).await,
            Source::Cluster { cluster, nodes } => {
                merge::observe(&cluster, &nodes, question, tell, &mut show).await
            }
        }
    }
}

async fn observe(
    place: Place<'_>,
    question: &Question,
    tell: Tell<'_>,
    mut show: impl FnMut(&GetFlowsResponse) -> Result<(), Error>,
) -> Result<(), Error> {
    let flows = place.open(&question.request).await?;
    let mut follower = Follower::new(place, question.clone(), flows, tell);
    while let Some(message) = follower.next().await? {
        show(&message)?;
    }
    Ok(())
}

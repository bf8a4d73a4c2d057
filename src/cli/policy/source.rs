//! Where policies, and those they speak of, come from.

use std::path::PathBuf;

use super::{error::PolicyError, fetch, files};
use crate::{
    cli::{error::Error, output::Output, runtime, source::ClusterArgs},
    policy::{
        Input,
        judge::Mode,
        parse::{Compat, Settings},
    },
};

/// Files, or else a cluster.
#[derive(Debug, clap::Args)]
pub(super) struct InputArgs {
    /// Manifests: a file, a directory, or - for stdin; may be repeated. Without any, the cluster is asked
    #[arg(short = 'f', long = "filename", value_name = "FILES", num_args = 1..)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    meaning: MeaningArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// What the meaning of policies depends on.
#[derive(Debug, clap::Args)]
pub(super) struct MeaningArgs {
    /// Whose reading, where Cilium deviates from the text of the Kubernetes API
    #[arg(long, value_enum, value_name = "WHOSE", default_value = "kubernetes")]
    compat: Reading,
    /// When endpoints are isolated
    #[arg(long, value_enum, value_name = "MODE", default_value = "default")]
    mode: Isolation,
    /// Name of the cluster, as its pods' labels say it
    #[arg(long, value_name = "NAME", default_value = "default")]
    cluster_name: String,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Reading {
    /// The text of the API
    Kubernetes,
    /// Cilium's
    Cilium,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Isolation {
    /// When a policy selects them
    Default,
    /// Always
    Always,
    /// Never; no policy counts
    Never,
}

impl MeaningArgs {
    pub(super) fn settings(&self) -> Settings {
        let compat = match self.compat {
            Reading::Kubernetes => Compat::Kubernetes,
            Reading::Cilium => Compat::Cilium,
        };
        Settings { cluster: self.cluster_name.clone(), compat }
    }

    pub(super) const fn mode(&self) -> Mode {
        match self.mode {
            Isolation::Default => Mode::Default,
            Isolation::Always => Mode::Always,
            Isolation::Never => Mode::Never,
        }
    }
}

impl InputArgs {
    /// Returns when endpoints are isolated.
    pub(super) const fn mode(&self) -> Mode {
        self.meaning.mode()
    }

    /// Reads everything, rejected policies too.
    pub(super) fn read(&self) -> Result<Input, Error> {
        let mut input = Input::new(self.meaning.settings());
        if self.files.is_empty() {
            let documents = runtime::query(async {
                let cluster = self.cluster.connect().await.map_err(PolicyError::from)?;
                Ok::<_, Error>(fetch::fetch(&cluster).await?)
            })?;
            for document in &documents {
                input.add(document).map_err(PolicyError::from)?;
            }
            return Ok(input);
        }
        for path in &self.files {
            for document in &files::read(path)? {
                input.add(document).map_err(PolicyError::from)?;
            }
        }
        Ok(input)
    }

    /// Reads everything; a rejected policy is an error, and what is wrong with it is told.
    pub(super) fn read_accepted(&self, out: &Output) -> Result<Input, Error> {
        accepted(self.read()?, out)
    }
}

/// Refuses rejected policies, and tells what is wrong with them.
pub(super) fn accepted(input: Input, out: &Output) -> Result<Input, Error> {
    for problem in input.problems() {
        out.warn(&problem.to_string());
    }
    match input.parsed.iter().filter(|parsed| parsed.policy.is_none()).count() {
        0 => Ok(input),
        rejected => Err(PolicyError::Rejected(rejected).into()),
    }
}

//! `skep lab snapshot`.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::name::NameArgs;
use crate::{
    cli::{cluster::Cluster, error::Error, exit::Answer, output::Output, runtime},
    lab::{self, StateError, Values},
};

/// Write a cluster's objects to a file
///
/// Takes what people wrote: no status, no ids, nothing that controllers made. `skep lab up --from`
/// brings it up again. With --kubeconfig, the snapshot is of a real cluster.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep lab snapshot shop.yaml\n  skep lab snapshot --kubeconfig ~/.kube/config cluster.yaml\n  skep lab up --from cluster.yaml"
)]
pub(crate) struct Args {
    #[command(flatten)]
    lab: NameArgs,
    /// Where to write; - for stdout
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Keep the values of Secrets, not only their keys
    #[arg(long)]
    with_secrets: bool,
    /// Take it of a cluster instead of a lab
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let values = if self.with_secrets { Values::Kept } else { Values::Dropped };
        let snapshot = runtime::query(async {
            match &self.kubeconfig {
                None => Ok(lab::snapshot(&self.lab.clone().existing()?, values).await?),
                Some(path) => {
                    let cluster =
                        Cluster::connect(Some(path), self.context.as_deref(), "kube-system")
                            .await?;
                    Ok(lab::snapshot_of(cluster.client().clone(), values).await?)
                }
            }
        })?;
        if self.file == Path::new("-") {
            out.text(&snapshot.text)?;
        } else {
            write(&self.file, &snapshot.text)?;
        }
        for note in &snapshot.notes {
            out.note(note);
        }
        out.note(&format!("{} objects are in {}.", snapshot.objects, self.file.display()));
        Ok(Answer::Yes)
    }
}

/// Only the owner may read it: there may be secrets in any object.
fn write(path: &Path, text: &str) -> Result<(), StateError> {
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| StateError::Io { act: "write", path: path.to_owned(), source })
}

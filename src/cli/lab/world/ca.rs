//! `skep lab world ca`.

use std::fs;

use crate::{
    cli::{error::Error, exit::Answer, lab::name::NameArgs, output::Output},
    lab::StateError,
};

/// Print the certificate of the world's authority
///
/// The world's web servers show a certificate of this authority for every name and address. Pods
/// trust it by themselves, and find it in /run/lab/world-ca.crt, as nodes do.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep lab world ca > ca.crt\n  skep lab exec world -- curl --cacert /dev/stdin https://example.com --resolve example.com:443:198.51.100.10 < ca.crt"
)]
pub(crate) struct Args {
    #[command(flatten)]
    lab: NameArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let path = self.lab.existing()?.world_authority();
        let text = fs::read_to_string(&path);
        out.text(&text.map_err(|source| StateError::Io { act: "read", path, source })?)?;
        Ok(Answer::Yes)
    }
}

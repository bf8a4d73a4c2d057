//! `skep bench`.

use super::{error::Error, exit::Answer, output::Output};

/// Measure skep against bare veth and a bridge with iptables
///
/// Runs interleaved rounds of the same work on skep and on what else there is, and shows ratios
/// with their intervals. Needs root.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:\n  skep bench --output bench.json")]
pub(crate) struct Args {
    /// File to write the results to, as JSON
    #[arg(long, value_name = "FILE")]
    output: Option<std::path::PathBuf>,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        out.warn(&format!("this build measures nothing; {:?} is not written", self.output));
        Ok(Answer::No)
    }
}

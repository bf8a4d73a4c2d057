//! `skep bpf ct flush`.

use super::FilterArgs;
use crate::cli::{
    bpf::flush::{Flush, FlushArgs},
    error::Error,
    exit::Answer,
    output::Output,
};

/// Forget tracked connections
///
/// Removes connections from the table that the datapath of a node tracks, all of them or those that the
/// flags name, with the other tuples that translations made of them. Their next packets are judged by
/// policies like those of new connections, and translated connections that are still used break. Without
/// `--yes` you are asked first. The answer is how many connections and other tuples are gone.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep bpf ct flush --address 10.244.1.7\n  skep bpf ct flush --service shop/web --node worker-1\n  skep bpf ct flush --port 53/udp --yes -o json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    flush: FlushArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let words = self.filter.words();
        let filter = self.filter.filter();
        self.flush.run(out, Flush { table: "ct", noun: "tracked connections", words, filter })
    }
}

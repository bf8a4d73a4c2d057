//! `skep bpf nat flush`.

use crate::cli::{
    bpf::{
        ct::FilterArgs,
        flush::{Flush, FlushArgs},
    },
    error::Error,
    exit::Answer,
    output::Output,
};

/// Forget translated connections
///
/// Removes connections whose source is translated from the table that the datapath of a node tracks, all of
/// them or those that the flags name. Those that are still used break, and the ports of all of them are free
/// for others. Without `--yes` you are asked first. The answer is how many connections and other tuples are
/// gone.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep bpf nat flush --address 203.0.113.9\n  skep bpf nat flush --node worker-1 --yes -o json"
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
        let mut filter = self.filter.filter();
        filter.translated = true;
        self.flush.run(out, Flush { table: "nat", noun: "translated connections", words, filter })
    }
}

//! `skep lab world dns remove`.

use std::net::IpAddr;

use crate::{
    cli::{error::Error, exit::Answer, lab::name::NameArgs, output::Output},
    lab::{WorldName, WorldNames},
};

/// Take addresses from a name, or remove the name
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep lab world dns remove shop.example.com\n  skep lab world dns remove shop.example.com 203.0.113.7"
)]
pub(crate) struct Args {
    #[command(flatten)]
    lab: NameArgs,
    /// The name
    #[arg(value_name = "DOMAIN")]
    domain: WorldName,
    /// Addresses to take; none = all, and the name is gone
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<IpAddr>,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let dir = self.lab.existing()?;
        WorldNames::change(&dir, |names| names.remove(&self.domain, &self.addresses))?;
        out.note(&format!("Removed from {}.", self.domain));
        Ok(Answer::Yes)
    }
}

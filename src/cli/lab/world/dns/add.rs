//! `skep lab world dns add`.

use std::net::IpAddr;

use crate::{
    cli::{error::Error, exit::Answer, lab::name::NameArgs, output::Output},
    lab::{WorldName, WorldNames},
};

/// Give a name addresses
///
/// The name can be looked up from the next question on, by pods and nodes. Every address of
/// 198.51.100.0/24, 203.0.113.0/24, 2001:db8:1::/64 and 2001:db8:2::/64 has the world's HTTP and
/// HTTPS servers. Addresses are added to those that the name has.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep lab world dns add shop.example.com 203.0.113.7 2001:db8:2::7\n  skep lab world dns add '*.amazonaws.com' 198.51.100.20"
)]
pub(crate) struct Args {
    #[command(flatten)]
    lab: NameArgs,
    /// The name; a first label * stands for all names below
    #[arg(value_name = "DOMAIN")]
    domain: WorldName,
    /// Its addresses
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<IpAddr>,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let dir = self.lab.existing()?;
        let domain = self.domain.clone();
        let names = WorldNames::change(&dir, |names| names.add(self.domain, &self.addresses))?;
        let all = names.iter().find(|(name, _)| **name == domain).map_or(&[][..], |(_, all)| all);
        let all: Vec<_> = all.iter().map(ToString::to_string).collect();
        out.note(&format!("{domain} is {}.", all.join(" ")));
        Ok(Answer::Yes)
    }
}

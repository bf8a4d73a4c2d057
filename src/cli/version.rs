//! `skep version`.

use serde::Serialize;

use super::{
    error::Error,
    exit::Answer,
    output::{Detail, FormatArgs, Output, Render, Table},
};
use crate::api::API_VERSION;

/// Show the version
///
/// Shows which skep this is and of which layouts its datapath is made.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  skep version\n  skep version -o json")]
pub(crate) struct Args {
    #[command(flatten)]
    format: FormatArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        out.show(&Version::of_this(), self.format.format)?;
        Ok(Answer::Yes)
    }
}

/// What this binary is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    api_version: &'static str,
    kind: &'static str,
    version: &'static str,
    commit: &'static str,
    abi_version: u32,
    target: String,
}

impl Version {
    fn of_this() -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Version",
            version: env!("CARGO_PKG_VERSION"),
            commit: env!("SKEP_GIT_COMMIT"),
            abi_version: skep_bpf::abi::ABI_VERSION,
            target: format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

impl Render for Version {
    type Document<'a> = &'a Self;

    fn document(&self) -> &Self {
        self
    }

    fn table(&self, detail: Detail) -> Table {
        let mut table = Table::new([]);
        table.row(["skep".into(), self.version.into()]);
        table.row(["commit".into(), self.commit.into()]);
        if detail.is_wide() {
            table.row(["target".into(), (&self.target).into()]);
            table.row(["datapath layout".into(), self.abi_version.into()]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        vec![self.version.to_owned()]
    }
}

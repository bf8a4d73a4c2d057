//! `skep connectivity test`.

use std::net::SocketAddr;

use super::view::ReportView;
use crate::{
    cli::{
        error::Error,
        exit::Answer,
        output::{FormatArgs, Output},
        runtime,
        source::ClusterArgs,
    },
    connectivity::{self, Options, Scenario},
};

/// Test who reaches whom
///
/// Lets every pod connect to every other pod and to the outside, in each family that it has an
/// address of. Nothing is installed: the pods that are there try it themselves. The exit code is 1
/// when a connection that should work does not.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  skep connectivity test
  skep connectivity test --test pod-to-world -n shop --external 198.51.100.10:80")]
pub(crate) struct Args {
    /// Scenarios to run, with commas; all unless given
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = scenario)]
    test: Vec<Scenario>,
    /// Namespace whose pods take part; all unless given
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Address outside the cluster; may be repeated
    #[arg(long, value_name = "ADDRESS:PORT")]
    external: Vec<SocketAddr>,
    /// Seconds that one attempt may take
    #[arg(long, value_name = "SECONDS", default_value_t = Options::TIMEOUT, value_parser = clap::value_parser!(u32).range(1..=600))]
    timeout: u32,
    /// How many pods try at once
    #[arg(long, value_name = "COUNT", default_value_t = Options::PARALLEL, value_parser = clap::value_parser!(u16).range(1..=1000))]
    parallel: u16,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug, thiserror::Error)]
#[error("not a scenario; there are {}", Scenario::ALL.map(Scenario::name).join(", "))]
struct UnknownScenario;

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let scenarios = if self.test.is_empty() { Scenario::ALL.to_vec() } else { self.test };
        let options = Options {
            namespace: self.namespace,
            scenarios,
            outside: self.external,
            timeout: self.timeout,
            parallel: self.parallel,
        };
        let report = runtime::query(async {
            let cluster = self.cluster.connect().await?;
            let progress = out.progress();
            let told = |done, all| progress.say(format!("{done} of {all} connections tried"));
            Ok(connectivity::run(cluster.client(), &options, told).await?)
        })?;
        let passed = report.failures().next().is_none();
        out.show(&ReportView(report), self.format.format)?;
        Ok(if passed { Answer::Yes } else { Answer::No })
    }
}

fn scenario(text: &str) -> Result<Scenario, UnknownScenario> {
    Scenario::ALL.into_iter().find(|scenario| scenario.name() == text).ok_or(UnknownScenario)
}

//! Every command at a glance.

use clap::{ArgAction, Args, Parser, Subcommand};

use super::{
    agent, bench, bpf, completions, connectivity, endpoint, graph, identity, lab, man, monitor,
    node, observe, operator,
    output::{ColorChoice, Settings},
    policy, relay, service, status, top, version,
};
use crate::telemetry::Level;

/// Kubernetes networking on eBPF, in one binary
///
/// skep is the node agent that drives an eBPF datapath, the CNI plugin, the operator, a lab that
/// runs a whole cluster on one machine, and the command line for all of them.
#[derive(Debug, Parser)]
#[command(
    name = "skep",
    version,
    max_term_width = 100,
    subcommand_value_name = "COMMAND",
    after_long_help = EXIT_CODES
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    ok
  1    the answer is no: unhealthy, denied, differs, not ready in time
  2    the command line is wrong
  3    the environment lacks something: root, a cluster, an agent, a kernel feature
  4    invalid input: a manifest, policy or configuration
  70   a bug in skep
  130  ended by Ctrl-C
  143  ended by SIGTERM

Example:
  skep lab up --nodes 3";

/// Flags that every command has.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Global {
    /// When to use colours
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
    /// Print answers, warnings and errors only
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Log more; twice for debug, three times for all
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
}

impl Global {
    /// Returns what concerns output.
    pub(crate) const fn output_settings(self) -> Settings {
        Settings { color: self.color, quiet: self.quiet }
    }

    /// Returns how much is logged; servers start one level higher than commands.
    pub(crate) const fn log_level(self, command: &Command) -> Level {
        let base = if command.is_server() { 1 } else { 0 };
        match base + self.verbose {
            0 => Level::Warn,
            1 => Level::Info,
            2 => Level::Debug,
            _ => Level::Trace,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Status(status::Args),
    Observe(Box<observe::Args>),
    Graph(Box<graph::Args>),
    Monitor(monitor::Args),
    Top(Box<top::Args>),
    /// Endpoints: the pods' interfaces
    #[command(subcommand)]
    Endpoint(ListOf<endpoint::list::Args>),
    /// Identities: the label sets that policy speaks about
    #[command(subcommand)]
    Identity(ListOf<identity::list::Args>),
    /// What network policies mean
    #[command(subcommand)]
    Policy(policy::Command),
    /// Services, as the nodes balance them
    #[command(subcommand)]
    Service(service::Command),
    /// Nodes of the cluster
    #[command(subcommand)]
    Node(ListOf<node::list::Args>),
    /// The datapath's maps, as they are in the kernel
    #[command(subcommand)]
    Bpf(Bpf),
    /// Who reaches whom
    #[command(subcommand)]
    Connectivity(Connectivity),
    /// A cluster in network namespaces on this machine
    #[command(subcommand)]
    Lab(lab::Command),
    Bench(bench::Args),
    Agent(Box<agent::Args>),
    Operator(operator::Args),
    Relay(relay::Args),
    Version(version::Args),
    Completions(completions::Args),
    #[command(hide = true)]
    Man(man::Args),
}

/// The datapath's maps.
#[derive(Debug, Subcommand)]
pub(crate) enum Bpf {
    /// Pods of a node, by address
    #[command(subcommand)]
    Endpoint(ListOf<bpf::endpoint::list::Args>),
    /// Owners of addresses and prefixes
    #[command(subcommand)]
    Ipcache(ListOf<bpf::ipcache::list::Args>),
    /// Tracked connections
    #[command(subcommand)]
    Ct(bpf::ct::Command),
    /// Connections whose source is translated
    #[command(subcommand)]
    Nat(bpf::nat::Command),
    /// Nodes, by number
    #[command(subcommand)]
    Node(ListOf<bpf::node::list::Args>),
    /// Policies, as verdicts for classes of peers and ports
    #[command(subcommand)]
    Policy(ListOf<bpf::policy::list::Args>),
    /// Services: frontends, backends, affinity, Maglev tables
    #[command(subcommand)]
    Lb(ListOf<bpf::lb::list::Args>),
    /// Counters of packets and drops
    #[command(subcommand)]
    Metrics(ListOf<bpf::metrics::list::Args>),
}

/// What can be done about connectivity.
#[derive(Debug, Subcommand)]
pub(crate) enum Connectivity {
    Test(connectivity::test::Args),
    List(connectivity::list::Args),
    Serve(connectivity::serve::Args),
    Probe(connectivity::probe::Args),
}

/// A noun that can only be listed so far.
#[derive(Debug, Subcommand)]
pub(crate) enum ListOf<A: Args> {
    List(A),
}

impl Command {
    /// Tells whether it runs until it is stopped and logs meanwhile.
    const fn is_server(&self) -> bool {
        match self {
            Self::Agent(_) | Self::Operator(_) | Self::Relay(_) => true,
            Self::Lab(command) => command.is_server(),
            Self::Connectivity(Connectivity::Serve(_)) => true,
            _ => false,
        }
    }
}

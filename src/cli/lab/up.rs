//! `skep lab up`.

use std::{path::PathBuf, time::Duration};

use serde::Serialize;

use super::name::NameArgs;
use crate::{
    api::API_VERSION,
    cli::{
        error::Error,
        exit::Answer,
        output::{Detail, FormatArgs, Output, Render, Table},
        runtime::{self, Threads},
    },
    config::{IpFamilies, Routing},
    lab::{self, MAX_NODES, Shape, UpOptions, UpReport},
};

/// Bring a lab up
///
/// Makes a cluster of network namespaces on this machine: nodes with skep's agent and datapath, a
/// Kubernetes API, and a world outside. Pods are processes: their containers become servers that
/// listen on the declared ports and tell who they are and whom they saw; images are never pulled.
///
/// Manifests may be anything that kubectl apply takes: definitions of kinds and namespaces come
/// first, objects of kinds that nobody defines are stored as they are. What the lab does not
/// simulate is listed. Needs root.
///
/// A lab whose own processes were killed is there still, with its nodes, its pods and all objects:
/// `up` with its name starts them again.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep lab up\n  skep lab up --name test --nodes 2 --routing native -f manifests/\n  helm template shop | skep lab up -f -\n  kubectl get all,configmaps,networkpolicies -A -o yaml | skep lab up --from -"
)]
pub(crate) struct Args {
    #[command(flatten)]
    lab: NameArgs,
    /// Number of nodes [default: 3]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_NODES)))]
    nodes: Option<u16>,
    /// How pods of nodes meet: vxlan or native [default: vxlan]
    #[arg(long, value_name = "MODE")]
    routing: Option<Routing>,
    /// Families: dual, ipv4 or ipv6 [default: dual]
    #[arg(long, value_name = "FAMILY")]
    ip_family: Option<IpFamilies>,
    /// Prefix length of nodes' IPv4 pod CIDRs [default: 24]
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u8).range(24..=30))]
    node_cidr_mask_size_ipv4: Option<u8>,
    /// Prefix length of nodes' IPv6 pod CIDRs [default: 64]
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u8).range(64..=126))]
    node_cidr_mask_size_ipv6: Option<u8>,
    /// Manifests to create: files, directories, or - for stdin
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    manifests: Vec<PathBuf>,
    /// Snapshot or `kubectl get -A -o yaml` of a cluster to replay
    #[arg(long, value_name = "PATH")]
    from: Vec<PathBuf>,
    /// Wait until agents and pods are ready: true or false
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    wait: bool,
    /// How long to wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
    #[command(flatten)]
    format: FormatArgs,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        // Mistakes in manifests are found before anything is made.
        let manifests = lab::read_manifests(&self.manifests)?;
        let from = lab::read_manifests(&self.from)?;
        let options = UpOptions {
            name: self.lab.name,
            shape: Shape {
                nodes: self.nodes,
                routing: self.routing,
                ip_family: self.ip_family,
                pod_mask_v4: self.node_cidr_mask_size_ipv4,
                pod_mask_v6: self.node_cidr_mask_size_ipv6,
            },
            manifests,
            from,
            wait: self.wait.then_some(Duration::from_secs(self.timeout)),
        };
        let progress = out.progress();
        let report = runtime::serve(Threads::Many(2), |cancel| async {
            Ok(lab::up(options, cancel, |step| progress.say(step)).await?)
        })?;
        drop(progress);
        for note in &report.notes {
            out.note(&format!("note: {note}"));
        }
        let ready = report.readiness.is_ready() || !self.wait;
        for pending in report.readiness.pending.iter().filter(|_| !ready) {
            out.warn(&format!("not ready: {pending}"));
        }
        out.show(&View::new(&report), self.format.format)?;
        Ok(if ready { Answer::Yes } else { Answer::No })
    }
}

/// A lab that is up, as shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    api_version: &'static str,
    kind: &'static str,
    name: String,
    nodes: u16,
    nodes_ready: usize,
    pods: usize,
    pods_ready: usize,
    routing: String,
    ip_family: String,
    kubeconfig: PathBuf,
    seconds: f64,
}

impl View {
    fn new(report: &UpReport) -> Self {
        let spec = &report.record.spec;
        Self {
            api_version: API_VERSION,
            kind: "Lab",
            name: spec.name.to_string(),
            nodes: spec.nodes,
            nodes_ready: report.readiness.nodes_ready,
            pods: report.readiness.pods,
            pods_ready: report.readiness.pods_ready,
            routing: spec.routing.to_string(),
            ip_family: spec.ip_family.to_string(),
            kubeconfig: report.kubeconfig.clone(),
            seconds: (report.took.as_secs_f64() * 100.0).round() / 100.0,
        }
    }
}

impl Render for View {
    type Document<'a> = &'a Self;

    fn document(&self) -> &Self {
        self
    }

    fn table(&self, detail: Detail) -> Table {
        let mut table = Table::new([]);
        table.row(["lab".into(), (&self.name).into()]);
        table.row(["nodes ready".into(), format!("{}/{}", self.nodes_ready, self.nodes).into()]);
        table.row(["pods ready".into(), format!("{}/{}", self.pods_ready, self.pods).into()]);
        if detail.is_wide() {
            table.row(["routing".into(), (&self.routing).into()]);
            table.row(["ip family".into(), (&self.ip_family).into()]);
        }
        table.row(["kubeconfig".into(), self.kubeconfig.display().into()]);
        table.row(["took".into(), format!("{:.1} s", self.seconds).into()]);
        table
    }

    fn names(&self) -> Vec<String> {
        vec![self.name.clone()]
    }
}

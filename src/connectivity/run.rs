//! Executes the probes through pods/exec and sums them up.

use std::{collections::BTreeMap, net::SocketAddr};

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{Api, Client, api::ListParams};

use super::{
    plan::{Probe, Scenario, plan},
    probe::{Outcome, command, outcomes},
};
use crate::kubernetes::{ExecError, exec};

/// What to test.
#[derive(Clone, Debug)]
pub struct Options {
    /// Namespace whose pods take part; all of them when `None`.
    pub namespace: Option<String>,
    /// Scenarios to run.
    pub scenarios: Vec<Scenario>,
    /// Addresses outside the cluster; when empty, those that a lab announces.
    pub outside: Vec<SocketAddr>,
    /// Seconds after which an attempt counts as timed out.
    pub timeout: u32,
    /// How many pods try at once.
    pub parallel: u16,
}

impl Options {
    /// Seconds that an attempt may take unless told otherwise.
    pub const TIMEOUT: u32 = 3;
    /// Pods that try at once unless told otherwise.
    pub const PARALLEL: u16 = 8;
}

/// One probe and how it ended.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was tried.
    pub probe: Probe,
    /// How it ended.
    pub outcome: Outcome,
}

/// All rows, grouped by source pod.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The rows.
    pub rows: Vec<Row>,
}

impl Report {
    /// Returns the rows that did not connect.
    pub fn failures(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.outcome != Outcome::Connected)
    }
}

/// The test could not be run; a failed probe is a row, not an error.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// The pods could not be listed.
    #[error("cannot list the pods of the cluster")]
    List(#[source] Box<kube::Error>),
    /// No pod takes part.
    #[error("no running pod with an address of its own")]
    NoPods,
    /// A pod could not run the probes.
    #[error("cannot probe from pod {pod}")]
    Exec {
        /// The pod.
        pod: String,
        /// Why.
        #[source]
        source: ExecError,
    },
    /// The pod's image lacks `sh` or `curl`.
    #[error("pod {pod} cannot run the probes: {reason}")]
    NoClient {
        /// The pod.
        pod: String,
        /// What the shell said.
        reason: String,
    },
}

/// Runs the scenarios; `progress` is told the number of finished and of all probes.
///
/// # Errors
/// When the pods cannot be listed or a pod cannot run the probes.
pub async fn run(
    client: &Client,
    options: &Options,
    mut progress: impl FnMut(usize, usize),
) -> Result<Report, TestError> {
    let pods = match &options.namespace {
        Some(namespace) => Api::<Pod>::namespaced(client.clone(), namespace),
        None => Api::<Pod>::all(client.clone()),
    };
    let pods = pods
        .list(&ListParams::default())
        .await
        .map_err(|source| TestError::List(Box::new(source)))?
        .items;
    let outside = if options.outside.is_empty() {
        lab_outside(client).await
    } else {
        options.outside.clone()
    };
    let probes = plan(&pods, &outside, &options.scenarios);
    if probes.is_empty() {
        return Err(TestError::NoPods);
    }
    let all = probes.len();
    let mut by_pod: BTreeMap<(String, String), Vec<Probe>> = BTreeMap::new();
    for probe in probes {
        by_pod.entry((probe.namespace.clone(), probe.pod.clone())).or_default().push(probe);
    }
    let mut results = stream::iter(by_pod.into_values())
        .map(|probes| probe_from(client, probes, options.timeout))
        .buffered(options.parallel.max(1).into());
    let mut report = Report::default();
    while let Some(rows) = results.next().await {
        report.rows.extend(rows?);
        progress(report.rows.len(), all);
    }
    Ok(report)
}

/// Runs the probes of one pod as one command.
async fn probe_from(
    client: &Client,
    probes: Vec<Probe>,
    timeout: u32,
) -> Result<Vec<Row>, TestError> {
    let Some(first) = probes.first() else { return Ok(Vec::new()) };
    let addresses: Vec<SocketAddr> = probes.iter().map(|probe| probe.target.address).collect();
    let command = command(&addresses, timeout);
    let output = exec(client, &first.namespace, &first.pod, Some(&first.container), &command)
        .await
        .map_err(|source| TestError::Exec { pod: first.pod.clone(), source })?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.contains("curl: not found") || output.code == 127 {
        return Err(TestError::NoClient {
            pod: first.pod.clone(),
            reason: stderr.trim().to_owned(),
        });
    }
    let outcomes = outcomes(&String::from_utf8_lossy(&output.stdout), &addresses);
    Ok(probes.into_iter().zip(outcomes).map(|(probe, outcome)| Row { probe, outcome }).collect())
}

/// A lab announces its outside in the ConfigMap `kube-public/skep-lab`, key `world`: addresses with
/// ports, separated by spaces. Any other cluster has none.
async fn lab_outside(client: &Client) -> Vec<SocketAddr> {
    let announced =
        Api::<ConfigMap>::namespaced(client.clone(), "kube-public").get_opt("skep-lab").await;
    announced
        .ok()
        .flatten()
        .and_then(|map| map.data?.remove("world"))
        .map(|world| world.split_whitespace().filter_map(|address| address.parse().ok()).collect())
        .unwrap_or_default()
}

//! Settings of the operator.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{
    InvalidConfig,
    agent::optional,
    settings::{Parser, settings},
};

settings! {
    /// What flags and variables say about the operator; [`OperatorArgs::resolve`] makes the rest.
    pub struct OperatorArgs {
        /// Kubeconfig file; in a pod the service account is used
        #[arg(value_name = "FILE")]
        kubeconfig = "kubeconfig" "SKEP_KUBECONFIG",
        /// Name of this cluster
        #[arg(value_name = "NAME")]
        cluster_name = "cluster-name" "SKEP_CLUSTER_NAME",
        /// Address that serves metrics and health, or off
        #[arg(long = "metrics-address", value_name = "ADDRESS")]
        metrics_address = "operator-metrics-address" "SKEP_OPERATOR_METRICS_ADDRESS",
        /// Seconds before an unused identity is retired
        #[arg(value_name = "SECONDS")]
        identity_unused = "identity-unused-seconds" "SKEP_IDENTITY_UNUSED_SECONDS",
        /// Seconds before a retired identity is deleted
        #[arg(value_name = "SECONDS")]
        identity_retired = "identity-retired-seconds" "SKEP_IDENTITY_RETIRED_SECONDS",
        /// Seconds for which the leader's lease holds
        #[arg(value_name = "SECONDS")]
        lease_duration = "lease-seconds" "SKEP_LEASE_SECONDS",
    }
}

/// The operator's settings, checked.
#[derive(Clone, Debug)]
pub struct OperatorConfig {
    /// Kubeconfig; none = in-cluster service account.
    pub kubeconfig: Option<PathBuf>,
    /// Name of this cluster.
    pub cluster_name: String,
    /// Address of metrics and health; none = off.
    pub metrics_address: Option<SocketAddr>,
    /// Waits of identity collection.
    pub collection: CollectionTimes,
    /// Times of the leader's lease.
    pub lease: LeaseTimes,
}

/// How long identities rest before each phase of collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectionTimes {
    /// Unused for this long: retired.
    pub unused: Duration,
    /// Retired for this long: deleted.
    pub retired: Duration,
}

/// Times of the leader's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTimes {
    /// How long the lease holds without renewal.
    pub duration: Duration,
    /// How often the leader renews it.
    pub renew: Duration,
}

impl OperatorArgs {
    /// Reads the settings file and checks everything.
    ///
    /// # Errors
    /// When the file cannot be read, or with every bad field at once.
    pub fn resolve(mut self) -> Result<OperatorConfig, InvalidConfig> {
        let mut parse = Parser::default();
        let file = parse.file(self.config.as_deref())?;
        self.fill(&file);
        let seconds = "a number of seconds";
        let lease = parse.value("lease-seconds", self.lease_duration, 15u64, seconds);
        if lease < 3 {
            parse.refuse("lease-seconds", &lease.to_string(), "is below 3");
        }
        let unused = parse.value("identity-unused-seconds", self.identity_unused, 900, seconds);
        let retired = parse.value("identity-retired-seconds", self.identity_retired, 600, seconds);
        let config = OperatorConfig {
            kubeconfig: self.kubeconfig.map(PathBuf::from),
            cluster_name: self.cluster_name.unwrap_or_else(|| "default".to_owned()),
            metrics_address: optional(
                &mut parse,
                "operator-metrics-address",
                self.metrics_address,
                "off",
                Some(SocketAddr::from(([127, 0, 0, 1], 9963))),
                "an address with port, or off",
            ),
            collection: CollectionTimes {
                unused: Duration::from_secs(unused),
                retired: Duration::from_secs(retired),
            },
            lease: LeaseTimes {
                duration: Duration::from_secs(lease),
                renew: Duration::from_secs((lease / 3).max(1)),
            },
        };
        parse.finish(config)
    }
}

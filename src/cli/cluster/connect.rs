//! From a kubeconfig to a client.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};

use super::ClusterError;

/// How long the API server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A cluster, and where skep is in it.
pub(crate) struct Cluster {
    pub(super) client: Client,
    pub(super) namespace: String,
}

impl Cluster {
    /// Makes a client from a kubeconfig, or from what kubectl would use. Sends nothing yet.
    ///
    /// # Errors
    /// When there is no usable kubeconfig.
    pub(crate) async fn connect(
        kubeconfig: Option<&Path>,
        context: Option<&str>,
        namespace: &str,
    ) -> Result<Self, ClusterError> {
        let options = KubeConfigOptions {
            context: context.map(str::to_owned),
            ..KubeConfigOptions::default()
        };
        let config = load(kubeconfig, &options).await.map_err(|source| {
            let path = kubeconfig.map(Path::to_path_buf).or_else(default_kubeconfig);
            ClusterError::Kubeconfig { path: path.unwrap_or_default(), source: Box::new(source) }
        })?;
        Self::of(config, namespace)
    }

    /// Makes a client from the service account of the pod that this process is in, whatever kubeconfig there may be.
    /// Sends nothing yet.
    ///
    /// # Errors
    /// When this is not a pod with a service account.
    pub(crate) fn around(namespace: &str) -> Result<Self, ClusterError> {
        let config =
            Config::incluster().map_err(|source| ClusterError::NotInPod(Box::new(source)))?;
        Self::of(config, namespace)
    }

    fn of(mut config: Config, namespace: &str) -> Result<Self, ClusterError> {
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // A stream of flows may be silent for hours.
        config.read_timeout = None;
        let client =
            Client::try_from(config).map_err(|source| ClusterError::Client(Box::new(source)))?;
        Ok(Self { client, namespace: namespace.to_owned() })
    }
}

impl Cluster {
    /// Returns the namespace of the agents.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the client.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }
}

async fn load(
    kubeconfig: Option<&Path>,
    options: &KubeConfigOptions,
) -> Result<Config, KubeconfigError> {
    match kubeconfig {
        Some(path) => Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, options).await,
        None => Config::from_kubeconfig(options).await,
    }
}

/// Returns the first kubeconfig that kubectl would read, if it is there.
pub(crate) fn default_kubeconfig() -> Option<PathBuf> {
    let from_env = env::var_os("KUBECONFIG").filter(|paths| !paths.is_empty());
    match from_env {
        Some(paths) => env::split_paths(&paths).find(|path| path.exists()),
        None => env::home_dir().map(|home| home.join(".kube/config")).filter(|path| path.exists()),
    }
}

//! The way to the API server.

use std::path::{Path, PathBuf};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

/// There is no way to the API server.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The kubeconfig cannot be used.
    #[error("cannot use the kubeconfig {path}")]
    Kubeconfig {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<kube::config::KubeconfigError>,
    },
    /// Not in a pod, and no kubeconfig was given.
    #[error("no kubeconfig was given and this is not a pod with a service account")]
    InCluster(#[source] Box<kube::config::InClusterError>),
    /// The settings do not make a client.
    #[error("cannot set up the Kubernetes client")]
    Client(#[source] Box<kube::Error>),
}

/// Makes a client from a kubeconfig, or from the pod's service account. Sends nothing yet.
///
/// # Errors
/// When the file is unusable or there is no service account.
pub async fn connect(kubeconfig: Option<&Path>) -> Result<Client, ClientError> {
    let config = match kubeconfig {
        Some(path) => from_file(path).await.map_err(|source| ClientError::Kubeconfig {
            path: path.to_owned(),
            source: Box::new(source),
        })?,
        None => Config::incluster().map_err(|e| ClientError::InCluster(Box::new(e)))?,
    };
    Client::try_from(config).map_err(|e| ClientError::Client(Box::new(e)))
}

async fn from_file(path: &Path) -> Result<Config, kube::config::KubeconfigError> {
    let kubeconfig = Kubeconfig::read_from(path)?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await
}

//! The lab's own way to its API server.

use std::path::{Path, PathBuf};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};

/// The lab's API server cannot be talked to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be used.
    #[error("cannot use {}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: Box<KubeconfigError>,
    },
    /// The settings do not make a client.
    #[error("cannot set up the Kubernetes client")]
    Client(#[source] Box<kube::Error>),
}

/// Makes a client from a lab's kubeconfig. Proxies of the environment are for the outside.
pub(crate) async fn connect(path: &Path) -> Result<Client, ConnectError> {
    let failed = |source| ConnectError::Kubeconfig { path: path.into(), source: Box::new(source) };
    let kubeconfig = Kubeconfig::read_from(path).map_err(failed)?;
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(failed)?;
    config.proxy_url = None;
    Client::try_from(config).map_err(|error| ConnectError::Client(Box::new(error)))
}

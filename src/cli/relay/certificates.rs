//! The certificates of a relay that runs in the cluster.

use kube::Client;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    api::hubble::{Acceptor, Clients, Connector, Credentials, TlsError},
    kubernetes::follow_certificate,
    model::hubble::{RELAY_CLIENT_SECRET, RELAY_SERVER_SECRET},
};

/// Follows the certificate that agents are shown.
pub(super) fn connector(client: Client, namespace: String, cancel: CancellationToken) -> Connector {
    let kept = watch::Sender::default();
    let connector = Connector::kept(&kept);
    follow(client, namespace, RELAY_CLIENT_SECRET, kept, Credentials::client, cancel);
    connector
}

/// Follows the certificate that clients are shown. These show none: who may reach the relay may ask it.
pub(super) fn acceptor(client: Client, namespace: String, cancel: CancellationToken) -> Acceptor {
    let kept = watch::Sender::default();
    let acceptor = Acceptor::kept(&kept);
    let server = |own: &Credentials| own.server(Clients::Anyone);
    follow(client, namespace, RELAY_SERVER_SECRET, kept, server, cancel);
    acceptor
}

fn follow<T: Send + Sync + 'static>(
    client: Client,
    namespace: String,
    name: &'static str,
    kept: watch::Sender<Option<T>>,
    side: impl Fn(&Credentials) -> Result<T, TlsError> + Send + Sync + 'static,
    cancel: CancellationToken,
) {
    tokio::spawn(cancel.run_until_cancelled_owned(async move {
        follow_certificate(client, (&namespace, name), |pem| {
            let own = Credentials::from_pem(&pem.chain, &pem.key, &pem.authorities);
            match own.and_then(|own| side(&own)) {
                Ok(side) => {
                    kept.send_replace(Some(side));
                    info!(secret = name, "certificate read");
                }
                // What was there before may still be good.
                Err(error) => warn!(
                    error = &error as &dyn std::error::Error,
                    secret = name,
                    "the certificate is of no use"
                ),
            }
        })
        .await;
    }));
}

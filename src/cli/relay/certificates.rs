//! The certificates of a relay that runs in the cluster.

use kube::Client;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    api::hubble::{Acceptor, Clients, Connector, Credentials, TlsError},
    kubernetes::follow_certificate,
    model::hubble::{RELAY_CLIENT_SECRET, RELAY_SERVER_SECRET},
    relay::RelayMetrics,
};

/// Where certificates are, and who wants to know of them.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) client: Client,
    pub(super) namespace: String,
    pub(super) metrics: RelayMetrics,
    pub(super) cancel: CancellationToken,
}

/// Follows the certificate that agents are shown.
pub(super) fn connector(from: &Source) -> Connector {
    let kept = watch::Sender::default();
    let connector = Connector::kept(&kept);
    from.follow(("client", RELAY_CLIENT_SECRET), kept, Credentials::client);
    connector
}

/// Follows the certificate that clients are shown. These show none: who may reach the relay may ask it.
pub(super) fn acceptor(from: &Source) -> Acceptor {
    let kept = watch::Sender::default();
    let acceptor = Acceptor::kept(&kept);
    let server = |own: &Credentials| own.server(Clients::Anyone);
    from.follow(("server", RELAY_SERVER_SECRET), kept, server);
    acceptor
}

impl Source {
    /// Keeps what is made of a Secret, until the relay ends.
    fn follow<T: Send + Sync + 'static>(
        &self,
        (certificate, secret): (&'static str, &'static str),
        kept: watch::Sender<Option<T>>,
        side: impl Fn(&Credentials) -> Result<T, TlsError> + Send + Sync + 'static,
    ) {
        let Self { client, namespace, metrics, cancel } = self.clone();
        tokio::spawn(cancel.run_until_cancelled_owned(async move {
            follow_certificate(client, (&namespace, secret), |pem| {
                let own = Credentials::from_pem(&pem.chain, &pem.key, &pem.authorities);
                match own.and_then(|own| Ok((side(&own)?, own.until()))) {
                    Ok((side, until)) => {
                        kept.send_replace(Some(side));
                        metrics.certificate(certificate, until);
                        info!(secret, "certificate read");
                    }
                    // What was there before may still be good.
                    Err(error) => warn!(
                        error = &error as &dyn std::error::Error,
                        secret, "the certificate is of no use"
                    ),
                }
            })
            .await;
        }));
    }
}

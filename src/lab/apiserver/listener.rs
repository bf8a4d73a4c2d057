//! Accepting connections: TLS off the accept loop, bounded in number and time.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cluster::Cluster;
use super::route;
use super::server::StartError;
use super::user::{User, Users};
use crate::certificate::{Authority, Certified};

/// Makes the TLS side: clients may show a certificate of the lab's authority.
pub(super) fn acceptor(
    authority: &Authority,
    server: &Certified,
) -> Result<TlsAcceptor, StartError> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate_der()).map_err(StartError::Tls)?;
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .map_err(StartError::Verifier)?;
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(StartError::Tls)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![server.certificate_der()], server.key_der())
        .map_err(StartError::Tls)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Accepts until shutdown.
pub(super) async fn accept(
    cluster: Arc<Cluster>,
    listener: TcpListener,
    tls: TlsAcceptor,
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
) {
    let shutdown = cluster.shutdown.clone();
    while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors or a connection reset before it was accepted: go on, but not in a hot loop.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                continue;
            }
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            tracing::warn!(limit = cluster.limits.connections, "too many connections");
            continue;
        };
        tasks.spawn(serve(Arc::clone(&cluster), stream, tls.clone(), slot));
    }
}

async fn serve(
    cluster: Arc<Cluster>,
    stream: TcpStream,
    tls: TlsAcceptor,
    slot: OwnedSemaphorePermit,
) {
    drop(stream.set_nodelay(true));
    let handshake = tokio::time::timeout(cluster.limits.handshake, tls.accept(stream));
    let Some(Ok(Ok(stream))) = cluster.shutdown.run_until_cancelled(handshake).await else {
        return;
    };
    let certificate = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first())
        .and_then(Users::by_certificate)
        .map(Arc::new);
    let hang_up = CancellationToken::new();
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(hang_up.clone());
        let (cluster, certificate): (_, Option<Arc<User>>) =
            (Arc::clone(&cluster), certificate.clone());
        async move {
            Ok::<_, std::convert::Infallible>(
                route::respond(cluster, certificate, request.map(Body::new)).await,
            )
        }
    });
    let mut connection = std::pin::pin!(
        hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(cluster.limits.idle)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    tokio::select! {
        _ = connection.as_mut() => {}
        () = hang_up.cancelled() => {}
        () = cluster.shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            drop(tokio::time::timeout(cluster.limits.handshake, connection).await);
        }
    }
    drop(slot);
}

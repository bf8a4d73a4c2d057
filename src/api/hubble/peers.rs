//! The nodes of the cluster, for relays: `peer.Peer`.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt, stream, stream::BoxStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::stream::ends;
use crate::hubble::peer::{
    ChangeNotification, ChangeNotificationType, NotifyRequest, Tls, peer_server,
};

/// A node that serves the Hubble API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Host and port, or a unix socket.
    pub address: String,
    /// The name that its certificate is for, if it is reached by TLS.
    pub tls: Option<String>,
}

/// Peers by name: nodes of the cluster `default` without it, others as `cluster/node`.
pub type Peers = Arc<BTreeMap<String, Peer>>;

/// Tells relays which peers there are.
#[derive(Clone, Debug)]
pub(super) struct PeerService {
    pub(super) peers: watch::Receiver<Peers>,
    pub(super) cancel: CancellationToken,
}

#[tonic::async_trait]
impl peer_server::Peer for PeerService {
    type NotifyStream = BoxStream<'static, Result<ChangeNotification, Status>>;

    async fn notify(
        &self,
        _: Request<NotifyRequest>,
    ) -> Result<Response<Self::NotifyStream>, Status> {
        let mut peers = self.peers.clone();
        // What is known now is the first change.
        peers.mark_changed();
        let changes = stream::unfold((peers, Peers::default()), async |(mut peers, told)| {
            peers.changed().await.ok()?;
            let now = Arc::clone(&peers.borrow_and_update());
            let changes = changes(&told, &now);
            Some((stream::iter(changes).map(Ok), (peers, now)))
        });
        Ok(Response::new(ends(changes.flatten(), self.cancel.clone())))
    }
}

/// Returns what has changed: what is gone first, so that an address is free for who comes.
fn changes(told: &Peers, now: &Peers) -> Vec<ChangeNotification> {
    let change = |name: &String, peer: &Peer, kind: ChangeNotificationType| ChangeNotification {
        name: name.clone(),
        address: peer.address.clone(),
        r#type: kind.into(),
        tls: peer.tls.clone().map(|server_name| Tls { server_name }),
    };
    let gone = told.iter().filter(|(name, _)| !now.contains_key(*name));
    let gone = gone.map(|(name, peer)| change(name, peer, ChangeNotificationType::PeerDeleted));
    let here = now.iter().filter_map(|(name, peer)| match told.get(name) {
        None => Some(change(name, peer, ChangeNotificationType::PeerAdded)),
        Some(old) if old != peer => Some(change(name, peer, ChangeNotificationType::PeerUpdated)),
        Some(_) => None,
    });
    gone.chain(here).collect()
}

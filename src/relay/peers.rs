//! Nodes as a peer service tells them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming, transport::Channel};
use tracing::warn;

use super::node::{PATIENCE, Roster, Target};
use crate::{
    api::hubble::{Connector, reach, secured},
    hubble::peer::{
        ChangeNotification, ChangeNotificationType, NotifyRequest, peer_client::PeerClient,
    },
};

/// How long news are gathered: a service tells all its peers one by one.
const QUIET: Duration = Duration::from_millis(200);
/// How long after a failure the service is asked again.
const RETRY: Duration = Duration::from_secs(2);

/// Asks the peer service at `address` for nodes, and goes on until cancelled. Nodes stay known while the
/// service is away.
///
/// # Errors
/// When it cannot be asked the first time.
pub async fn follow_peers(
    address: &str,
    tls: Connector,
    cancel: CancellationToken,
) -> Result<watch::Receiver<Roster>, Status> {
    let channel = reach(address);
    let mut news = notify(&channel).await?;
    let roster = watch::Sender::default();
    let nodes = roster.subscribe();
    let mut session = Session::new(tls.clone());
    session.gather(&mut news).await?;
    roster.send_replace(session.roster());
    tokio::spawn(cancel.run_until_cancelled_owned(async move {
        loop {
            let status = match session.gather(&mut news).await {
                Ok(()) => {
                    roster.send_replace(session.roster());
                    continue;
                }
                Err(status) => status,
            };
            warn!(reason = status.message(), "peer service lost");
            news = loop {
                sleep(RETRY).await;
                if let Ok(news) = notify(&channel).await {
                    break news;
                }
            };
            // It tells all that it knows again, and not what has gone meanwhile.
            session = Session::new(tls.clone());
        }
    }));
    Ok(nodes)
}

async fn notify(channel: &Channel) -> Result<Streaming<ChangeNotification>, Status> {
    let mut client = PeerClient::new(channel.clone());
    let answer = timeout(PATIENCE, client.notify(NotifyRequest {})).await;
    let late = |_| Status::deadline_exceeded("the peer service does not answer");
    Ok(answer.map_err(late)??.into_inner())
}

/// What one connection to the service has told.
#[derive(Debug)]
struct Session {
    nodes: BTreeMap<String, Target>,
    tls: Connector,
}

impl Session {
    const fn new(tls: Connector) -> Self {
        Self { nodes: BTreeMap::new(), tls }
    }

    /// Takes in what comes until nothing comes for a moment.
    async fn gather(&mut self, news: &mut Streaming<ChangeNotification>) -> Result<(), Status> {
        let ended = || Status::unavailable("the peer service ended the stream");
        let mut next = news.message().await?;
        loop {
            self.apply(next.ok_or_else(ended)?);
            match timeout(QUIET, news.message()).await {
                Ok(message) => next = message?,
                Err(_) => return Ok(()),
            }
        }
    }

    fn apply(&mut self, change: ChangeNotification) {
        let kind = change.r#type();
        let ChangeNotification { name, address, tls, .. } = change;
        if kind == ChangeNotificationType::PeerDeleted {
            self.nodes.remove(&name);
            return;
        }
        let channel = match tls {
            Some(tls) => secured(address.clone(), tls.server_name, self.tls.clone()),
            None => reach(&address),
        };
        self.nodes.insert(name, Target { address, channel });
    }

    fn roster(&self) -> Roster {
        Arc::new(self.nodes.clone())
    }
}

//! Which ports are open, and for which service.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU16,
    sync::Arc,
    time::Duration,
};

use tokio::{sync::watch, time::sleep};
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::listen::{self, bind};
use crate::{agent::service::Balancer, maps::MapStore, service::ObjectName};

/// Pause before a port that somebody else has is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Makes ports follow services, for ever. Drop the future to close all.
pub(in crate::agent) async fn serve<M: MapStore + 'static>(balancer: Arc<Balancer<M>>) {
    let mut changes = balancer.changes();
    let mut ports = Ports::new(balancer);
    loop {
        ports.follow().await;
        let retry = async {
            match ports.failed.is_empty() {
                true => std::future::pending().await,
                false => sleep(RETRY).await,
            }
        };
        tokio::select! {
            changed = changes.changed() => {
                changed.expect("the balancer lives as long as what it is asked for");
            }
            () = retry => {}
        }
    }
}

/// Ports that are open, and what was said of the others.
struct Ports<M> {
    balancer: Arc<Balancer<M>>,
    open: BTreeMap<NonZeroU16, Open>,
    /// Ports that could not be opened.
    failed: BTreeSet<NonZeroU16>,
    /// Services whose port another has.
    losers: BTreeSet<(NonZeroU16, ObjectName)>,
}

/// An open port.
struct Open {
    service: watch::Sender<ObjectName>,
    task: AbortOnDropHandle<()>,
}

impl<M: MapStore + 'static> Ports<M> {
    fn new(balancer: Arc<Balancer<M>>) -> Self {
        Self { balancer, open: BTreeMap::new(), failed: BTreeSet::new(), losers: BTreeSet::new() }
    }

    /// Opens and closes what services ask for now.
    async fn follow(&mut self) {
        let wanted = self.assign(self.balancer.health_check_ports());
        let gone = self.open.extract_if(.., |port, _| !wanted.contains_key(port));
        for (port, open) in gone.collect::<Vec<_>>() {
            // The port is free when the task has ended, not when it is told to.
            open.task.abort();
            let _ = open.task.await;
            info!(port, "health check port is closed");
        }
        self.failed.retain(|port| wanted.contains_key(port));
        for (port, service) in wanted {
            match self.open.get(&port) {
                Some(open) => {
                    open.service.send_if_modified(|known| {
                        std::mem::replace(known, service.clone()) != service
                    });
                }
                None => self.open(port, service),
            }
        }
    }

    fn open(&mut self, port: NonZeroU16, service: ObjectName) {
        match bind(port) {
            Ok(listener) => {
                info!(port, %service, "health check port is open");
                self.failed.remove(&port);
                let (service, seen) = watch::channel(service);
                let serving = listen::serve(listener, seen, Arc::clone(&self.balancer));
                let task = AbortOnDropHandle::new(tokio::spawn(serving));
                self.open.insert(port, Open { service, task });
            }
            Err(error) => {
                if self.failed.insert(port) {
                    warn!(port, %service, %error, "health check port not opened, it is tried again; \
                        until then load balancers take this node for one without endpoints");
                }
            }
        }
    }

    /// Gives each port to the first service by name. The API server hands ports out, so two services with
    /// one are a mistake of it.
    fn assign(&mut self, asked: Vec<(NonZeroU16, ObjectName)>) -> BTreeMap<NonZeroU16, ObjectName> {
        let all: BTreeSet<_> = asked.into_iter().collect();
        let (mut wanted, mut losers) = (BTreeMap::new(), BTreeSet::new());
        for (port, service) in all {
            if let Some(owner) = wanted.get(&port) {
                let loser = (port, service);
                if !self.losers.contains(&loser) {
                    let (port, service) = &loser;
                    warn!(port, %service, %owner, "two services have one health check port");
                }
                losers.insert(loser);
            } else {
                wanted.insert(port, service);
            }
        }
        self.losers = losers;
        wanted
    }
}

//! The services of the cluster and what of them is in the maps.

use std::{
    collections::{BTreeSet, HashSet},
    net::IpAddr,
    num::NonZeroU16,
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use skep_bpf::abi::Addr;
use tokio::sync::{Notify, watch};
use tracing::{error, info, warn};

use super::{
    explain::{self, Origin},
    news::{News, edits},
    notice::{Queue, cause, notices, refused},
    orphans::Orphans,
    report::report,
};
use crate::{
    api,
    kubernetes::Change,
    maps::{Left, MapError, MapStore, ServiceExtent, ServiceWriter, service_differences},
    service::{
        BackendId, BackendKey, Changes, Edit, FrontendKey, HealthCheck, ObjectName, Protocol,
        Retired, Services, Vip, input::Site, maglev::Limit,
    },
};

/// How services are doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::agent) struct BalancerHealth {
    /// Frontends in the maps.
    pub(in crate::agent) frontends: usize,
    /// Why some are not there, or not as they should be.
    pub(in crate::agent) behind: Option<String>,
    /// How often maps refused.
    pub(in crate::agent) failures: u64,
    /// How many parts of services have no effect.
    pub(in crate::agent) findings: usize,
}

/// Makes the maps follow services and endpoint slices.
///
/// Until all of them were seen, the maps stay as an earlier agent left them: services without their
/// endpoints would refuse connections that work.
#[derive(Debug)]
pub(in crate::agent) struct Balancer<M> {
    store: Arc<M>,
    limit: Limit,
    state: Mutex<State>,
    /// Told when the services are others.
    changes: watch::Sender<()>,
    /// What people are to be told.
    notices: Queue,
    orphans: Orphans,
    /// Told when numbers have retired.
    retirement: Notify,
}

#[derive(Debug)]
struct State {
    services: Services,
    writer: ServiceWriter,
    synced: bool,
    /// Backends at addresses of this node.
    own: HashSet<BackendId>,
    /// Numbers that no frontend names any more.
    retired: Retired,
    behind: Option<String>,
    failures: u64,
}

impl<M: MapStore> Balancer<M> {
    /// Takes over what an earlier agent left; Maglev tables have `limit` entries at most, and there is room for
    /// so many backends.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub(in crate::agent) fn open(
        store: Arc<M>,
        limit: Limit,
        backends: u32,
    ) -> Result<Self, MapError> {
        let left = Left::read(&*store)?;
        let mut services = Services::default();
        services.set_room(backends);
        services.adopt(left.frontends.iter().copied(), left.backends.iter().copied());
        let state = State {
            services,
            writer: ServiceWriter::new(left, limit),
            synced: false,
            own: HashSet::new(),
            retired: Retired::default(),
            behind: None,
            failures: 0,
        };
        let changes = watch::Sender::new(());
        let (notices, orphans) = (Queue::default(), Orphans::default());
        let (state, retirement) = (Mutex::new(state), Notify::new());
        Ok(Self { store, limit, state, changes, notices, orphans, retirement })
    }

    /// Takes in news of services or of slices.
    pub(in crate::agent) fn changed<N: News>(&self, change: Change<N>) {
        let mut state = self.state();
        let edits: Vec<Edit> = edits(&state.services, change);
        let is_service = |edit: &Edit| matches!(edit, Edit::PutService(_) | Edit::RemoveService(_));
        let are_others = edits.iter().any(is_service);
        let changes = state.services.apply(edits);
        self.follow(&mut state, changes);
        if are_others {
            self.changes.send_replace(());
        }
    }

    /// Takes in where this node is and which addresses belong to nodes and pods.
    pub(in crate::agent) fn set_site(&self, site: Site) {
        let mut state = self.state();
        let changes = state.services.set_site(site);
        state.find_own();
        self.follow(&mut state, changes);
    }

    /// All services, slices and nodes were seen: from now on the maps follow.
    pub(in crate::agent) fn set_synced(&self) {
        let mut state = self.state();
        state.synced = true;
        let retired = state.services.forget_unheld();
        let wanted = state.services.frontends().map(|(key, _)| *key);
        let mut keys: Vec<FrontendKey> = wanted.chain(state.writer.frontends().copied()).collect();
        keys.sort_unstable();
        keys.dedup();
        let backends = state.services.backends().collect();
        state.find_own();
        let changes = Changes { changed: keys, backends, retired, ..Changes::default() };
        self.follow(&mut state, changes);
        let frontends = state.writer.len();
        info!(frontends, "services are balanced");
        let found: BTreeSet<&ObjectName> =
            state.services.findings().map(|(service, _)| service).collect();
        found.into_iter().for_each(|service| self.notify(&state.services, service));
        self.changes.send_replace(());
    }

    /// Tries again what failed.
    pub(in crate::agent) fn tend(&self) {
        let mut state = self.state();
        if state.writer.is_behind() {
            self.follow(&mut state, Changes::default());
        }
    }

    /// Waits until numbers have retired.
    pub(super) async fn retirement(&self) {
        self.retirement.notified().await;
    }

    /// Removes the backends that no frontend names any more, and frees their numbers. `outlast` waits until
    /// programs that have read a frontend before it changed are done.
    pub(super) fn bury(&self, outlast: impl FnOnce()) {
        let Some(retired) = self.unnamed() else { return };
        outlast();
        match ServiceWriter::remove_backends(&*self.store, retired.backends()) {
            Ok(()) => {
                let mut state = self.state();
                let changes = state.services.release(retired);
                if changes != Changes::default() {
                    self.follow(&mut state, changes);
                }
            }
            // Numbers that may still mean something are never used again.
            Err(error) => warn!(map = error.map, source = %error.source, "backends stay"),
        }
    }

    /// Takes the retired numbers that no frontend names any more. Others rest until their frontends can be
    /// written.
    fn unnamed(&self) -> Option<Retired> {
        let mut state = self.state();
        let named = match state.writer.named(&*self.store) {
            Ok(named) => named,
            Err(error) => {
                warn!(map = error.map, source = %error.source, "backends rest");
                return None;
            }
        };
        let mut retired = std::mem::take(&mut state.retired);
        state.retired = retired.split_off(&named);
        (!retired.is_empty()).then_some(retired)
    }

    /// Waits until a service has lost a backend.
    pub(in crate::agent) async fn bereft(&self) {
        self.orphans.wait().await;
    }

    /// Returns the addresses of backends that are gone, once; `is_there` tells whether somebody has an
    /// address.
    pub(in crate::agent) fn orphans(&self, is_there: impl Fn(IpAddr) -> bool) -> BTreeSet<IpAddr> {
        self.orphans.due(Instant::now(), is_there)
    }

    /// Tells whether services have backends at addresses of this node; `None` as long as nobody knows.
    pub(in crate::agent) fn serves_here(&self) -> Option<bool> {
        let state = self.state();
        state.synced.then(|| !state.own.is_empty())
    }

    /// Compares the maps with what services say.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub(in crate::agent) fn differences(&self) -> Result<Vec<String>, MapError> {
        service_differences(&*self.store, &self.state().services, self.limit)
    }

    /// Returns how services are doing.
    pub(in crate::agent) fn health(&self) -> BalancerHealth {
        let state = self.state();
        BalancerHealth {
            frontends: state.writer.len(),
            behind: state.behind.clone(),
            failures: state.failures,
            findings: state.services.findings().count(),
        }
    }

    /// Counts what services have in the maps, and their backends.
    pub(in crate::agent) fn extent(&self) -> (ServiceExtent, usize) {
        let state = self.state();
        let waiting = state.retired.backends().count();
        (state.writer.extent(), state.services.backends().count() + waiting)
    }

    /// Returns a receiver that learns when services are others than before.
    pub(in crate::agent) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Returns the services about which load balancers ask this node, and the ports. Until everything was
    /// seen there are none: endpoints that were not heard of yet would be taken for absent.
    pub(in crate::agent) fn health_check_ports(&self) -> Vec<(NonZeroU16, ObjectName)> {
        let state = self.state();
        let asked = state.services.health_check_ports().filter(|_| state.synced);
        asked.map(|(port, service)| (port, service.clone())).collect()
    }

    /// Returns what load balancers are told about a service.
    pub(in crate::agent) fn health_check(&self, service: &ObjectName) -> Option<HealthCheck> {
        self.state().services.health_check(service)
    }

    /// Returns what people are to be told.
    pub(super) fn notices(&self) -> &Queue {
        &self.notices
    }

    /// Returns the services for people.
    pub(in crate::agent) fn report(&self) -> Vec<api::Service> {
        report(&self.state().services)
    }

    /// Names the service that has a frontend, as `NAMESPACE/NAME`.
    pub(in crate::agent) fn name_at(&self, frontend: api::End, protocol: u8) -> Option<String> {
        let protocol = Protocol::from_number(protocol)?;
        let state = self.state();
        let asked = Addr::from(frontend.address);
        let mut vip = Vip { address: frontend.address, port: frontend.port, protocol };
        // Any address of the node stands for the one that it sends to as its own.
        if asked == Addr::this_node(asked.family()) {
            let own = &state.services.site().node_ports;
            vip.address = *own.iter().find(|own| own.is_ipv4() == vip.address.is_ipv4())?;
        }
        state.services.service_at(vip).map(ToString::to_string)
    }

    /// Says what becomes of a client's connections; `unhooked` says why no socket is balanced, if so.
    pub(in crate::agent) fn explain(
        &self,
        question: &api::ServiceQuestion,
        origin: Option<&Origin>,
        unhooked: Option<&str>,
    ) -> api::ServiceExplanation {
        explain::answer(&self.state().services, question, origin, unhooked)
    }

    fn follow(&self, state: &mut State, changes: Changes) {
        changes.findings.iter().for_each(|service| tell(&state.services, service));
        state.follow_own(&changes.backends, &changes.retired);
        if !state.synced {
            // Nobody was told of these numbers yet.
            state.retired.join(changes.retired);
            return;
        }
        changes.findings.iter().for_each(|service| self.notify(&state.services, service));
        let State { services, writer, .. } = &mut *state;
        // Who is outside of the cluster may live on without any service.
        let pods = changes.retired.gone().filter(|key| services.site().is_pod(key.address));
        self.orphans.add(pods, Instant::now());
        let written = writer.write(&*self.store, services, &changes);
        let was_behind = state.behind.take();
        if let Err(failure) = written {
            state.failures += 1;
            let text = format!("{failure}: {}", cause(&failure));
            if was_behind.as_ref() != Some(&text) {
                error!(map = failure.source.map, reason = %text, "services not written");
                refused(&state.services, &failure)
                    .into_iter()
                    .for_each(|notice| self.notices.put(notice));
            }
            state.behind = Some(text);
        } else if was_behind.is_some() {
            info!("all services are written");
        }
        state.retired.join(changes.retired);
        if !state.retired.is_empty() {
            self.retirement.notify_one();
        }
    }

    /// Has people told what of a service has no effect. Not before all was seen: it might have been true
    /// for a moment only.
    fn notify(&self, services: &Services, service: &ObjectName) {
        notices(services, service).into_iter().for_each(|notice| self.notices.put(notice));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while holding the lock")
    }
}

impl State {
    /// Finds all backends at addresses of this node.
    fn find_own(&mut self) {
        let own = &self.services.site().node_ports;
        let is_own = |(_, key): &(BackendId, BackendKey)| own.contains(&key.address);
        self.own = self.services.backends().filter(is_own).map(|(id, _)| id).collect();
    }

    /// Takes in which backends came and went.
    fn follow_own(&mut self, new: &[(BackendId, BackendKey)], retired: &Retired) {
        let own = &self.services.site().node_ports;
        let new = new.iter().filter(|(_, key)| own.contains(&key.address));
        self.own.extend(new.map(|(id, _)| *id));
        for id in retired.backends() {
            self.own.remove(&id);
        }
    }
}

/// Says once what of a service has no effect.
fn tell(services: &Services, service: &ObjectName) {
    for finding in services.findings_of(service) {
        warn!(%service, %finding, "part of a service has no effect");
    }
}

//! Building what was touched, and giving it numbers.

use std::sync::Arc;

use super::{Record, Services};
use crate::service::{
    build::{Built, Draft, Set, build},
    index::Slot,
    input::Service,
    output::{
        Backend, BackendId, BackendKey, Backends, Changes, Frontend, FrontendKey, Retired,
        ServiceId,
    },
};

fn numbers<K>(retired: Vec<(u32, K)>) -> Vec<u32> {
    retired.into_iter().map(|(id, _)| id).collect()
}

impl Services {
    /// Builds all that was touched again; returns what differs.
    pub(super) fn settle(&mut self) -> Changes {
        let mut changes = Changes::default();
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for slot in touched {
            self.rebuild(slot, &mut changes);
        }
        let services = numbers(self.frontend_ids.settle().1);
        let (fresh, backends) = self.backend_ids.settle();
        changes.backends = fresh.into_iter().map(|(id, key)| (BackendId(id), key)).collect();
        changes.retired = Retired { services, backends };
        changes.changed.sort_unstable();
        changes.removed.sort_unstable();
        // What one service loses another may have got.
        let Changes { changed, removed, .. } = &mut changes;
        removed.retain(|key| changed.binary_search(key).is_err());
        changes.findings.sort_unstable();
        changes
    }

    /// All services were seen: what is known of an earlier process and nobody has is retired.
    pub fn forget_unheld(&mut self) -> Retired {
        self.frontend_ids.let_go_of_unheld();
        self.backend_ids.let_go_of_unheld();
        let services = numbers(self.frontend_ids.settle().1);
        Retired { services, backends: self.backend_ids.settle().1 }
    }

    fn rebuild(&mut self, slot: Slot, changes: &mut Changes) {
        let Some(mut record) = self.records[slot as usize].take() else { return };
        let mut built = match &record.service {
            Some(service) => build(&self.context, slot, (service, &record.wants), &record.slices),
            None => Built::default(),
        };
        built.findings.extend(record.faults.iter().cloned());
        built.findings.sort_unstable();
        built.findings.dedup();
        self.replace_frontends(&mut record, built.drafts, built.sets, changes);
        let absent = std::mem::replace(&mut record.absent, built.absent);
        if absent != record.absent {
            absent.iter().for_each(|address| self.context.absent.remove(*address, slot));
            record.absent.iter().for_each(|address| self.context.absent.insert(*address, slot));
        }
        if built.findings != record.findings {
            record.findings = built.findings;
            changes.findings.push(record.name.clone());
        }
        if record.is_empty() {
            self.slots.remove(&record.name);
            self.context.names[slot as usize] = None;
            self.vacant.push(slot);
        } else {
            self.records[slot as usize] = Some(record);
        }
    }

    fn replace_frontends(
        &mut self,
        record: &mut Record,
        drafts: Vec<Draft>,
        sets: Vec<Set>,
        changes: &mut Changes,
    ) {
        let sets: Vec<Arc<Backends>> =
            sets.into_iter().map(|set| self.number(set, &record.sets)).collect();
        for backends in std::mem::replace(&mut record.sets, sets) {
            backends.keys().for_each(|key| self.backend_ids.let_go(key));
        }
        let before = std::mem::take(&mut record.frontends);
        if let Some(service) = &record.service {
            record.frontends.reserve_exact(drafts.len());
            for draft in drafts {
                let id = ServiceId(self.frontend_ids.hold(draft.key));
                let frontend = frontend(service, id, &draft, &record.sets);
                record.frontends.push((draft.key, frontend));
            }
        }
        before.iter().for_each(|(key, _)| self.frontend_ids.let_go(*key));
        compare(&before, &record.frontends, changes);
    }

    /// Takes hold of the backends of a set; returns an old one if it is the same.
    fn number(&mut self, set: Set, before: &[Arc<Backends>]) -> Arc<Backends> {
        let number = |(key, state): &(_, _)| -> Backend {
            let key: BackendKey = *key;
            let id = BackendId(self.backend_ids.hold(key));
            Backend { id, address: key.address, port: key.port, state: *state }
        };
        let Set { protocol, candidates, when_empty, .. } = set;
        let list = set.list.iter().map(number).collect();
        let backends = Backends { protocol, list, candidates, when_empty };
        match before.iter().find(|old| ***old == backends) {
            Some(old) => Arc::clone(old),
            None => Arc::new(backends),
        }
    }
}

fn frontend(service: &Service, id: ServiceId, draft: &Draft, sets: &[Arc<Backends>]) -> Frontend {
    use crate::service::FrontendKind::LoadBalancer;
    Frontend {
        id,
        service: service.name.clone(),
        port_name: Arc::clone(&service.ports[draft.port].name),
        kind: draft.kind,
        affinity: service.affinity,
        policy: draft.policy,
        // Ranges are about load balancers' addresses only, whoever the client is (as in kube-proxy).
        source_ranges: service.source_ranges.clone().filter(|_| draft.kind == LoadBalancer),
        backends: Arc::clone(&sets[draft.set]),
        passed_by_backends: draft.passed_by_backends,
    }
}

/// Notes what differs between two lists of frontends, both by key.
fn compare(
    before: &[(FrontendKey, Frontend)],
    now: &[(FrontendKey, Frontend)],
    changes: &mut Changes,
) {
    let find = |list: &[(FrontendKey, Frontend)], key: &FrontendKey| {
        list.binary_search_by_key(key, |(own, _)| *own).ok()
    };
    for (key, frontend) in now {
        if find(before, key).is_none_or(|place| before[place].1 != *frontend) {
            changes.changed.push(*key);
        }
    }
    let gone = before.iter().filter(|(key, _)| find(now, key).is_none());
    changes.removed.extend(gone.map(|(key, _)| *key));
}

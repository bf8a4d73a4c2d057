//! What the agent tells Hubble's clients about itself: pods that come and go, addresses that change hands, policies
//! that change.

use jiff::Timestamp;

use super::{
    policy::{Kind, PolicyObject},
    shared::Agent,
};
use crate::{
    api::hubble::AgentEvents,
    cni::record::EndpointRecord,
    hubble::flow::{
        AgentEvent, AgentEventType, EndpointUpdateNotification, IpCacheNotification, Policy,
        PolicyUpdateNotification, agent_event::Notification,
    },
    kubernetes::{Change, Watched},
};

/// Tells of a pod that came or went.
pub(super) fn endpoint(events: &AgentEvents, record: &EndpointRecord, kind: AgentEventType) {
    let pod = record.pod.as_ref();
    let update = EndpointUpdateNotification {
        id: u64::from(record.id.0),
        labels: record.labels.to_strings(),
        pod_name: pod.map(|pod| pod.name.clone()).unwrap_or_default(),
        namespace: pod.map(|pod| pod.namespace.clone()).unwrap_or_default(),
        ..EndpointUpdateNotification::default()
    };
    push(events, kind, Notification::EndpointUpdate(update));
}

/// Tells of an address that has another owner now, or none.
pub(super) fn address(events: &AgentEvents, update: IpCacheNotification, kind: AgentEventType) {
    push(events, kind, Notification::IpcacheUpdate(update));
}

impl Agent {
    /// Tells of a policy that changed or went. Lists tell nothing: they are what was there before.
    pub(super) fn tell_policy(&self, kind: Kind, change: &Change<PolicyObject>) {
        if !matches!(kind, Kind::Policy(_)) {
            return;
        }
        let (key, what) = match change {
            Change::Changed(object) => (object.key(), AgentEventType::PolicyUpdated),
            Change::Gone(key) => (key.clone(), AgentEventType::PolicyDeleted),
            Change::Listed(_) => return,
        };
        let (namespace, name) = key.split_once('/').unwrap_or_default();
        let update = PolicyUpdateNotification {
            labels: Policy::labels_of(kind.resource().2, namespace, name),
            ..PolicyUpdateNotification::default()
        };
        push(&self.events, what, Notification::PolicyUpdate(update));
    }
}

fn push(events: &AgentEvents, kind: AgentEventType, notification: Notification) {
    let event = AgentEvent { r#type: kind.into(), notification: Some(notification) };
    events.push(Timestamp::now(), event);
}

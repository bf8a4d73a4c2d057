//! Telling it: Events.

use std::{fmt::Debug, sync::Arc, time::Duration};

use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{Event, ObjectReference, Pod, Service},
};
use kube::{Api, Client, Resource, api::PostParams};
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::notices::{About, Notice};
use crate::{agent::service::Balancer, kubernetes::warning, maps::MapStore, service::ObjectName};

/// Pause between tries.
const RETRY: Duration = Duration::from_secs(2);
/// How often an Event is tried.
const TRIES: u32 = 5;
/// Who says it.
const COMPONENT: &str = "skep-agent";

/// Makes Events of what the balancer has to tell, one after the other, for ever.
pub(in crate::agent) async fn tell<M: MapStore>(balancer: Arc<Balancer<M>>, client: Client) {
    loop {
        let notice = balancer.notices().next().await;
        for left in (0..TRIES).rev() {
            match create(&client, &notice).await {
                Ok(()) => break,
                Err(error) if left == 0 => {
                    warn!(text = notice.text, %error, "no Event says what has no effect");
                }
                Err(error) => {
                    debug!(%error, "Event not created yet");
                    sleep(RETRY).await;
                }
            }
        }
    }
}

async fn create(client: &Client, notice: &Notice) -> Result<(), kube::Error> {
    let uid = match &notice.about {
        About::Service(name) => uid::<Service>(client, name).await?,
        About::Pod(name) => uid::<Pod>(client, name).await?,
    };
    // Whatever is gone needs no advice.
    let Some(uid) = uid else { return Ok(()) };
    let event = event(notice, uid);
    let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    match api.create(&PostParams::default(), &event).await {
        Ok(_) => Ok(()),
        // Another agent has told it, or an earlier one of this node.
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(error) => Err(error),
    }
}

/// Returns what `kubectl describe` finds the Events of an object by.
async fn uid<K>(client: &Client, name: &ObjectName) -> Result<Option<String>, kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), &name.namespace);
    let found = api.get_opt(&name.name).await?;
    Ok(found.and_then(|object| object.meta().uid.clone()))
}

fn event(notice: &Notice, uid: String) -> Event {
    let (kind, name) = match &notice.about {
        About::Service(name) => ("Service", name),
        About::Pod(name) => ("Pod", name),
    };
    let object = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some(kind.to_owned()),
        namespace: Some(name.namespace.to_string()),
        name: Some(name.name.to_string()),
        uid: Some(uid),
        ..ObjectReference::default()
    };
    warning(object, COMPONENT, notice.reason, &notice.text, &[notice.reason, &notice.cause])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_with_other_endpoints_make_one_event_of_a_cause() {
        let of = |cause: &str, text: &str, uid: &str| {
            let about = About::Service(ObjectName::new("shop", "web"));
            let (cause, text) = (cause.into(), text.into());
            event(&Notice { about, reason: "EndpointWithoutEffect", cause, text }, uid.into())
        };
        let name = |event: Event| event.metadata.name;
        let first = of("is wrong", "endpoint 10.0.0.1 is wrong", "u");
        assert_eq!(first.metadata.namespace.as_deref(), Some("shop"));
        assert_eq!(first.message.as_deref(), Some("endpoint 10.0.0.1 is wrong"));
        assert_eq!(first.involved_object.kind.as_deref(), Some("Service"));
        let first = name(first);
        assert_eq!(first, name(of("is wrong", "endpoint 10.0.0.2 is wrong", "u")));
        assert_ne!(first, name(of("is worse", "endpoint 10.0.0.1 is wrong", "u")));
        assert_ne!(first, name(of("is wrong", "endpoint 10.0.0.1 is wrong", "v")));
    }
}

//! Events: what controllers and kubelets tell about objects. A courtesy: never waited for, and
//! dropped when too many come.

use std::collections::HashMap;

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Event, EventSource, ObjectReference},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use kube::{Client, Resource, ResourceExt};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Action;

/// Events that wait to be written.
const WAITING: usize = 1024;
/// Events whose repetitions are counted.
const REMEMBERED: usize = 4096;

/// How an event is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tone {
    /// For information.
    Normal,
    /// Something is wrong.
    Warning,
}

/// Who tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Teller {
    /// The component, such as `kubelet`.
    pub(crate) component: &'static str,
    /// The node, for components that run on one.
    pub(crate) host: Option<String>,
}

impl Teller {
    /// Returns a controller.
    pub(crate) const fn controller(component: &'static str) -> Self {
        Self { component, host: None }
    }
}

/// What an event says, and about what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    kind: String,
    namespace: String,
    name: String,
    uid: String,
    tone: Tone,
    reason: &'static str,
    message: String,
    teller: Teller,
}

/// An object that events can be told about, and who tells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
    uid: String,
    teller: Teller,
}

impl About {
    /// Describes an object.
    pub(crate) fn new<K: Resource<DynamicType = ()>>(object: &K, teller: Teller) -> Self {
        Self {
            api_version: K::api_version(&()).into_owned(),
            kind: K::kind(&()).into_owned(),
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            teller,
        }
    }

    /// Returns a text that tells the object from others.
    pub(crate) fn key(&self) -> String {
        format!("{} {}/{} {}", self.kind, self.namespace, self.name, self.uid)
    }
}

struct Note {
    key: Key,
    api_version: String,
    at: Timestamp,
}

/// Takes events.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    sender: mpsc::Sender<Note>,
}

impl Events {
    /// Starts writing events until shutdown.
    pub(crate) fn start(client: Client, shutdown: CancellationToken) -> Self {
        let (sender, mut notes) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            let mut known = HashMap::new();
            while let Some(Some(note)) = shutdown.run_until_cancelled(notes.recv()).await {
                write(&client, &mut known, note).await;
            }
        });
        Self { sender }
    }

    /// Tells about an object.
    pub(crate) fn tell<K: Resource<DynamicType = ()>>(
        &self,
        about: &K,
        teller: Teller,
        tone: Tone,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        self.say(&About::new(about, teller), tone, reason, message);
    }

    /// Tells about an object that was described before.
    pub(crate) fn say(
        &self,
        about: &About,
        tone: Tone,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        let About { api_version, kind, namespace, name, uid, teller } = about.clone();
        let message = message.into();
        let key = Key { kind, namespace, name, uid, tone, reason, message, teller };
        self.sender.try_send(Note { key, api_version, at: Timestamp::now() }).ok();
    }
}

/// Creates an event, or counts one that was told before.
async fn write(client: &Client, known: &mut HashMap<Key, (Event, i32)>, note: Note) {
    if known.len() >= REMEMBERED {
        known.clear();
    }
    let action = match known.get_mut(&note.key) {
        Some((event, count)) => {
            *count += 1;
            Action::merge(event, json!({ "count": *count, "lastTimestamp": Time(note.at) }))
        }
        None => {
            let event = event(&note);
            known.insert(note.key, (event.clone(), 1));
            Action::create(&event)
        }
    };
    action.run(client).await.ok();
}

fn event(note: &Note) -> Event {
    let Key { kind, namespace, name, uid, tone, reason, message, teller } = &note.key;
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{name}.{:x}", note.at.as_nanosecond())),
            // Events about things outside namespaces are kept where kubectl looks for them.
            namespace: Some(given(namespace).unwrap_or_else(|| "default".to_owned())),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some(note.api_version.clone()),
            kind: Some(kind.clone()),
            namespace: given(namespace),
            name: Some(name.clone()),
            uid: given(uid),
            ..ObjectReference::default()
        },
        reason: Some((*reason).to_owned()),
        message: Some(message.clone()),
        type_: Some(format!("{tone:?}")),
        count: Some(1),
        first_timestamp: Some(Time(note.at)),
        last_timestamp: Some(Time(note.at)),
        source: Some(EventSource {
            component: Some(teller.component.to_owned()),
            host: teller.host.clone(),
        }),
        reporting_component: Some(teller.component.to_owned()),
        reporting_instance: teller.host.clone(),
        ..Event::default()
    }
}

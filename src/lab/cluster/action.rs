//! Writes, decided by pure functions and carried out elsewhere.

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions},
    core::ApiResource,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{About, Events, Teller, Tone};

/// How the lab's controllers sign their writes.
const MANAGER: &str = "skep-lab";

/// What to do to an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Write {
    /// Create it; its being there already is fine.
    Create(Value),
    /// Merge into it.
    Merge(Value),
    /// Merge into its status.
    Status(Value),
    /// Bind a pod to a node.
    Bind(String),
    /// Delete it if it still is the one with this uid; a grace period of 0 ends it at once.
    Delete {
        /// The uid.
        uid: String,
        /// Seconds; none = the object's own.
        grace: Option<u32>,
    },
    /// Say something about it.
    Tell {
        /// How it is meant.
        tone: Tone,
        /// In one word.
        reason: &'static str,
        /// In a sentence.
        message: String,
    },
}

/// A write to one object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Action {
    resource: ApiResource,
    namespace: Option<String>,
    name: String,
    /// What to do.
    pub(crate) write: Write,
    /// Who is told how it went.
    about: Option<About>,
}

impl Action {
    /// Creates an object.
    pub(crate) fn create<K: Resource<DynamicType = ()> + Serialize>(object: &K) -> Self {
        let mut value = serde_json::to_value(object).expect("a Kubernetes object serialises");
        let resource = ApiResource::erase::<K>(&());
        value["apiVersion"] = Value::from(resource.api_version.as_str());
        value["kind"] = Value::from(resource.kind.as_str());
        Self {
            resource,
            namespace: object.namespace(),
            name: object.name_any(),
            write: Write::Create(value),
            about: None,
        }
    }

    /// Merges `patch` into an object.
    pub(crate) fn merge<K: Resource<DynamicType = ()>>(object: &K, patch: Value) -> Self {
        Self::on(object, Write::Merge(patch))
    }

    /// Replaces fields of an object's status.
    pub(crate) fn status<K: Resource<DynamicType = ()>>(object: &K, status: &Value) -> Self {
        Self::on(object, Write::Status(json!({ "status": status })))
    }

    /// Places a pod on a node.
    pub(crate) fn bind(pod: &Pod, node: &str) -> Self {
        Self::on(pod, Write::Bind(node.to_owned()))
    }

    /// Deletes an object as its kind does.
    pub(crate) fn delete<K: Resource<DynamicType = ()>>(object: &K) -> Self {
        Self::on(object, Write::Delete { uid: object.uid().unwrap_or_default(), grace: None })
    }

    /// Deletes an object at once.
    pub(crate) fn delete_now<K: Resource<DynamicType = ()>>(object: &K) -> Self {
        Self::on(object, Write::Delete { uid: object.uid().unwrap_or_default(), grace: Some(0) })
    }

    fn on<K: Resource<DynamicType = ()>>(object: &K, write: Write) -> Self {
        Self {
            resource: ApiResource::erase::<K>(&()),
            namespace: object.namespace(),
            name: object.name_any(),
            write,
            about: None,
        }
    }

    /// Says something about an object.
    pub(crate) fn tell<K: Resource<DynamicType = ()>>(
        object: &K,
        teller: Teller,
        tone: Tone,
        reason: &'static str,
        message: String,
    ) -> Self {
        let about = Some(About::new(object, teller));
        Self { about, ..Self::on(object, Write::Tell { tone, reason, message }) }
    }

    /// Tells about `owner`, as an event, how the write went.
    #[must_use]
    pub(crate) fn told_to<K: Resource<DynamicType = ()>>(
        mut self,
        owner: &K,
        component: &'static str,
    ) -> Self {
        self.about = Some(About::new(owner, Teller::controller(component)));
        self
    }

    /// Returns a text that tells what the write is for: when it is refused, others for the same
    /// wait too.
    pub(crate) fn key(&self) -> String {
        match &self.about {
            Some(about) => about.key(),
            None => {
                let namespace = self.namespace.as_deref().unwrap_or_default();
                format!("{} {namespace}/{}", self.resource.kind, self.name)
            }
        }
    }

    /// Says as an event how the write went.
    pub(super) fn report(&self, events: &Events, refusal: Option<&str>) {
        let Some(about) = &self.about else { return };
        let (kind, name) = (self.resource.kind.to_lowercase(), &self.name);
        match (&self.write, refusal) {
            (Write::Tell { tone, reason, message }, _) => {
                events.say(about, *tone, reason, message.clone());
            }
            (Write::Create(_), None) => {
                let text = format!("Created {kind}: {name}");
                events.say(about, Tone::Normal, "SuccessfulCreate", text);
            }
            (Write::Create(_), Some(error)) => {
                let text = format!("Error creating: {error}");
                events.say(about, Tone::Warning, "FailedCreate", text);
            }
            (Write::Delete { .. }, None) => {
                let text = format!("Deleted {kind}: {name}");
                events.say(about, Tone::Normal, "SuccessfulDelete", text);
            }
            _ => {}
        }
    }

    /// Returns the kind of the object.
    pub(crate) fn kind(&self) -> &str {
        &self.resource.kind
    }

    /// Returns the name of the object.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Carries the write out; returns the resource version from which on it shows.
    ///
    /// Racing with others is part of the game: an object that exists, has gone or is another one
    /// by now needs nothing.
    pub(crate) async fn run(&self, client: &Client) -> Result<Option<u64>, kube::Error> {
        let api: Api<DynamicObject> = match &self.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &self.resource),
            None => Api::all_with(client.clone(), &self.resource),
        };
        let manager = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
        let written = match &self.write {
            Write::Tell { .. } => return Ok(None),
            Write::Create(object) => {
                let object =
                    serde_json::from_value(object.clone()).map_err(kube::Error::SerdeError)?;
                api.create(&PostParams::default(), &object).await
            }
            Write::Merge(patch) => api.patch(&self.name, &manager, &Patch::Merge(patch)).await,
            Write::Status(patch) => {
                api.patch_status(&self.name, &manager, &Patch::Merge(patch)).await
            }
            Write::Bind(node) => {
                let patch = json!({ "spec": { "nodeName": node } });
                api.patch(&self.name, &manager, &Patch::Merge(&patch)).await
            }
            Write::Delete { uid, grace } => {
                let params = DeleteParams {
                    grace_period_seconds: *grace,
                    preconditions: Some(Preconditions {
                        uid: Some(uid.clone()),
                        resource_version: None,
                    }),
                    ..DeleteParams::background()
                };
                match api.delete(&self.name, &params).await {
                    Ok(answer) => match answer.left() {
                        Some(object) => Ok(object),
                        None => return Ok(None),
                    },
                    Err(error) => Err(error),
                }
            }
        };
        match written {
            Ok(object) => Ok(object.resource_version().and_then(|version| version.parse().ok())),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

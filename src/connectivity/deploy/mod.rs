//! The test's own pods: made before, removed after.

mod cast;
mod hints;
mod manifest;
mod name;
mod nodes;
mod ready;
mod redirects;
mod remove;
mod services;

use k8s_openapi::api::core::v1::{Namespace, Pod, Service, ServiceAccount};
use kube::{Api, Client, api::PostParams, core::Status};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Duration, Instant, sleep};

pub(super) use cast::{Cast, Part};
pub(super) use hints::hints;
pub use manifest::default_image;
pub(super) use manifest::{CONTAINER, EXPIRES, LABEL, MANAGER, SERVICE, expiry};
pub(super) use name::fresh_name;
pub(super) use nodes::choose;
pub(super) use ready::{is_ready, no_place, wait};
pub(super) use redirects::{ADDRESSES, create_redirects};
pub(super) use remove::{has_expired, remove, sweep};
pub(super) use services::{SERVICE_PORT, create_services};

/// How long a new namespace may take to get its service account, without which no pod is admitted.
const ACCOUNT_WITHIN: Duration = Duration::from_secs(20);

/// The test's pods could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The API server refused, or did not answer.
    #[error("cannot {act}")]
    Api {
        /// What was to be done.
        act: String,
        /// What it said.
        #[source]
        source: Box<kube::Error>,
    },
    /// No node can run pods.
    #[error("no node can run pods of the test: {reason}")]
    NoNodes {
        /// Why.
        reason: String,
    },
    /// The namespace is there already.
    #[error("the namespace {name} exists")]
    NamespaceExists {
        /// Its name.
        name: String,
    },
    /// Pods did not start in time.
    #[error("pods of the test did not start within {seconds} s: {pods}")]
    NotStarted {
        /// How long was waited.
        seconds: u64,
        /// Which, and why.
        pods: String,
    },
    /// Policy of the cluster forbids a pod.
    #[error("the cluster does not admit pod {pod}: {reason}")]
    Forbidden {
        /// Which pod.
        pod: String,
        /// What was said.
        reason: String,
    },
    /// The namespace does not go.
    #[error("the namespace {name} was not removed in time: {reason}")]
    Stays {
        /// Its name.
        name: String,
        /// What is known.
        reason: String,
    },
    /// A pod's image cannot be had.
    #[error("pod {pod} cannot have its image: {reason}")]
    Image {
        /// Which pod.
        pod: String,
        /// What its kubelet says.
        reason: String,
    },
}

impl DeployError {
    pub(super) fn api(act: impl Into<String>, source: kube::Error) -> Self {
        Self::Api { act: act.into(), source: Box::new(source) }
    }
}

/// Makes the namespace; it must not exist.
pub(super) async fn create_namespace(client: &Client, name: &str) -> Result<(), DeployError> {
    let namespace = manifest::namespace(name);
    match create::<Namespace>(&Api::all(client.clone()), namespace).await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == Some(409) => {
            Err(DeployError::NamespaceExists { name: name.to_owned() })
        }
        Err(error) => Err(DeployError::api(format!("create the namespace {name}"), error)),
    }
}

/// Makes the service that names the servers.
pub(super) async fn create_service(client: &Client, namespace: &str) -> Result<(), DeployError> {
    let api = Api::<Service>::namespaced(client.clone(), namespace);
    create(&api, manifest::service(namespace))
        .await
        .map_err(|error| DeployError::api(format!("create the service {SERVICE}"), error))?;
    Ok(())
}

/// Makes the service accounts of the pods.
pub(super) async fn create_accounts(client: &Client, namespace: &str) -> Result<(), DeployError> {
    let api = Api::<ServiceAccount>::namespaced(client.clone(), namespace);
    for name in manifest::ACCOUNTS {
        create(&api, manifest::account(namespace, name)).await.map_err(|error| {
            DeployError::api(format!("create the service account {name}"), error)
        })?;
    }
    Ok(())
}

/// Makes one pod. `None` when policy forbids it.
pub(super) async fn create_pod(
    client: &Client,
    pod: &PodSpec<'_>,
) -> Result<Result<(), String>, DeployError> {
    let api = Api::<Pod>::namespaced(client.clone(), pod.namespace);
    let end = Instant::now() + ACCOUNT_WITHIN;
    loop {
        let error = match create(&api, manifest::pod(pod)).await {
            Ok(_) => return Ok(Ok(())),
            Err(error) => error,
        };
        let text = error.to_string();
        if code(&error) != Some(403) {
            return Err(DeployError::api(format!("create the pod {}", pod.name), error));
        }
        if !text.contains("serviceaccount") || Instant::now() >= end {
            return Ok(Err(message(&error)));
        }
        sleep(Duration::from_millis(200)).await;
    }
}

async fn create<K>(api: &Api<K>, object: Value) -> Result<K, kube::Error>
where
    K: Clone + serde::Serialize + DeserializeOwned + std::fmt::Debug,
{
    let object: K = serde_json::from_value(object).expect("the test's own objects are valid");
    api.create(&PostParams::default(), &object).await
}

fn status(error: &kube::Error) -> Option<&Status> {
    match error {
        kube::Error::Api(status) => Some(status),
        _ => None,
    }
}

/// Returns the HTTP status of a refusal.
pub(super) fn code(error: &kube::Error) -> Option<u16> {
    status(error).map(|status| status.code)
}

/// Returns what the API server said.
pub(super) fn message(error: &kube::Error) -> String {
    status(error).map_or_else(|| error.to_string(), |status| status.message.clone())
}

pub(super) use manifest::{PodSpec, Role};

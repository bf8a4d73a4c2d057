//! Policies of the host must prove that the node stays in touch; else they are taken back.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, ObjectReference};
use kube::{Api, Client, api::PostParams};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::{AgentError, shared::Agent, upkeep::blocking};
use crate::kubernetes::{self, warning};

/// Pause between tries.
const RETRY: Duration = Duration::from_secs(1);
/// Longest wait for the API server's answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How often an Event is tried.
const TRIES: u32 = 5;

/// Who says it.
const COMPONENT: &str = "skep-agent";
/// Reason of the Event.
const TAKEN_BACK: &str = "HostPolicyTakenBack";

/// Confirms new policies of the host when the API server answers a new connection and may reach the
/// kubelet, and takes them back when their time is up; for ever.
pub(super) async fn confirm_host(agent: Arc<Agent>) -> Result<&'static str, AgentError> {
    loop {
        let until = agent.policy.host_trial().await;
        let found = stay_in_touch(&agent).await;
        let (concluded, own) = (found.clone(), Arc::clone(&agent));
        let taken_back = blocking(move || {
            Ok(match concluded {
                Ok(()) => {
                    own.policy.confirm_host(until);
                    false
                }
                Err(why) => own.policy.take_host_back(&why, Instant::now()),
            })
        })
        .await?;
        let Err(why) = found else { continue };
        debug!(why, "host policies not confirmed yet");
        if taken_back {
            tokio::spawn(tell(Arc::clone(&agent), why));
        } else {
            sleep(RETRY).await;
        }
    }
}

/// Tells whether the API server answers, and may reach the kubelet.
async fn stay_in_touch(agent: &Agent) -> Result<(), String> {
    let kubeconfig = agent.config.kubeconfig.as_deref();
    match timeout(ANSWER, ask(kubeconfig)).await {
        Ok(Ok(())) => agent.policy.reach_kubelet(),
        Ok(Err(error)) => Err(format!("the API server cannot be reached: {error}")),
        Err(_) => Err(format!("the API server does not answer in {} s", ANSWER.as_secs())),
    }
}

/// Asks something over a connection of its own: those that are open say little about new ones.
async fn ask(kubeconfig: Option<&Path>) -> Result<(), String> {
    let client = kubernetes::connect(kubeconfig).await.map_err(|error| error.to_string())?;
    client.apiserver_version().await.map(drop).map_err(|error| error.to_string())
}

/// Says on the node that policies were taken back.
async fn tell(agent: Arc<Agent>, why: String) {
    let node = agent.cluster().local_node().map(|(_, node)| (node.name.clone(), node.uid.clone()));
    let Some((name, uid)) = node else { return };
    let object = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Node".to_owned()),
        name: Some(name),
        uid: Some(uid),
        ..ObjectReference::default()
    };
    let message = format!("host policies were taken back: {why}");
    let event = warning(object, COMPONENT, TAKEN_BACK, &message, &[&Timestamp::now().to_string()]);
    for _ in 0..TRIES {
        match create(&agent, &event).await {
            Ok(()) => return,
            Err(error) => debug!(error, "Event not created yet"),
        }
        sleep(RETRY).await;
    }
    warn!("no Event says that host policies were taken back: the API server does not take it");
}

async fn create(agent: &Agent, event: &Event) -> Result<(), String> {
    let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
    let client: Client = kubernetes::connect(agent.config.kubeconfig.as_deref())
        .await
        .map_err(|error| error.to_string())?;
    let api: Api<Event> = Api::namespaced(client, namespace);
    api.create(&PostParams::default(), event).await.map(drop).map_err(|error| error.to_string())
}

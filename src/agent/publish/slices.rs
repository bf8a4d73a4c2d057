//! The endpoint slices of this node.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::sync::Notify;
use tracing::{info, warn};

use super::{
    counts::News,
    packing::{Packing, Write},
};
use crate::{
    agent::{chores::Chore, shared::Agent},
    kubernetes::crd::{SkepEndpointSlice, SkepEndpointSliceSpec, SliceEndpoint},
    model::{EndpointId, PodRef},
};

/// Label of a slice with the name of its node.
const NODE_LABEL: &str = "skep.io/node";

/// Changes within this time are one request.
const COALESCE: Duration = Duration::from_millis(50);

/// The slices are read back now and then: somebody may have changed or deleted them.
const VERIFY: Duration = Duration::from_secs(60);

const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// What the publisher needs.
pub(in crate::agent) struct Publisher {
    /// The API server.
    pub(in crate::agent) client: Client,
    /// Name of this node.
    pub(in crate::agent) node: String,
    /// Unique id of its Node object, which owns the slices.
    pub(in crate::agent) uid: String,
    /// The agent, which has the endpoints.
    pub(in crate::agent) agent: Arc<Agent>,
    /// Told when they have changed.
    pub(in crate::agent) changed: Arc<Notify>,
}

/// Publishes for ever. Drop the future to stop; what is published stays.
pub(in crate::agent) async fn publish(publisher: Publisher) {
    let mut retry = RETRY.0;
    let mut packing = None;
    let mut since = Instant::now();
    loop {
        match publisher.sync(&mut packing).await {
            Ok(writes) => {
                retry = RETRY.0;
                publisher.agent.chores.done(Chore::Publishing);
                // Most changes of pods say nothing that is published.
                if writes > 0 {
                    publisher.agent.published.done(News::Slices, since.elapsed());
                }
                if tokio::time::timeout(VERIFY, publisher.changed.notified()).await.is_err() {
                    packing = None;
                }
                since = Instant::now();
                tokio::time::sleep(COALESCE).await;
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "endpoints not published");
                publisher.agent.published.failed(News::Slices);
                packing = None;
                tokio::time::sleep(retry).await;
                retry = (retry * 2).min(RETRY.1);
            }
        }
    }
}

impl Publisher {
    /// Publishes what differs; returns how many requests that took.
    async fn sync(&self, packing: &mut Option<Packing>) -> Result<usize, kube::Error> {
        let api: Api<SkepEndpointSlice> = Api::all(self.client.clone());
        let mut current = match packing.take() {
            Some(packing) => packing,
            None => {
                let mut packing = Packing::default();
                packing.adopt(self.present(&api).await?);
                packing
            }
        };
        let writes = current.plan(&self.wanted());
        let count = writes.len();
        for write in writes {
            self.write(&api, &write).await?;
            current.done(write);
        }
        *packing = Some(current);
        Ok(count)
    }

    fn wanted(&self) -> BTreeMap<EndpointId, SliceEndpoint> {
        let records = self.agent.endpoints.records().into_iter();
        let published = records.map(|record| {
            let pod = record.pod.unwrap_or_else(|| PodRef {
                namespace: String::new(),
                name: record.attachment.container_id.clone(),
                uid: String::new(),
            });
            let object = self.agent.pods.pod(&pod);
            let (named_ports, workload) =
                object.map(|pod| (pod.named_ports, pod.workload)).unwrap_or_default();
            let endpoint = SliceEndpoint {
                named_ports,
                workload,
                namespace: pod.namespace,
                pod: pod.name,
                addresses: record.addresses.iter().map(|address| address.to_string()).collect(),
                identity: record.identity.0,
                incarnation: record.incarnation.0,
            };
            (record.id, endpoint)
        });
        published.collect()
    }

    /// Returns the slices that an earlier agent has left, and removes foreign ones with our label.
    async fn present(
        &self,
        api: &Api<SkepEndpointSlice>,
    ) -> Result<BTreeMap<u32, Vec<SliceEndpoint>>, kube::Error> {
        let selector = format!("{NODE_LABEL}={}", self.node);
        let mut present = BTreeMap::new();
        for slice in api.list(&ListParams::default().labels(&selector)).await?.items {
            let name = slice.name_any();
            let index = name.strip_prefix(&format!("{}-", self.node)).and_then(|n| n.parse().ok());
            let ours = slice.owner_references().iter().any(|owner| owner.uid == self.uid);
            match index {
                Some(index) if ours && self.name(index) == name => {
                    present.insert(index, slice.spec.endpoints);
                }
                _ => {
                    info!(slice = name, "slice of an earlier node removed");
                    ignore_absent(api.delete(&name, &DeleteParams::default()).await.map(drop))?;
                }
            }
        }
        Ok(present)
    }

    async fn write(&self, api: &Api<SkepEndpointSlice>, write: &Write) -> Result<(), kube::Error> {
        let (index, endpoints) = match write {
            Write::Put(index, endpoints) => (*index, endpoints),
            Write::Delete(index) => {
                let deleted = api.delete(&self.name(*index), &DeleteParams::default()).await;
                return ignore_absent(deleted.map(drop));
            }
        };
        let name = self.name(index);
        let spec = SkepEndpointSliceSpec { node: self.node.clone(), endpoints: endpoints.clone() };
        let patch = Patch::Merge(json!({ "spec": &spec }));
        match api.patch(&name, &PatchParams::default(), &patch).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {
                let object = SkepEndpointSlice { metadata: self.metadata(name), spec };
                api.create(&PostParams::default(), &object).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    fn metadata(&self, name: String) -> ObjectMeta {
        let owner = OwnerReference {
            api_version: "v1".into(),
            kind: "Node".into(),
            name: self.node.clone(),
            uid: self.uid.clone(),
            controller: Some(true),
            block_owner_deletion: None,
        };
        ObjectMeta {
            name: Some(name),
            labels: Some(BTreeMap::from([(NODE_LABEL.to_owned(), self.node.clone())])),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        }
    }

    fn name(&self, index: u32) -> String {
        format!("{}-{index}", self.node)
    }
}

fn ignore_absent(result: Result<(), kube::Error>) -> Result<(), kube::Error> {
    match result {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other,
    }
}

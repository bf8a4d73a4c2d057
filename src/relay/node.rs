//! The nodes behind a relay.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use tokio::time::timeout;
use tonic::{Status, Streaming, transport::Channel};

use crate::hubble::observer::{
    GetFlowsRequest, GetFlowsResponse, GetNamespacesRequest, GetNamespacesResponse,
    ServerStatusRequest, ServerStatusResponse, observer_client::ObserverClient,
};

/// How long a node may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Nodes that are asked at a time.
const PARALLEL: usize = 64;

/// How a node is reached.
#[derive(Clone, Debug)]
pub struct Target {
    /// For people.
    pub address: String,
    /// Connects when it is used, and again when it broke.
    pub channel: Channel,
}

/// Nodes by name.
pub type Roster = Arc<BTreeMap<String, Target>>;

impl Target {
    fn client(&self) -> ObserverClient<Channel> {
        ObserverClient::new(self.channel.clone())
    }

    /// Asks how the node is doing, which also shows whether it is there.
    pub(super) async fn status(&self) -> Result<ServerStatusResponse, Status> {
        let mut client = self.client();
        in_time(client.server_status(ServerStatusRequest {})).await
    }

    pub(super) async fn flows(
        &self,
        request: GetFlowsRequest,
    ) -> Result<Streaming<GetFlowsResponse>, Status> {
        let mut client = self.client();
        in_time(client.get_flows(request)).await
    }

    pub(super) async fn namespaces(&self) -> Result<GetNamespacesResponse, Status> {
        let mut client = self.client();
        in_time(client.get_namespaces(GetNamespacesRequest {})).await
    }
}

async fn in_time<T>(
    answer: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, Status> {
    let seconds = PATIENCE.as_secs();
    match timeout(PATIENCE, answer).await {
        Ok(answer) => answer.map(tonic::Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded(format!("no answer within {seconds} s"))),
    }
}

/// Asks every node at once; returns the answers by name.
pub(super) async fn each<T, F: Future<Output = Result<T, Status>>>(
    roster: &Roster,
    ask: impl Fn(Target) -> F,
) -> Vec<(String, Result<T, Status>)> {
    let mut asked = Vec::new();
    for (name, target) in roster.iter() {
        let (name, answer) = (name.clone(), ask(target.clone()));
        asked.push(async { (name, answer.await) });
    }
    let mut answers: Vec<_> = stream::iter(asked).buffer_unordered(PARALLEL).collect().await;
    answers.sort_by(|(one, _), (other, _)| one.cmp(other));
    answers
}

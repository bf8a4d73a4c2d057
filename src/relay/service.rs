//! `observer.Observer` of a relay.

use std::{sync::Arc, time::Instant};

use futures::{StreamExt, stream::BoxStream};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::{
    Access,
    access::{self, Sight, Viewer},
    follow::Following,
    metrics::{Method, RelayMetrics},
    node::{Roster, each},
    stored::{Left, Out, introduce, merge, send},
    sums,
    told::Errors,
};
use crate::{
    api::hubble::check,
    hubble::observer::{
        GetAgentEventsRequest, GetAgentEventsResponse, GetDebugEventsRequest,
        GetDebugEventsResponse, GetFlowsRequest, GetFlowsResponse, GetNamespacesRequest,
        GetNamespacesResponse, GetNodesRequest, GetNodesResponse, ServerStatusRequest,
        ServerStatusResponse, observer_server,
    },
};

/// Answers that wait for a client; nodes wait when it is full, and lose for themselves.
pub(super) const QUEUE: usize = 64;

/// Answers for all nodes of a roster.
#[derive(Clone, Debug)]
pub struct Relay {
    /// The nodes, as they are now.
    pub roster: watch::Receiver<Roster>,
    /// Who may see which flows; none means that whoever can ask sees all.
    pub access: Option<Arc<dyn Access>>,
    /// What it counts.
    pub metrics: RelayMetrics,
    /// When to end.
    pub cancel: CancellationToken,
}

impl Relay {
    /// Returns who asks, where that matters.
    async fn viewer<T>(&self, request: &Request<T>) -> Result<Option<Viewer>, Status> {
        match &self.access {
            Some(access) => Viewer::of(access, request.metadata()).await.map(Some),
            None => Ok(None),
        }
    }

    fn roster(&self) -> Roster {
        Roster::clone(&self.roster.borrow())
    }

    /// Begins to answer a question about flows.
    async fn flows(
        &self,
        request: Request<GetFlowsRequest>,
    ) -> Result<Answers<GetFlowsResponse>, Status> {
        let viewer = self.viewer(&request).await?;
        let request = request.into_inner();
        // Every node would refuse it; who asks shall hear it once.
        check(&request)?;
        let (out, answers) = mpsc::channel(QUEUE);
        let (relay, cancel) = (self.clone(), self.cancel.clone());
        tokio::spawn(async move {
            let end = out.clone();
            let answer = async {
                match viewer {
                    Some(viewer) => access::answer(relay, viewer, request, out).await,
                    None => relay.answer(request, out).await,
                }
            };
            tokio::select! {
                // A client that left needs no answer.
                _ = answer => {}
                () = cancel.cancelled() => {
                    let _ = end.try_send(Err(Status::unavailable("the relay ends")));
                }
            }
        });
        Ok(ReceiverStream::new(answers).boxed())
    }

    /// Adds up what nodes know of namespaces, for who may see them.
    async fn namespaces(
        &self,
        request: Request<GetNamespacesRequest>,
    ) -> Result<GetNamespacesResponse, Status> {
        let viewer = self.viewer(&request).await?;
        let answers = each(&self.roster(), async |target| target.namespaces().await).await;
        let mut sum = sums::namespaces(answers);
        if let Some(viewer) = viewer {
            let all = || sum.namespaces.iter().map(|one| one.namespace.clone()).collect();
            if let Sight::Only(seen) = viewer.sight(all).await? {
                sum.namespaces.retain(|one| seen.contains(&one.namespace));
            }
        }
        Ok(sum)
    }

    /// Asks all nodes and passes on what they answer.
    pub(super) async fn answer(self, request: GetFlowsRequest, out: Out) -> Result<(), Left> {
        let asked = each(&self.roster(), |target| {
            let request = request.clone();
            async move { target.flows(request).await }
        })
        .await;
        let (mut nodes, mut unavailable) = (Vec::new(), Vec::new());
        for (name, answer) in asked {
            match answer {
                Ok(flows) => nodes.push((name, flows)),
                Err(status) => unavailable.push((name, status.message().to_owned())),
            }
        }
        let connected = nodes.iter().map(|(name, _)| name.clone()).collect();
        introduce(connected, unavailable.clone(), &out).await?;
        if request.follow {
            let down = unavailable.into_iter().map(|(name, _)| name);
            return Following::new(request, self.roster, nodes, down, out).run().await;
        }
        let mut errors = Errors::default();
        merge(&request, nodes, &mut errors, &out).await?;
        for error in errors.take() {
            send(&out, error).await?;
        }
        Ok(())
    }
}

/// A stream of answers.
type Answers<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl observer_server::Observer for Relay {
    type GetFlowsStream = Answers<GetFlowsResponse>;
    type GetAgentEventsStream = Answers<GetAgentEventsResponse>;
    type GetDebugEventsStream = Answers<GetDebugEventsResponse>;

    async fn get_flows(
        &self,
        request: Request<GetFlowsRequest>,
    ) -> Result<Response<Self::GetFlowsStream>, Status> {
        let (start, follows) = (Instant::now(), request.get_ref().follow);
        match self.flows(request).await {
            Ok(answers) => Ok(Response::new(self.metrics.passing(answers, start, follows))),
            Err(status) => {
                self.metrics.refused(start);
                Err(status)
            }
        }
    }

    async fn get_agent_events(
        &self,
        _: Request<GetAgentEventsRequest>,
    ) -> Result<Response<Self::GetAgentEventsStream>, Status> {
        Err(Status::unimplemented("events of an agent are told by its node, not by a relay"))
    }

    async fn get_debug_events(
        &self,
        _: Request<GetDebugEventsRequest>,
    ) -> Result<Response<Self::GetDebugEventsStream>, Status> {
        Err(Status::unimplemented("debug events are told by a node, not by a relay"))
    }

    async fn get_nodes(
        &self,
        request: Request<GetNodesRequest>,
    ) -> Result<Response<GetNodesResponse>, Status> {
        let nodes = async {
            self.viewer(&request).await?;
            let roster = self.roster();
            let answers = each(&roster, async |target| target.status().await).await;
            Ok(sums::nodes(&roster, answers))
        };
        self.metrics.time(Method::GetNodes, nodes).await.map(Response::new)
    }

    async fn get_namespaces(
        &self,
        request: Request<GetNamespacesRequest>,
    ) -> Result<Response<GetNamespacesResponse>, Status> {
        let namespaces = self.namespaces(request);
        self.metrics.time(Method::GetNamespaces, namespaces).await.map(Response::new)
    }

    async fn server_status(
        &self,
        request: Request<ServerStatusRequest>,
    ) -> Result<Response<ServerStatusResponse>, Status> {
        let status = async {
            self.viewer(&request).await?;
            let answers = each(&self.roster(), async |target| target.status().await).await;
            Ok(sums::status(answers))
        };
        self.metrics.time(Method::ServerStatus, status).await.map(Response::new)
    }
}

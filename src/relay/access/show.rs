//! Answers for somebody who may not see everything.

use futures::try_join;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tonic::Status;

use super::{
    hide::{namespaces, shown},
    viewer::{Sight, Viewer},
};
use crate::{
    api::hubble::Question,
    hubble::observer::{GetFlowsRequest, GetFlowsResponse, get_flows_response::ResponseTypes},
    relay::{
        Relay,
        service::QUEUE,
        stored::{Cut, Left, Out},
    },
};

/// Asks all nodes for everything and passes on what the viewer may see and has asked for.
///
/// # Errors
/// When the client leaves, or may not see flows any more, of which it is told.
pub(in crate::relay) async fn answer(
    relay: Relay,
    viewer: Viewer,
    request: GetFlowsRequest,
    out: Out,
) -> Result<(), Left> {
    let question = match Question::of(&request) {
        Ok(question) => question,
        Err(status) => return out.send(Err(status)).await.map_err(|_| Left),
    };
    let screen = Screen { viewer, question, out };
    let everything = GetFlowsRequest {
        number: 0,
        first: false,
        whitelist: Vec::new(),
        blacklist: Vec::new(),
        field_mask: None,
        ..request.clone()
    };
    if !request.follow {
        let cut = Cut::within(&request);
        return screen.pass(relay, everything, cut).await;
    }
    if request.number == 0 {
        return screen.pass(relay, everything, Cut::All).await;
    }
    // The newest of what is stored can only be told when all of it was seen; then it goes on from here.
    let now = Timestamp::now();
    let stored = GetFlowsRequest { follow: false, until: Some(now.into()), ..everything.clone() };
    screen.pass(relay.clone(), stored, Cut::within(&request)).await?;
    let later = now.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(now);
    let live = GetFlowsRequest { since: Some(later.into()), ..everything };
    screen.pass(relay, live, Cut::All).await
}

/// What stands between the nodes and a client.
struct Screen {
    viewer: Viewer,
    question: Question,
    out: Out,
}

impl Screen {
    async fn pass(&self, relay: Relay, asked: GetFlowsRequest, mut cut: Cut) -> Result<(), Left> {
        let (inner, mut answers) = mpsc::channel(QUEUE);
        let ask = async {
            // It ends early when enough was shown.
            let _ = relay.answer(asked, inner).await;
            Ok(())
        };
        let show = async {
            while let Some(answer) = answers.recv().await {
                let Some(message) = self.see(answer).await? else { continue };
                if cut.add(message, &self.out).await?.is_break() {
                    break;
                }
            }
            answers.close();
            cut.end(&self.out).await
        };
        try_join!(ask, show).map(drop)
    }

    /// Returns what may be seen of an answer; an error goes out, and ends everything.
    async fn see(
        &self,
        answer: Result<GetFlowsResponse, Status>,
    ) -> Result<Option<GetFlowsResponse>, Left> {
        let seen = match answer {
            Ok(message) => self.visible(message).await,
            Err(status) => Err(status),
        };
        match seen {
            Ok(message) => Ok(message),
            Err(status) => {
                let _ = self.out.send(Err(status)).await;
                Err(Left)
            }
        }
    }

    async fn visible(
        &self,
        mut message: GetFlowsResponse,
    ) -> Result<Option<GetFlowsResponse>, Status> {
        let flow = match message.response_types.take() {
            Some(ResponseTypes::Flow(flow)) => flow,
            other => {
                message.response_types = other;
                return Ok(Some(message));
            }
        };
        let flow = match self.viewer.sight(|| namespaces(&flow)).await? {
            Sight::All => Some(flow),
            Sight::Only(seen) => shown(flow, |namespace| seen.contains(namespace)),
        };
        let flow = flow.filter(|flow| self.question.matches(flow));
        Ok(flow.map(|flow| {
            message.response_types = Some(ResponseTypes::Flow(self.question.prune(flow)));
            message
        }))
    }
}

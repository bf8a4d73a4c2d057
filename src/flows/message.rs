//! Messages of a stream: what a reader gets, as Hubble's `GetFlowsResponse`.

use jiff::Timestamp;

use super::Observed;
use crate::hubble::{
    flow::{Flow, LostEvent},
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
    relay::NodeStatusEvent,
};

impl Observed {
    /// Says which node tells, and when.
    pub fn into_response(self, node_name: String) -> GetFlowsResponse {
        let (kind, time) = match self {
            Self::Flow(flow) => {
                let time = flow.time;
                (ResponseTypes::Flow(*flow), time)
            }
            Self::Lost(lost) => (ResponseTypes::LostEvents(lost), Some(Timestamp::now().into())),
        };
        GetFlowsResponse { response_types: Some(kind), node_name, time }
    }
}

impl GetFlowsResponse {
    /// Returns the flow, if it is one.
    pub fn flow(&self) -> Option<&Flow> {
        match self.response_types.as_ref()? {
            ResponseTypes::Flow(flow) => Some(flow),
            _ => None,
        }
    }

    /// Returns what was lost, if it says so.
    pub fn lost(&self) -> Option<&LostEvent> {
        match self.response_types.as_ref()? {
            ResponseTypes::LostEvents(lost) => Some(lost),
            _ => None,
        }
    }

    /// Returns what became of nodes, if a relay says so.
    pub fn node_status(&self) -> Option<&NodeStatusEvent> {
        match self.response_types.as_ref()? {
            ResponseTypes::NodeStatus(status) => Some(status),
            _ => None,
        }
    }

    /// Returns when it was seen.
    pub fn moment(&self) -> Timestamp {
        self.time.unwrap_or_default().moment()
    }
}

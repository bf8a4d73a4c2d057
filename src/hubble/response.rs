//! JSON of a `GetFlowsResponse`: what it is about comes first, as protobuf's own libraries write it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Timestamp,
    flow::{Flow, LostEvent},
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
    relay::NodeStatusEvent,
};

#[derive(Serialize, Deserialize)]
struct Shape<F, N, L> {
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    flow: Option<F>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    node_status: Option<N>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    lost_events: Option<L>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    node_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
}

const fn none<T>() -> Option<T> {
    None
}

impl Serialize for GetFlowsResponse {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (mut flow, mut node_status, mut lost_events) = (None, None, None);
        match &self.response_types {
            Some(ResponseTypes::Flow(value)) => flow = Some(value),
            Some(ResponseTypes::NodeStatus(value)) => node_status = Some(value),
            Some(ResponseTypes::LostEvents(value)) => lost_events = Some(value),
            None => {}
        }
        let node_name = self.node_name.clone();
        Shape { flow, node_status, lost_events, node_name, time: self.time }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for GetFlowsResponse {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let shape = Shape::<Flow, NodeStatusEvent, LostEvent>::deserialize(from)?;
        let response_types = shape
            .flow
            .map(ResponseTypes::Flow)
            .or(shape.node_status.map(ResponseTypes::NodeStatus))
            .or(shape.lost_events.map(ResponseTypes::LostEvents));
        Ok(Self { response_types, node_name: shape.node_name, time: shape.time })
    }
}

//! Flows of newer servers: enum values that this version does not know have no name to show.

use crate::hubble::{
    flow::{
        AuthType, DebugCapturePoint, DropReason, Flow, FlowType, IpVersion, L7FlowType,
        LostEventSource, SctpChunkType, SocketTranslationPoint, TraceObservationPoint, TraceReason,
        TrafficDirection, Tunnel, Verdict, layer4::Protocol, tunnel,
    },
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
    relay::NodeState,
};

/// Turns values that are not known into "unknown"; the number of a drop reason stays beside its name.
pub(super) fn forget_unknown(message: &mut GetFlowsResponse) {
    match &mut message.response_types {
        Some(ResponseTypes::Flow(flow)) => forget_in(flow),
        Some(ResponseTypes::NodeStatus(status)) => keep::<NodeState>(&mut status.state_change),
        Some(ResponseTypes::LostEvents(lost)) => keep::<LostEventSource>(&mut lost.source),
        None => {}
    }
}

fn forget_in(flow: &mut Flow) {
    keep::<Verdict>(&mut flow.verdict);
    keep::<AuthType>(&mut flow.auth_type);
    keep::<FlowType>(&mut flow.r#type);
    keep::<TrafficDirection>(&mut flow.traffic_direction);
    keep::<TraceObservationPoint>(&mut flow.trace_observation_point);
    keep::<TraceReason>(&mut flow.trace_reason);
    keep::<DropReason>(&mut flow.drop_reason_desc);
    keep::<DebugCapturePoint>(&mut flow.debug_capture_point);
    keep::<SocketTranslationPoint>(&mut flow.sock_xlate_point);
    if let Some(l7) = &mut flow.l7 {
        keep::<L7FlowType>(&mut l7.r#type);
    }
    let Flow { ip, l4, tunnel, .. } = flow;
    let mut headers = vec![(ip, l4)];
    if let Some(Tunnel { protocol, ip, l4, .. }) = tunnel {
        keep::<tunnel::Protocol>(protocol);
        headers.push((ip, l4));
    }
    for (ip, l4) in headers {
        if let Some(ip) = ip {
            keep::<IpVersion>(&mut ip.ip_version);
        }
        if let Some(Protocol::Sctp(sctp)) = l4.as_mut().and_then(|l4| l4.protocol.as_mut()) {
            keep::<SctpChunkType>(&mut sctp.chunk_type);
        }
    }
}

fn keep<E: TryFrom<i32>>(value: &mut i32) {
    if E::try_from(*value).is_err() {
        *value = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::{Flow, GetFlowsResponse, ResponseTypes, forget_unknown};

    #[test]
    fn a_flow_of_a_newer_server_can_be_written_as_json() {
        let drop_reason_desc = 999;
        let flow = Flow { verdict: 2, drop_reason_desc, trace_reason: -1, ..Flow::default() };
        let kind = Some(ResponseTypes::Flow(flow));
        let mut message = GetFlowsResponse { response_types: kind, ..Default::default() };
        assert!(serde_json::to_string(&message).is_err());
        forget_unknown(&mut message);
        let json = serde_json::to_string(&message).unwrap();
        assert_eq!(json, r#"{"flow":{"verdict":"DROPPED"}}"#);
    }
}

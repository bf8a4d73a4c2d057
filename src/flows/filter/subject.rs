//! What filters look at: flows as clients get them, and records that are no flows yet.

use std::{borrow::Cow, net::IpAddr};

use jiff::Timestamp;

use crate::hubble::{
    flow::{
        CiliumEventType, DropReason, Flow, IpVersion, NetworkInterface, Service, TcpFlags,
        TrafficDirection, Verdict, Workload, layer4, layer7,
    },
    wire,
};

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flows) enum End {
    Source,
    Destination,
}

/// The protocols of layer 4 that filters know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flows) enum Transport {
    Tcp,
    Udp,
    Sctp,
    Icmpv4,
    Icmpv6,
    Vrrp,
    Igmp,
}

/// Something that a filter lets pass or not. A record answers like the flow that it would become, so that
/// only what passes becomes one; a test compares both.
pub(in crate::flows) trait Subject {
    fn moment(&self) -> Timestamp;
    fn uuid(&self) -> Cow<'_, str>;
    fn node_name(&self) -> Cow<'_, str>;
    fn node_labels(&self) -> &[String];
    fn event_type(&self) -> CiliumEventType;
    fn verdict(&self) -> Verdict;
    fn drop_reason(&self) -> DropReason;
    fn direction(&self) -> TrafficDirection;
    fn is_reply(&self) -> Option<bool>;
    fn interface(&self) -> Option<(u32, &str)>;
    fn trace_id(&self) -> Option<&str>;
    fn ip_trace_id(&self) -> Option<u64>;
    fn transport(&self) -> Option<Transport>;
    fn tcp_flags(&self) -> Option<TcpFlags>;
    fn layer7(&self) -> Option<&layer7::Record>;
    fn ip_version(&self) -> Option<IpVersion>;
    fn is_encrypted(&self) -> Option<bool>;
    fn translated_source(&self) -> Option<IpAddr>;
    fn address(&self, end: End) -> Option<IpAddr>;
    fn port(&self, end: End) -> Option<u32>;
    fn identity(&self, end: End) -> u32;
    fn labels(&self, end: End) -> Cow<'_, [String]>;
    fn namespace(&self, end: End) -> &str;
    fn pod(&self, end: End) -> &str;
    fn cluster(&self, end: End) -> &str;
    fn workloads(&self, end: End) -> &[Workload];
    fn service(&self, end: End) -> Option<&Service>;
    fn names(&self, end: End) -> &[String];
    /// All of it, for expressions.
    fn encoded(&self) -> Vec<u8>;
}

impl Flow {
    const fn end(&self, end: End) -> Option<&crate::hubble::flow::Endpoint> {
        match end {
            End::Source => self.source.as_ref(),
            End::Destination => self.destination.as_ref(),
        }
    }
}

impl Subject for Flow {
    fn moment(&self) -> Timestamp {
        Self::moment(self)
    }

    fn uuid(&self) -> Cow<'_, str> {
        self.uuid.as_str().into()
    }

    fn node_name(&self) -> Cow<'_, str> {
        self.node_name.as_str().into()
    }

    fn node_labels(&self) -> &[String] {
        &self.node_labels
    }

    fn event_type(&self) -> CiliumEventType {
        self.kind()
    }

    fn verdict(&self) -> Verdict {
        Self::verdict(self)
    }

    fn drop_reason(&self) -> DropReason {
        self.drop_reason_desc()
    }

    fn direction(&self) -> TrafficDirection {
        self.traffic_direction()
    }

    fn is_reply(&self) -> Option<bool> {
        self.is_reply
    }

    fn interface(&self) -> Option<(u32, &str)> {
        let NetworkInterface { index, name } = self.interface.as_ref()?;
        Some((*index, name))
    }

    fn trace_id(&self) -> Option<&str> {
        Some(&self.trace_context.as_ref()?.parent.as_ref()?.trace_id)
    }

    fn ip_trace_id(&self) -> Option<u64> {
        Some(self.ip_trace_id.as_ref()?.trace_id)
    }

    fn transport(&self) -> Option<Transport> {
        Some(match self.protocol()? {
            layer4::Protocol::Tcp(_) => Transport::Tcp,
            layer4::Protocol::Udp(_) => Transport::Udp,
            layer4::Protocol::Sctp(_) => Transport::Sctp,
            layer4::Protocol::IcmPv4(_) => Transport::Icmpv4,
            layer4::Protocol::IcmPv6(_) => Transport::Icmpv6,
            layer4::Protocol::Vrrp(_) => Transport::Vrrp,
            layer4::Protocol::Igmp(_) => Transport::Igmp,
        })
    }

    fn tcp_flags(&self) -> Option<TcpFlags> {
        Self::tcp_flags(self)
    }

    fn layer7(&self) -> Option<&layer7::Record> {
        self.l7.as_ref()?.record.as_ref()
    }

    fn ip_version(&self) -> Option<IpVersion> {
        Some(self.ip.as_ref()?.ip_version())
    }

    fn is_encrypted(&self) -> Option<bool> {
        Some(self.ip.as_ref()?.encrypted)
    }

    fn translated_source(&self) -> Option<IpAddr> {
        self.ip.as_ref()?.source_xlated.parse().ok()
    }

    fn address(&self, end: End) -> Option<IpAddr> {
        let ip = self.ip.as_ref()?;
        let text = if end == End::Source { &ip.source } else { &ip.destination };
        text.parse().ok()
    }

    fn port(&self, end: End) -> Option<u32> {
        let (source, destination) = self.ports()?;
        Some(if end == End::Source { source } else { destination })
    }

    fn identity(&self, end: End) -> u32 {
        self.end(end).map_or(0, |end| end.identity)
    }

    fn labels(&self, end: End) -> Cow<'_, [String]> {
        self.end(end).map_or(&[][..], |end| &end.labels).into()
    }

    fn namespace(&self, end: End) -> &str {
        self.end(end).map_or("", |end| &end.namespace)
    }

    fn pod(&self, end: End) -> &str {
        self.end(end).map_or("", |end| &end.pod_name)
    }

    fn cluster(&self, end: End) -> &str {
        self.end(end).map_or("", |end| &end.cluster_name)
    }

    fn workloads(&self, end: End) -> &[Workload] {
        self.end(end).map_or(&[], |end| &end.workloads)
    }

    fn service(&self, end: End) -> Option<&Service> {
        match end {
            End::Source => self.source_service.as_ref(),
            End::Destination => self.destination_service.as_ref(),
        }
    }

    fn names(&self, end: End) -> &[String] {
        match end {
            End::Source => &self.source_names,
            End::Destination => &self.destination_names,
        }
    }

    fn encoded(&self) -> Vec<u8> {
        wire::encode(self)
    }
}

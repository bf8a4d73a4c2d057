//! A record as one of the flows that it tells, without becoming one.

use std::{borrow::Cow, net::IpAddr};

use jiff::Timestamp;
use uuid::Builder;

use super::{
    PeerInfo, Record,
    filter::{End, Subject, Transport},
    here::Here,
    render,
};
use crate::{
    events::{EventKind, L4, Peer, Step},
    hubble::flow::{
        CiliumEventType, DropReason, IpVersion, Service, TcpFlags, TrafficDirection, Verdict,
        Workload, layer7,
    },
    model,
};

/// One flow of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) record: &'a Record,
    pub(super) kind: EventKind,
    pub(super) here: &'a Here<'a>,
}

impl<'a> Seen<'a> {
    pub(super) fn peer(&self, end: End) -> Peer {
        let event = &self.record.event;
        match (end, self.kind, event.service) {
            (End::Source, ..) => event.source,
            (End::Destination, EventKind::Socket(Step::Asked), Some((address, port))) => {
                Peer { address: Some(address), port: Some(port), ..event.destination }
            }
            (End::Destination, ..) => event.destination,
        }
    }

    pub(super) fn owner(&self, end: End) -> Option<&'a PeerInfo> {
        match (end, self.kind) {
            (End::Source, _) => self.record.source.as_deref(),
            // A service is nobody.
            (End::Destination, EventKind::Socket(Step::Asked)) => None,
            (End::Destination, _) => self.record.destination.as_deref(),
        }
    }

    /// Both addresses are there, or there was no IP header.
    fn has_ip(&self) -> bool {
        let event = &self.record.event;
        event.source.address.is_some() && event.destination.address.is_some()
    }
}

impl Subject for Seen<'_> {
    fn moment(&self) -> Timestamp {
        self.here.clock.wall(self.record.event.time)
    }

    fn uuid(&self) -> Cow<'_, str> {
        // A sequence number never gets so far; the two bits above are the UUID's variant.
        let is_verdict_of_drop = self.kind != self.record.event.kind;
        let sequence = self.record.sequence | u64::from(is_verdict_of_drop) << 61;
        let bytes = u128::from(*render::EPOCH) << 64 | u128::from(sequence);
        Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid().to_string().into()
    }

    fn node_name(&self) -> Cow<'_, str> {
        self.here.settings.node_name().into()
    }

    fn node_labels(&self) -> &[String] {
        &self.here.node_labels
    }

    fn event_type(&self) -> CiliumEventType {
        render::event_type(self.kind, self.record.event.observation)
    }

    fn verdict(&self) -> Verdict {
        render::verdict(self.kind)
    }

    fn drop_reason(&self) -> DropReason {
        let code = render::drop_reason(self.kind).map_or(0, model::DropReason::code);
        DropReason::try_from(i32::from(code)).unwrap_or_default()
    }

    fn direction(&self) -> TrafficDirection {
        render::direction(self.record.event.direction)
    }

    fn is_reply(&self) -> Option<bool> {
        self.record.event.reply
    }

    fn interface(&self) -> Option<(u32, &str)> {
        let index = self.record.event.device.0;
        (index != 0).then(|| (index, self.record.interface.as_deref().unwrap_or_default()))
    }

    fn trace_id(&self) -> Option<&str> {
        None
    }

    fn ip_trace_id(&self) -> Option<u64> {
        None
    }

    fn transport(&self) -> Option<Transport> {
        Some(match self.record.event.l4? {
            L4::Tcp(_) => Transport::Tcp,
            L4::Udp => Transport::Udp,
            L4::Sctp => Transport::Sctp,
            L4::Icmp { .. } => Transport::Icmpv4,
            L4::Icmpv6 { .. } => Transport::Icmpv6,
            L4::Other(_) => return None,
        })
    }

    fn tcp_flags(&self) -> Option<TcpFlags> {
        match self.record.event.l4? {
            L4::Tcp(flags) => Some(render::flags_of(flags)),
            _ => None,
        }
    }

    fn layer7(&self) -> Option<&layer7::Record> {
        None
    }

    fn ip_version(&self) -> Option<IpVersion> {
        self.has_ip().then(|| render::ip_version(&self.record.event))
    }

    fn is_encrypted(&self) -> Option<bool> {
        self.has_ip().then_some(false)
    }

    fn translated_source(&self) -> Option<IpAddr> {
        self.record.event.translated_source.filter(|_| self.has_ip())
    }

    fn address(&self, end: End) -> Option<IpAddr> {
        self.peer(end).address.filter(|_| self.has_ip())
    }

    fn port(&self, end: End) -> Option<u32> {
        let has_ports = matches!(self.record.event.l4?, L4::Tcp(_) | L4::Udp | L4::Sctp);
        has_ports.then(|| self.peer(end).port.unwrap_or_default().into())
    }

    fn identity(&self, end: End) -> u32 {
        render::identity(&self.peer(end), self.owner(end)).0
    }

    fn labels(&self, end: End) -> Cow<'_, [String]> {
        render::labels(&self.peer(end), self.owner(end))
    }

    fn namespace(&self, end: End) -> &str {
        self.owner(end).map_or("", |owner| &owner.namespace)
    }

    fn pod(&self, end: End) -> &str {
        self.owner(end).map_or("", |owner| &owner.pod)
    }

    fn cluster(&self, end: End) -> &str {
        if self.pod(end).is_empty() { "" } else { &self.here.settings.cluster }
    }

    fn workloads(&self, end: End) -> &[Workload] {
        self.owner(end).map_or(&[], |owner| owner.workload.as_slice())
    }

    fn service(&self, end: End) -> Option<&Service> {
        let is_reply = self.record.event.reply == Some(true);
        let serves = if is_reply { End::Source } else { End::Destination };
        self.record.service.as_deref().filter(|_| end == serves)
    }

    fn names(&self, _: End) -> &[String] {
        &[]
    }

    fn encoded(&self) -> Vec<u8> {
        self.render().encoded()
    }
}

//! What is left of flows that have to make room: one for all that are alike.
//!
//! Flows are alike that tell the same of the same addresses, port of the server, protocol and verdict within ten
//! minutes. One stands for all, with their number, when the last was seen, and nothing that only some of them had.

use std::collections::HashMap;

use uuid::Uuid;

use super::block::{Head, Packer, nanoseconds};
use crate::{
    flows::edges::Server,
    hubble::{
        self,
        flow::{Aggregate, Flow, TraceReason, TrafficDirection, layer4::Protocol},
    },
};

/// Nanoseconds of flows that may stand together.
const WINDOW: i64 = 600 * 1_000_000_000;
/// Different ones that are in memory at a time.
const MOST: usize = 2048;

/// Flows by what they have in common.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// By window and by the bytes of what is common.
    rows: HashMap<(i64, Vec<u8>), Row>,
    done: Vec<(Head, Vec<u8>)>,
}

/// Flows that are alike.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    first: hubble::Timestamp,
    last: hubble::Timestamp,
    ingress: u32,
    egress: u32,
    unknown: u32,
}

impl Summary {
    pub(super) fn add(&mut self, flow: Flow) {
        let (direction, time) = (flow.traffic_direction(), flow.time.unwrap_or_default());
        let window = nanoseconds(flow.moment()).div_euclid(WINDOW);
        let mut key = Vec::new();
        common(flow).append_to(&mut key);
        let row = self.rows.entry((window, key)).or_insert(Row { first: time, ..Row::default() });
        row.first = row.first.min(time);
        row.last = row.last.max(time);
        let count = match direction {
            TrafficDirection::Ingress => &mut row.ingress,
            TrafficDirection::Egress => &mut row.egress,
            TrafficDirection::Unknown => &mut row.unknown,
        };
        *count = count.saturating_add(1);
        if self.rows.len() >= MOST {
            self.pack();
        }
    }

    /// Returns blocks of what stands for all flows.
    pub(super) fn finish(mut self) -> Vec<(Head, Vec<u8>)> {
        self.pack();
        self.done
    }

    fn pack(&mut self) {
        let rows = self.rows.drain().filter_map(|((_, key), row)| row.flow(&key));
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by_key(|flow| flow.time);
        // No agent has this number: what is summed up has no sequence.
        let mut packer = Packer::new(0);
        for flow in &rows {
            packer.add(0, flow);
            if packer.is_full() {
                self.done.push(std::mem::replace(&mut packer, Packer::new(0)).finish());
            }
        }
        if !packer.is_empty() {
            self.done.push(packer.finish());
        }
    }
}

impl Row {
    #[expect(deprecated, reason = "clients show it")]
    fn flow(self, mut common: &[u8]) -> Option<Flow> {
        let Self { first, last, ingress, egress, unknown } = self;
        let mut flow = Flow::take_from(&mut common)?;
        flow.time = Some(last);
        flow.uuid = Uuid::new_v4().to_string();
        flow.aggregate = Some(Aggregate {
            ingress_flow_count: ingress,
            egress_flow_count: egress,
            unknown_direction_flow_count: unknown,
        });
        let (what, count) = (&flow.summary, flow.count());
        flow.summary = format!("{what}; {count} flows since {:.0}", first.moment());
        Some(flow)
    }
}

/// Takes out what flows between the same parties do not have in common.
#[expect(deprecated, reason = "clients show it")]
fn common(mut flow: Flow) -> Flow {
    // Without connection tracking it takes more than one port to tell who serves.
    let (is_known, server) = (flow.is_reply.is_some(), Server::of(&flow));
    let clear = |from: &mut u32, to: &mut u32| match server {
        Server::Receiver => *from = 0,
        Server::Sender if is_known => *to = 0,
        Server::Sender | Server::Unclear => {}
    };
    match flow.l4.as_mut().and_then(|l4| l4.protocol.as_mut()) {
        Some(Protocol::Tcp(tcp)) => {
            clear(&mut tcp.source_port, &mut tcp.destination_port);
            tcp.flags = tcp.flags.filter(|_| !is_known);
            flow.summary = "TCP".to_owned();
        }
        Some(Protocol::Udp(udp)) => clear(&mut udp.source_port, &mut udp.destination_port),
        Some(Protocol::Sctp(sctp)) => clear(&mut sctp.source_port, &mut sctp.destination_port),
        _ => {}
    }
    flow.time = None;
    flow.uuid.clear();
    flow.ethernet = None;
    flow.trace_reason = TraceReason::Unknown.into();
    flow
}

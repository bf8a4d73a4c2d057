//! The datapath's counters.

use serde::{Deserialize, Serialize};
use skep_bpf::abi::Counter;

use crate::{api::Listed, model::Counted};

/// Packets and bytes counted under one reason and direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metric {
    /// Name: FORWARDED, a note, or a drop reason.
    pub reason: String,
    /// Its number; drop reasons have Hubble's.
    pub code: u8,
    /// Whether it counts dropped packets.
    pub drop: bool,
    /// Seen from the endpoint or the node.
    pub direction: Direction,
    /// Packets.
    pub packets: u64,
    /// Bytes at layer 2.
    pub bytes: u64,
}

/// Which way a packet goes, seen from the endpoint or the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Neither, or not known.
    Unknown,
    /// To it.
    Ingress,
    /// From it.
    Egress,
}

impl Direction {
    /// Returns the word that people see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    const fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Ingress,
            2 => Self::Egress,
            _ => Self::Unknown,
        }
    }
}

impl Metric {
    /// Makes readable what the metrics array holds, summed over CPUs; zero counters are left out.
    pub fn list(counters: &[(u32, Counter)]) -> Vec<Self> {
        counters
            .iter()
            .filter(|(_, counter)| counter.packets != 0)
            .filter_map(|(index, counter)| {
                // The index is that of `skep_bpf::abi::metric_index`: 4 directions a reason.
                let code = u8::try_from(index >> 2).ok()?;
                let counted = Counted::from_code(code);
                Some(Self {
                    reason: counted
                        .map_or_else(|| format!("REASON_{code}"), |c| c.name().to_owned()),
                    code,
                    drop: matches!(counted, Some(Counted::Drop(_))),
                    direction: Direction::from_code(index & 3),
                    packets: counter.packets,
                    bytes: counter.bytes,
                })
            })
            .collect()
    }
}

impl Listed for Metric {
    const KIND: &'static str = "MetricList";
    const PATH: &'static str = "/v1/bpf/metrics";
}

#[cfg(test)]
mod tests {
    use skep_bpf::abi::{Counter, Direction as AbiDirection, metric_index};

    use super::{Direction, Metric};
    use crate::model::{Counted, DropReason};

    #[test]
    fn an_index_is_read_back_as_reason_and_direction() {
        let index = metric_index(Counted::Drop(DropReason::InvalidSourceIp), AbiDirection::Egress);
        let metrics =
            Metric::list(&[(0, Counter::default()), (index, Counter { packets: 2, bytes: 120 })]);
        assert_eq!(
            metrics,
            [Metric {
                reason: "INVALID_SOURCE_IP".into(),
                code: 132,
                drop: true,
                direction: Direction::Egress,
                packets: 2,
                bytes: 120,
            }]
        );
    }
}

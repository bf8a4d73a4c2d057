//! What the datapath counts, by reason and direction. Its counters do not tell families apart.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;

use super::write::{Labels, counters};
use crate::{agent::shared::Agent, api::Metric};

pub(super) fn encode(agent: &Agent, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    write(&Metric::list(&agent.maps.metrics().unwrap_or_default()), encoder)
}

fn write(metrics: &[Metric], encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let packets = metrics.iter().map(|metric| (labels(metric), metric.packets));
    counters(encoder, ("datapath_packets", "Packets by what became of them"), packets)?;
    let bytes = metrics.iter().map(|metric| (labels(metric), metric.bytes));
    let help = "Bytes at layer 2 of packets by what became of them";
    counters(encoder, ("datapath_bytes", help), bytes)
}

fn labels(metric: &Metric) -> Labels {
    vec![("reason", metric.reason.clone()), ("direction", metric.direction.name().to_owned())]
}

#[cfg(test)]
mod tests {
    use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

    use super::{Metric, fmt, write};
    use crate::{api::Direction, telemetry::Metrics};

    #[derive(Debug)]
    struct Counted(Vec<Metric>);

    impl Collector for Counted {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
            write(&self.0, &mut encoder)
        }
    }

    #[test]
    fn packets_and_bytes_are_counters_that_keep_their_labels() {
        let metric = Metric {
            reason: "POLICY_DENIED".to_owned(),
            code: 133,
            drop: true,
            direction: Direction::Ingress,
            packets: 2,
            bytes: 120,
        };
        let text = Metrics::with_prefix("skep_agent", Counted(vec![metric])).encode();
        for line in [
            "# TYPE skep_agent_datapath_packets counter",
            r#"skep_agent_datapath_packets_total{reason="POLICY_DENIED",direction="ingress"} 2"#,
            r#"skep_agent_datapath_bytes_total{reason="POLICY_DENIED",direction="ingress"} 120"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}

//! How full maps are, and what was written to them.

use std::{fmt, sync::atomic::Ordering};

use prometheus_client::encoding::DescriptorEncoder;

use super::write::{Labels, counters, gauges};
use crate::{
    agent::shared::Agent,
    kernel::{MapWrite, MapWrites},
    maps::{
        BackendTable, ConntrackTable, DeviceTable, EndpointTable, FrontendTable, IdentityTable,
        IpcacheTable, ListTable, MemberTable, NetnsTable, NodeAddrTable, NodeTable,
        PolicyAddrTable, PolicyCellTable, PolicyIdentityTable, PolicyPortTable, RangeTable, Table,
    },
};

pub(super) fn encode(agent: &Agent, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let usage = usage(agent);
    let entries = usage.iter().map(|usage| (vec![map(usage.map)], usage.entries as u64));
    gauges(
        encoder,
        ("map_entries", "Entries of each map, as the agent has written them"),
        entries,
    )?;
    let room = usage.iter().map(|usage| (vec![map(usage.map)], usage.capacity.into()));
    gauges(encoder, ("map_capacity", "Entries that each map has room for"), room)?;
    write(&agent.maps.writes(), encoder)
}

/// How full a map is.
struct Usage {
    map: &'static str,
    entries: usize,
    capacity: u32,
}

/// Counts what the agent keeps beside the maps. Maps that make room by themselves are never full, and left out.
fn usage(agent: &Agent) -> Vec<Usage> {
    let records = agent.endpoints.records();
    let pods = records.len();
    let addresses = records.iter().map(|record| record.addresses.iter().count()).sum();
    let devices = agent.devices().entries().len();
    let connections = agent.connections.load(Ordering::Relaxed);
    let (services, backends) = agent.balancer.extent();
    let mut all = vec![
        of::<EndpointTable>(agent, addresses),
        of::<DeviceTable>(agent, pods + devices),
        // The node has a namespace, too.
        of::<NetnsTable>(agent, pods + 1),
        of::<ConntrackTable>(agent, usize::try_from(connections).unwrap_or(usize::MAX)),
        of::<FrontendTable>(agent, services.frontends),
        of::<ListTable>(agent, services.blocks),
        of::<MemberTable>(agent, services.members),
        of::<RangeTable>(agent, services.ranges),
        of::<BackendTable>(agent, backends),
    ];
    {
        let cluster = agent.cluster();
        let tables = cluster.tables();
        all.extend([
            of::<IpcacheTable>(agent, tables.ipcache.written()),
            of::<NodeTable>(agent, tables.nodes.written()),
            of::<NodeAddrTable>(agent, tables.node_addrs.written()),
        ]);
    }
    agent.policy.with_entries(|entries| {
        all.extend([
            of::<IdentityTable>(agent, entries.known.written()),
            of::<PolicyIdentityTable>(agent, entries.identities.written()),
            of::<PolicyAddrTable>(agent, entries.addresses.written()),
            of::<PolicyPortTable>(agent, entries.ports.written()),
            of::<PolicyCellTable>(agent, entries.cells.written()),
        ]);
    });
    all.into_iter().flatten().collect()
}

fn of<T: Table>(agent: &Agent, entries: usize) -> Option<Usage> {
    let capacity = agent.maps.capacity::<T>().ok()?;
    Some(Usage { map: T::NAME, entries, capacity })
}

fn write(writes: &[MapWrites], encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let labels = |name, what: MapWrite| vec![map(name), ("operation", what.name().to_owned())];
    let taken = writes.iter().flat_map(|writes| {
        let of = |what| labels(writes.map, what);
        [(of(MapWrite::Put), writes.put), (of(MapWrite::Delete), writes.deleted)]
    });
    let help = "Entries that the kernel has put into maps and deleted for this process";
    counters(encoder, ("map_writes", help), taken)?;
    let refused = writes.iter().flat_map(|writes| {
        writes.refused.iter().map(|(what, error, count)| {
            let mut labels: Labels = labels(writes.map, *what);
            labels.push(("error", error.clone()));
            (labels, *count)
        })
    });
    let help = "Writes to maps that the kernel refused, whether or not tried again";
    counters(encoder, ("map_failures", help), refused)
}

/// Returns the label of a map: its name without the version of the layout, so that series outlive an upgrade.
fn map(name: &str) -> (&'static str, String) {
    let plain = name.rsplit_once("_v").map_or(name, |(plain, _)| plain);
    ("map", plain.to_owned())
}

#[cfg(test)]
mod tests {
    use prometheus_client::collector::Collector;
    use skep_bpf::abi::maps::PINNED;

    use super::*;
    use crate::telemetry::Metrics;

    #[derive(Debug)]
    struct Written(Vec<MapWrites>);

    impl Collector for Written {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
            write(&self.0, &mut encoder)
        }
    }

    #[test]
    fn writes_and_refusals_are_told_by_map() {
        let writes = MapWrites {
            map: IpcacheTable::NAME,
            put: 7,
            deleted: 2,
            refused: vec![(MapWrite::Put, "ENOSPC".to_owned(), 3)],
        };
        let text = Metrics::with_prefix("skep_agent", Written(vec![writes])).encode();
        for line in [
            r#"skep_agent_map_writes_total{map="ipcache",operation="put"} 7"#,
            r#"skep_agent_map_writes_total{map="ipcache",operation="delete"} 2"#,
            r#"skep_agent_map_failures_total{map="ipcache",operation="put",error="ENOSPC"} 3"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn labels_do_not_change_with_the_layout_and_stay_apart() {
        let mut labels: Vec<String> = PINNED.iter().map(|name| map(name).1).collect();
        assert!(labels.iter().all(|label| !label.contains("_v")), "{labels:?}");
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), PINNED.len());
    }
}

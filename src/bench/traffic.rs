//! Rows about traffic: the topologies that the chosen rows need, measured side by side.

use std::{path::Path, time::Duration};

use super::{
    catalogue::{Group, Ip, Metric, RowSpec},
    error::BenchError,
    report::Row,
    rounds::{Schedule, measure},
    run::Findings,
    topology::{self, Topology, Watched},
    worker::Load,
};

/// Length of a sample.
const SAMPLE: Duration = Duration::from_millis(400);

/// The topologies of a run. Those that no chosen row needs are not made.
#[derive(Debug)]
pub(super) struct Ground {
    /// The limit, and the reference that decides which rounds are measured again.
    pub(super) veth: Topology,
    /// Another of the same kind.
    pub(super) twin: Option<Topology>,
    /// Bridge and iptables.
    pub(super) bridge: Option<Topology>,
    /// skep.
    pub(super) skep: Option<Topology>,
}

/// A comparison that is wanted of one sample: the row, and which of the sample's values it is about.
struct Wanted<'a> {
    spec: &'a RowSpec,
    value: usize,
    against: Against,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Against {
    Twin,
    Veth,
    Bridge,
}

const VETH_NAME: &str = "bare veth";
const TWIN_NAME: &str = "another bare veth";
const BRIDGE_NAME: &str = "bridge and iptables";
const SKEP_NAME: &str = "skep";
/// Place of the reference among the subjects.
const VETH: usize = 0;

/// Returns how many samples [`measure_all`] takes when no round is measured again.
pub(super) fn samples(ground: &Ground, rows: &[RowSpec], rounds: usize) -> usize {
    let loads = pairs().filter(|(load, ip)| !wanted(rows, *load, *ip).is_empty());
    loads
        .map(|(load, ip)| {
            let wanted = wanted(rows, load, ip);
            let others = [
                (Against::Twin, ground.twin.is_some()),
                (Against::Bridge, ground.bridge.is_some()),
            ];
            let others = others.iter().filter(|(against, there)| {
                *there && wanted.iter().any(|wanted| wanted.against == *against)
            });
            let skep = wanted.iter().any(|wanted| wanted.against != Against::Twin);
            (rounds + 1) * (1 + others.count() + usize::from(skep))
        })
        .sum()
}

fn pairs() -> impl Iterator<Item = (Load, Ip)> {
    Load::ALL.into_iter().flat_map(|load| Ip::ALL.map(|ip| (load, ip)))
}

fn wanted(rows: &[RowSpec], load: Load, ip: Ip) -> Vec<Wanted<'_>> {
    let kinds: [(Against, fn(&Metric, Ip) -> RowSpec); 3] = [
        (Against::Twin, Metric::noise),
        (Against::Veth, Metric::against_veth),
        (Against::Bridge, Metric::against_bridge),
    ];
    let metrics = load.values().iter().enumerate();
    metrics
        .flat_map(|(value, metric)| {
            kinds.iter().filter_map(move |(against, row)| {
                let name = row(metric, ip).name;
                let spec = rows.iter().find(|spec| spec.name == name)?;
                Some(Wanted { spec, value, against: *against })
            })
        })
        .collect()
}

/// Measures every chosen row about traffic.
///
/// # Errors
/// When the run is cancelled. A load that fails costs its rows, with a note, and not the run.
pub(super) fn measure_all(
    ground: &mut Ground,
    rows: &[RowSpec],
    schedule: Schedule,
    findings: &mut Findings<'_>,
) -> Result<(), BenchError> {
    for (load, ip) in pairs() {
        let wanted = wanted(rows, load, ip);
        if wanted.is_empty() {
            continue;
        }
        match measure_load(ground, (load, ip), &wanted, schedule, findings) {
            Err(BenchError::Cancelled) => return Err(BenchError::Cancelled),
            Err(error) => findings.note_error(&error),
            Ok(()) => {}
        }
    }
    Ok(())
}

fn measure_load(
    ground: &mut Ground,
    (load, ip): (Load, Ip),
    wanted: &[Wanted<'_>],
    schedule: Schedule,
    findings: &mut Findings<'_>,
) -> Result<(), BenchError> {
    let wants = |against| wanted.iter().any(|wanted| wanted.against == against);
    let mut subjects = vec![&mut ground.veth];
    let twin = enlist(&mut subjects, ground.twin.as_mut(), wants(Against::Twin));
    let bridge = enlist(&mut subjects, ground.bridge.as_mut(), wants(Against::Bridge));
    let compared = wants(Against::Veth) || wants(Against::Bridge);
    let skep = enlist(&mut subjects, ground.skep.as_mut(), compared);

    let series = measure(schedule, subjects.len(), |subject| {
        let topology = &mut *subjects[subject];
        let what = format!("{} {ip} over {}", load.values()[0].name, topology.name());
        findings.step(&what)?;
        topology.sample(load, ip, SAMPLE).map_err(|source| BenchError::Sample { what, source })
    })?;
    for wanted in wanted {
        let pair = match wanted.against {
            Against::Twin => twin.zip(Some(VETH)),
            Against::Veth => skep.zip(Some(VETH)),
            Against::Bridge => skep.zip(bridge),
        };
        if let Some(pair) = pair {
            findings.add(Row::compared(wanted.spec, &series, pair, wanted.value));
        }
    }
    Ok(())
}

/// Adds a topology to the subjects, if it is wanted and there; returns its place.
fn enlist<'a>(
    subjects: &mut Vec<&'a mut Topology>,
    topology: Option<&'a mut Topology>,
    wanted: bool,
) -> Option<usize> {
    subjects.push(topology.filter(|_| wanted)?);
    Some(subjects.len() - 1)
}

/// Makes the topologies that the rows need.
///
/// # Errors
/// When one cannot be made; a missing iptables costs its rows, with a note, and not the run.
pub(super) fn prepare(
    rows: &[RowSpec],
    program: &Path,
    findings: &mut Findings<'_>,
) -> Result<Ground, BenchError> {
    let needs = |groups: &[Group]| rows.iter().any(|row| groups.contains(&row.group));
    let failed = |name| move |source| BenchError::Topology { name, source };
    let mut ground = Ground {
        veth: topology::veth(VETH_NAME, program).map_err(failed(VETH_NAME))?,
        twin: None,
        bridge: None,
        skep: None,
    };
    if needs(&[Group::Noise]) {
        ground.twin = Some(topology::veth(TWIN_NAME, program).map_err(failed(TWIN_NAME))?);
    }
    if needs(&[Group::Bridge]) {
        match topology::bridge(BRIDGE_NAME, program) {
            Ok((bridge, variant)) => {
                findings.note(format!("the bridge's rules were loaded by {variant}"));
                ground.bridge = Some(bridge);
            }
            Err(source) => findings.note_error(&failed(BRIDGE_NAME)(source)),
        }
    }
    if needs(&[Group::Veth, Group::Bridge, Group::Program]) {
        let skep =
            topology::skep(SKEP_NAME, program, Watched::Counted).map_err(failed(SKEP_NAME))?;
        ground.skep = Some(skep);
    }
    Ok(ground)
}

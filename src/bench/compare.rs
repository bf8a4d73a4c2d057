//! Interleaved rounds over all networks.

use std::{collections::BTreeMap, time::Duration};

use super::{
    BenchError, Options, Progress,
    load::Load,
    report::Row,
    stats::{Goal, median, ratio},
    topology::{Bridge, Skep, Topology, Veth},
};
use crate::{kernel::AttachMode, model::Family};

/// A round is measured again when the limit itself was off its median by more.
const SWING: f64 = 0.05;
/// Networks by their place in a round; the second veth pair is there to be compared with the first.
const VETH: usize = 0;
const VETH_AGAIN: usize = 1;
const BRIDGE: usize = 2;
const SKEP: usize = 3;

/// What is compared with what.
struct Comparison {
    group: &'static str,
    of: usize,
    with: usize,
    goals: fn(Load) -> Goal,
}

const COMPARISONS: [Comparison; 3] = [
    Comparison { group: "veth", of: SKEP, with: VETH, goals: against_veth },
    Comparison { group: "bridge", of: SKEP, with: BRIDGE, goals: against_bridge },
    Comparison { group: "check", of: VETH_AGAIN, with: VETH, goals: |_| Goal::Equal(0.03) },
];

/// Nothing beats the bare veth; this is how close skep has to be.
fn against_veth(load: Load) -> Goal {
    match load {
        Load::Request => Goal::AtMost(1.20),
        Load::Connect => Goal::AtMost(1.25),
        Load::Stream => Goal::AtLeast(0.95),
        Load::Udp => Goal::AtMost(1.15),
    }
}

/// What users run today has to be clearly slower.
fn against_bridge(load: Load) -> Goal {
    match load {
        Load::Request | Load::Connect => Goal::AtMost(0.80),
        Load::Stream => Goal::AtLeast(1.0),
        Load::Udp => Goal::AtMost(0.63),
    }
}

type Sample = (Load, bool);
/// The figure of each network in one round.
type Round = [f64; 4];

/// Measures the chosen rows; returns them and how many rounds had to be repeated.
pub(super) fn run(
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<(Vec<Row>, usize), BenchError> {
    let samples = samples(options);
    if samples.is_empty() {
        return Ok((Vec::new(), 0));
    }
    progress("building the networks");
    let networks: [Box<dyn Topology>; 4] = [
        Box::new(Veth::new()?),
        Box::new(Veth::new()?),
        Box::new(Bridge::new()?),
        Box::new(Skep::new(AttachMode::Auto)?),
    ];
    let mut rounds: BTreeMap<Sample, Vec<Round>> = BTreeMap::new();
    for number in 0..options.rounds {
        progress(&format!("round {} of {}", number + 1, options.rounds));
        for sample in &samples {
            let round = measure(&networks, *sample, number, options.sample)?;
            rounds.entry(*sample).or_default().push(round);
        }
    }
    let mut repeated = 0;
    for (sample, measured) in &mut rounds {
        repeated += steady(measured, |number| {
            progress(&format!("repeating a round of {}", row_name(*sample)));
            measure(&networks, *sample, number, options.sample)
        })?;
    }
    Ok((rows(&rounds, options), repeated))
}

fn samples(options: &Options) -> Vec<Sample> {
    let all = Load::ALL.into_iter().flat_map(|load| [(load, false), (load, true)]);
    all.filter(|sample| {
        COMPARISONS.iter().any(|comparison| options.wants(&row_name(*sample), comparison.group))
    })
    .collect()
}

fn row_name((load, v6): Sample) -> String {
    format!("{}-{}", load.name(), if v6 { "v6" } else { "v4" })
}

/// Measures one load on every network. The order rotates, so that nobody always comes first.
fn measure(
    networks: &[Box<dyn Topology>; 4],
    (load, v6): Sample,
    number: usize,
    time: Duration,
) -> Result<Round, BenchError> {
    let family = if v6 { Family::V6 } else { Family::V4 };
    let mut round = [f64::NAN; 4];
    for turn in 0..networks.len() {
        let place = (turn + number) % networks.len();
        let network = &networks[place];
        network.forget()?;
        let traffic =
            |source| BenchError::Traffic { row: load.name(), topology: network.name(), source };
        // A short sample first: it resolves neighbours and warms caches.
        load.run(&network.path(family), time / 8).map_err(traffic)?;
        round[place] = load.run(&network.path(family), time).map_err(traffic)?;
    }
    Ok(round)
}

/// Measures rounds again in which the limit was far from its median, each at most once; returns how
/// many.
fn steady(
    rounds: &mut [Round],
    mut again: impl FnMut(usize) -> Result<Round, BenchError>,
) -> Result<usize, BenchError> {
    let limit = median(&rounds.iter().map(|round| round[VETH]).collect::<Vec<_>>());
    let mut repeated = 0;
    for (number, round) in rounds.iter_mut().enumerate() {
        if (round[VETH] / limit - 1.0).abs() > SWING {
            *round = again(number)?;
            repeated += 1;
        }
    }
    Ok(repeated)
}

fn rows(rounds: &BTreeMap<Sample, Vec<Round>>, options: &Options) -> Vec<Row> {
    let mut rows = Vec::new();
    for comparison in &COMPARISONS {
        for (sample, measured) in rounds {
            let name = row_name(*sample);
            if !options.wants(&name, comparison.group) {
                continue;
            }
            let pairs: Vec<_> = measured
                .iter()
                .map(|round| (round[comparison.of], round[comparison.with]))
                .collect();
            let (of, with): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
            rows.push(Row::compared(
                (name, comparison.group, sample.0.unit()),
                (median(&of), median(&with)),
                ratio(&pairs),
                (comparison.goals)(sample.0),
            ));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_in_which_the_limit_swung_are_measured_again_once() {
        let mut rounds = [[1.0; 4], [1.02; 4], [1.3; 4], [0.99; 4]];
        let mut asked = Vec::new();
        let repeated = steady(&mut rounds, |number| {
            asked.push(number);
            Ok([2.0; 4])
        });
        assert_eq!((repeated.unwrap(), asked, rounds[2]), (1, vec![2], [2.0; 4]));
    }
}

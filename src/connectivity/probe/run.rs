//! Runs probes, several at once.

use std::{
    net::IpAddr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    association, census, datagram, lasting, name,
    outcome::Outcome,
    spec::{Host, Probe, Protocol},
    stream,
};

/// Pause before a probe that must succeed sooner or later is repeated.
const PAUSE: Duration = Duration::from_millis(20);

/// Whether a probe may fail at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patience {
    /// The first outcome counts.
    #[default]
    None,
    /// It is repeated until the peer answers or the time is over.
    UntilAnswered,
}

/// A probe and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The probe, as text.
    pub probe: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Runs probes, `parallel` at once, each for `timeout` at most; the attempts are in their order.
pub fn run_all(
    probes: &[Probe],
    timeout: Duration,
    parallel: usize,
    patience: Patience,
) -> Vec<Attempt> {
    run_all_telling(probes, timeout, parallel, patience, |_, _| {})
}

/// Does the same, and tells who answers first in conversations that last.
pub fn run_all_telling(
    probes: &[Probe],
    timeout: Duration,
    parallel: usize,
    patience: Patience,
    tell: impl Fn(&Probe, &str) + Sync,
) -> Vec<Attempt> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(vec![None; probes.len()]);
    thread::scope(|scope| {
        for _ in 0..parallel.clamp(1, probes.len().max(1)) {
            scope.spawn(|| {
                while let Some((at, probe)) = take(probes, &next) {
                    let outcome = match &probe.until {
                        Some(server) => {
                            lasting::take(probe, server, timeout, &|name| tell(probe, name))
                        }
                        None => run(probe, timeout, patience),
                    };
                    outcomes.lock().expect("no panic while holding the lock")[at] = Some(outcome);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().expect("no panic while holding the lock");
    let attempts = probes.iter().zip(outcomes).map(|(probe, outcome)| Attempt {
        probe: probe.to_string(),
        outcome: outcome.expect("every probe was taken and run"),
    });
    attempts.collect()
}

fn take<'a>(probes: &'a [Probe], next: &AtomicUsize) -> Option<(usize, &'a Probe)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    probes.get(at).map(|probe| (at, probe))
}

fn run(probe: &Probe, timeout: Duration, patience: Patience) -> Outcome {
    let own = probe.within.map_or(Duration::MAX, |millis| Duration::from_millis(millis.into()));
    let deadline = Instant::now() + timeout.min(own);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let outcome = run_once(probe, left.max(Duration::from_millis(1)));
        let over = deadline <= Instant::now() + PAUSE;
        if patience == Patience::None || outcome.is_answer() || over {
            return outcome;
        }
        thread::sleep(PAUSE);
    }
}

fn run_once(probe: &Probe, timeout: Duration) -> Outcome {
    let deadline = Instant::now() + timeout;
    let address = match &probe.host {
        Host::Address(address) => *address,
        Host::Name(name) => match name::resolve(name, probe.family, timeout) {
            outcome if probe.protocol == Protocol::Dns => return outcome,
            Outcome::Resolved { addresses, .. } => addresses[0],
            outcome => return outcome,
        },
    };
    let left = deadline.saturating_duration_since(Instant::now());
    match probe.servers {
        None => ask(probe, address, left),
        Some(wanted) => census::take(wanted, deadline, |left| ask(probe, address, left)),
    }
}

fn ask(probe: &Probe, address: IpAddr, timeout: Duration) -> Outcome {
    match probe.protocol {
        Protocol::Tcp | Protocol::Http => stream::try_it(probe, address, timeout),
        Protocol::Udp | Protocol::Icmp => datagram::try_it(probe, address, timeout),
        Protocol::Sctp => association::try_it(probe, address, timeout),
        Protocol::Dns => named(address),
        Protocol::Source => datagram::source(address),
    }
}

/// An address stands for itself.
fn named(address: IpAddr) -> Outcome {
    Outcome::Resolved { micros: 0, addresses: vec![address] }
}

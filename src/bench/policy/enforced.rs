//! Edits of a policy as packets meet them: how long until they are judged by the new version, and whether any is ever
//! judged by neither version or by half of one.

use std::{
    io,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    measure::{EDITS_IN_A_ROW, PolicyBenchError, prepare},
    process::Scratch,
    workload::Workload,
};
use crate::{
    agent::PolicyRehearsal,
    bench::{
        catalogue::Ip,
        node::{Room, StandaloneNode, StandalonePod},
        packet::{SYN, tcp},
        programs::{DROPPED, REDIRECTED, end, from_pod},
    },
    kernel::{AttachMode, Datapath, KernelMaps},
    model::{Identity, Labels},
};

/// The prober's pace: ten thousand times a second.
const PACE: Duration = Duration::from_micros(100);
/// Probes after each edit, to see that its verdicts last.
const AFTERWARDS: u32 = 40;
/// How long an edit may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// A port that every version allows, and one that none does.
const ALWAYS: u16 = 80;
const NEVER: u16 = 81;
/// The port that version n allows is n above this.
const FIRST: u16 = 10_000;
/// Source ports: of connections that last, and the first and the number of those that are new each time.
const LASTING: u16 = 40_000;
const FRESH: (u16, u16) = (41_000, 20_000);
/// Room for all of these connections.
const CONNTRACK_ENTRIES: u32 = 1 << 19;
/// Room for policies, as agents have on machines of 32 GiB.
const POLICY_ENTRIES: u32 = 1 << 20;

/// What edits of a policy did to packets.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Enforcement {
    /// Milliseconds from each edit until the last packet was judged by it.
    pub edit: Vec<f64>,
    /// Verdicts of neither the old nor the new version, and returns to the old one.
    pub wrong: u64,
    /// Verdicts in all.
    pub verdicts: u64,
    /// Rounds of probes in a second.
    pub rate: f64,
}

/// Edits the policy of one pod so often, while packets probe it ten thousand times a second, on a node with 100 others
/// of a cluster with so many policies and identities. Takes root.
///
/// # Errors
/// When the kernel refuses the node, or a verdict does not come.
pub fn edit_under_probes(
    (policies, identities): (usize, usize),
    edits: u16,
) -> Result<Enforcement, PolicyBenchError> {
    let workload = Workload::new(policies, identities);
    let room = Room { conntrack: CONNTRACK_ENTRIES, policies: POLICY_ENTRIES, ..Room::default() };
    let mut node = StandaloneNode::with_room(AttachMode::Auto, room)?;
    let pods = [node.add_pod()?, node.add_pod()?];
    let dir = Scratch::new("packets")?;
    let engine = prepare(&workload, node.datapath().maps(), &dir, 2)?;
    for (pod, app) in pods.iter().zip(["client", "server"]) {
        engine.add_pod(pod.endpoint, &member(pod, app), (pod.device.ifindex, pod.addresses));
    }
    engine.list(&[workload.policies.as_slice(), &[version(0)]].concat())?;
    engine.sync();
    let probed = node.netns().run(|| {
        let [client, server] = &pods;
        let probe = Probe { datapath: node.datapath(), client, server };
        edit_and_probe(&engine, &probe, edits)
    });
    probed?.map_err(|source| PolicyBenchError::Io { act: "probe a policy", source })
}

/// A pod's identity, which no policy of the workload is about.
fn member(pod: &StandalonePod, app: &str) -> (Identity, Labels) {
    let labels = [
        ("k8s:app", app),
        ("k8s:io.kubernetes.pod.namespace", "probe"),
        ("k8s:io.cilium.k8s.policy.cluster", "default"),
    ];
    (pod.identity(), labels.into_iter().collect())
}

/// Version n of the server's policy: the client may reach two ports, one of which goes with the version.
fn version(n: u16) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "probed", "namespace": "probe" },
        "spec": {
            "podSelector": { "matchLabels": { "app": "server" } },
            "ingress": [{
                "from": [{ "podSelector": { "matchLabels": { "app": "client" } } }],
                "ports": [{ "port": ALWAYS }, { "port": FIRST + n }],
            }],
        },
    })
}

/// Edits from one thread, as an agent does, and probes from this one.
fn edit_and_probe(
    engine: &PolicyRehearsal<KernelMaps>,
    probe: &Probe<'_>,
    edits: u16,
) -> io::Result<Enforcement> {
    let (to_edit, asked) = mpsc::channel::<u16>();
    let (done, edited) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            for n in asked {
                let start = Instant::now();
                let result = engine.edit(&version(n)).map(|()| start);
                if done.send(result).is_err() {
                    return;
                }
                if usize::from(n).is_multiple_of(EDITS_IN_A_ROW) {
                    engine.prune();
                }
            }
        });
        let gone = || io::Error::other("the thread that edits has ended");
        let mut rounds = Rounds::begin(probe);
        let mut edit = Vec::new();
        for n in 1..=edits {
            let mut seen = Ip::ALL.map(|_| Seen::default());
            // Connections that the old version allows are there before the new one is.
            rounds.next(n, &mut seen)?;
            to_edit.send(n).map_err(|_| gone())?;
            let give_up = Instant::now() + PATIENCE;
            while !seen.iter().all(Seen::is_complete) {
                rounds.next(n, &mut seen)?;
                if Instant::now() > give_up {
                    return Err(io::Error::other(format!("version {n} is not in force")));
                }
            }
            let end = Instant::now();
            for _ in 0..AFTERWARDS {
                rounds.next(n, &mut seen)?;
            }
            let start = edited.recv().map_err(|_| gone())?.map_err(io::Error::other)?;
            edit.push((end - start).as_secs_f64() * 1000.0);
        }
        drop(to_edit);
        let Rounds { begin, count, wrong, .. } = rounds;
        let verdicts = u64::from(count) * VERDICTS;
        Ok(Enforcement {
            edit,
            wrong,
            verdicts,
            rate: f64::from(count) / begin.elapsed().as_secs_f64(),
        })
    })
}

/// Rounds of probes at an even pace.
struct Rounds<'a> {
    probe: &'a Probe<'a>,
    begin: Instant,
    count: u32,
    wrong: u64,
}

impl<'a> Rounds<'a> {
    fn begin(probe: &'a Probe<'a>) -> Self {
        Self { probe, begin: Instant::now(), count: 0, wrong: 0 }
    }

    /// Probes all ports of both families while version n comes into force, and waits for the time of the next round;
    /// sleeping is too coarse for that.
    fn next(&mut self, n: u16, seen: &mut [Seen; 2]) -> io::Result<()> {
        self.count += 1;
        for (ip, seen) in Ip::ALL.into_iter().zip(seen) {
            self.wrong += self.probe.round(ip, n, self.count, seen)?;
        }
        let next = self.begin + PACE * self.count;
        while Instant::now() < next {
            thread::yield_now();
        }
        Ok(())
    }
}

/// What the packets of a family have met.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// New connections are judged by the new version.
    is_new: bool,
    /// The connection that only the old version allows is cut. That comes last: revisions are raised when all tables are
    /// written.
    is_cut: bool,
}

impl Seen {
    fn is_complete(&self) -> bool {
        self.is_new && self.is_cut
    }

    /// Takes in what happened to a new connection to the new version's port, and after it to one to the old version's;
    /// tells whether that is wrong.
    fn take_new(&mut self, new_passes: bool, old_passes: bool) -> bool {
        let before = std::mem::replace(&mut self.is_new, !old_passes);
        match (before, new_passes, old_passes) {
            // The switch may be between the two packets.
            (false, _, false) | (false, false, true) | (true, true, false) => false,
            (false, true, true) | (true, ..) => true,
        }
    }

    /// The same for the connection that there was.
    fn take_lasting(&mut self, passes: bool) -> bool {
        let before = std::mem::replace(&mut self.is_cut, !passes);
        before && passes
    }
}

/// Verdicts of a round.
const VERDICTS: u64 = 12;

/// Who sends packets to whom.
struct Probe<'a> {
    datapath: &'a Datapath,
    client: &'a StandalonePod,
    server: &'a StandalonePod,
}

impl Probe<'_> {
    /// Probes all ports of a family once; returns the number of wrong verdicts.
    fn round(&self, ip: Ip, n: u16, round: u32, seen: &mut Seen) -> io::Result<u64> {
        let fresh = FRESH.0 + (round % u32::from(FRESH.1)) as u16;
        let new_passes = self.passes(ip, fresh, FIRST + n)?;
        let old_passes = self.passes(ip, fresh, FIRST + n - 1)?;
        let wrong = [
            seen.take_new(new_passes, old_passes),
            seen.take_lasting(self.passes(ip, LASTING, FIRST + n - 1)?),
            !self.passes(ip, LASTING, ALWAYS)?,
            !self.passes(ip, fresh, ALWAYS)?,
            self.passes(ip, fresh, NEVER)?,
        ];
        Ok(wrong.into_iter().filter(|wrong| *wrong).count() as u64)
    }

    /// Tells whether a packet from the client goes to the server.
    fn passes(&self, ip: Ip, from: u16, to: u16) -> io::Result<bool> {
        let next_hop = self.client.device.host_mac;
        let (from, to) = (end(self.client, ip, from), end(self.server, ip, to));
        let data = tcp(from, next_hop, to, SYN, &[]);
        match from_pod(self.datapath, self.client, data, 1)?.verdict {
            REDIRECTED => Ok(true),
            DROPPED => Ok(false),
            other => Err(io::Error::other(format!("the program returned {other}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn only_a_clean_switch_from_the_old_version_to_the_new_one_is_right() {
        // What new connections to the new and to the old version's port met, in turn.
        for (rounds, wrong) in [
            (vec![(false, true), (true, false), (true, false)], 0),
            (vec![(false, true), (false, false), (true, false)], 0),
            (vec![(false, true), (true, true)], 1),
            (vec![(true, false), (false, true)], 1),
            (vec![(true, false), (false, false)], 1),
        ] {
            let mut seen = Seen::default();
            let found = rounds.iter().filter(|(new, old)| seen.take_new(*new, *old)).count();
            assert_eq!(found, wrong, "{rounds:?}");
        }
        let mut seen = Seen::default();
        let found = [true, false, true, true].map(|passes| seen.take_lasting(passes));
        assert_eq!(found, [false, false, true, false]);
    }
}

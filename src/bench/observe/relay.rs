//! A relay over many nodes: what it takes, and whether flows come in order.
//!
//! The nodes are servers in this process, each with the store of an agent; the relay is a process of its own, so
//! that what it takes is told apart.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use nix::{
    time::ClockId,
    unistd::{SysconfVar, sysconf},
};
use tokio::{runtime::Builder, sync::watch, time::interval};
use tokio_util::sync::CancellationToken;

use crate::{
    api::hubble::{AgentEvents, Door, Node, Peer, Peers, Server, serve},
    bench::{
        catalogue::{Group, RowSpec},
        error::BenchError,
        flows::{self, Owners},
        goal::Goal,
        report::Row,
        run::{Findings, Options},
    },
    events::Event,
    flows::{Observer, Request, Settings, Window},
    hubble::observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
};

const CPU: &str = "relay-cpu";
const MEMORY: &str = "relay-memory";
const DISORDER: &str = "relay-disorder";
const LOSS: &str = "relay-loss";

const NODES: usize = 100;
/// A thousand flows a second of each node.
const BURST: u32 = 10;
const TURN: Duration = Duration::from_millis(10);
/// How long is measured, after a time in which everybody connects.
const SAMPLE: Duration = Duration::from_secs(5);
const SAMPLES: usize = 3;
const SETTLE: Duration = Duration::from_secs(3);

/// Returns the rows.
pub(super) fn rows() -> Vec<RowSpec> {
    let row = |name, unit, limit, what: &str| {
        let about = format!("{what}, of 100 nodes with 1,000 flows a second each, one follower");
        RowSpec::new(name, Group::Relay, unit, Goal::AtMost(limit), &about)
    };
    vec![
        row(CPU, "cores", 1.0, "processor time of a relay"),
        row(MEMORY, "MiB", 190.7, "memory of a relay"),
        row(DISORDER, "%", 0.0, "flows older than one before"),
        row(LOSS, "%", 0.0, "flows that do not come"),
    ]
}

/// Measures the chosen rows.
///
/// # Errors
/// When the relay cannot be started or asked, or the run is cancelled.
pub(super) fn measure(options: &Options, findings: &mut Findings<'_>) -> Result<(), BenchError> {
    let names = [CPU, MEMORY, DISORDER, LOSS];
    if !options.rows.iter().any(|row| names.contains(&row.name.as_str())) {
        return Ok(());
    }
    findings.step("a relay over 100 nodes")?;
    let failed = |source| BenchError::Command { command: "skep relay".to_owned(), source };
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(failed)?;
    let samples = runtime.block_on(compare(&options.program)).map_err(failed)?;
    for (at, name) in names.iter().enumerate() {
        let values: Vec<f64> = samples.iter().map(|sample| sample[at]).collect();
        if let Some(spec) = options.rows.iter().find(|row| row.name == *name) {
            findings.add(Row::absolute(spec, &values));
        }
    }
    Ok(())
}

/// Returns what each sample measured, in the order of the rows.
async fn compare(program: &Path) -> io::Result<Vec<[f64; 4]>> {
    let dir = Dir::new()?;
    let cancel = CancellationToken::new();
    let _end = cancel.clone().drop_guard();
    // As long as somebody could tell of new peers, the relay listens.
    let (observers, _peers) = start(&dir.0, &cancel).await?;
    let relay = Relay::start(program, &socket(&dir.0, 0))?;
    let request = Request { follow: true, window: Some(Window::Last(0)), ..Request::default() };
    let server = Server::parse(&relay.address, None).map_err(io::Error::other)?;
    let mut flows = server.flows(&request).await.map_err(io::Error::other)?;
    tokio::spawn(cancel.clone().run_until_cancelled_owned(push(observers)));
    let mut samples = Vec::new();
    let mut tally = Tally::default();
    let (mut before, mut since): (Option<Duration>, _) = (None, Instant::now());
    let mut length = SETTLE;
    loop {
        let Some(message) = flows.next().await.map_err(io::Error::other)? else {
            return Err(io::Error::other("the relay ended the stream"));
        };
        tally.take(&message);
        let passed = since.elapsed();
        if passed < length {
            continue;
        }
        let now = relay.used()?;
        if let Some(earlier) = before {
            let sent = NODES as f64 * f64::from(BURST) * passed.as_secs_f64() / TURN.as_secs_f64();
            let percent = |part: u64| 100.0 * part as f64 / sent;
            let cores = (now - earlier).as_secs_f64() / passed.as_secs_f64();
            samples.push([cores, relay.memory()?, percent(tally.older), percent(tally.lost)]);
        }
        if samples.len() == SAMPLES {
            return Ok(samples);
        }
        (before, since, length) = (Some(now), Instant::now(), SAMPLE);
        tally = Tally { newest: tally.newest, ..Tally::default() };
    }
}

/// What a follower sees.
#[derive(Default)]
struct Tally {
    newest: Option<Timestamp>,
    older: u64,
    lost: u64,
}

impl Tally {
    fn take(&mut self, message: &GetFlowsResponse) {
        if let Some(ResponseTypes::LostEvents(lost)) = &message.response_types {
            self.lost += lost.num_events_lost;
        }
        if message.flow().is_none() {
            return;
        }
        let time = message.moment();
        self.older += u64::from(self.newest.is_some_and(|newest| time < newest));
        self.newest = self.newest.max(Some(time));
    }
}

/// Has all nodes see flows of this moment, for ever.
async fn push(observers: Vec<Arc<Observer>>) {
    let records = flows::records();
    let mut next = records.iter().cycle();
    let mut turns = interval(TURN);
    loop {
        turns.tick().await;
        for observer in &observers {
            let now = ClockId::CLOCK_MONOTONIC.now().map(Duration::from).unwrap_or_default();
            let events = next
                .by_ref()
                .take(BURST as usize)
                .filter_map(|record| Some(Event { time: now, ..Event::decode(record).ok()? }));
            observer.push(events);
        }
    }
}

/// Starts the nodes; the first one tells of all.
async fn start(
    dir: &Path,
    cancel: &CancellationToken,
) -> io::Result<(Vec<Arc<Observer>>, watch::Sender<Peers>)> {
    let peer = |at| {
        let address = format!("unix://{}", socket(dir, at).display());
        (format!("n{at}"), Peer { address, tls: None })
    };
    let peers: Peers = Arc::new((0..NODES).map(peer).collect::<BTreeMap<_, _>>());
    let (teller, told) = watch::channel(peers);
    let owners = Arc::new(Owners::new());
    let mut observers = Vec::new();
    for at in 0..NODES {
        let settings = Settings::new("default", format!("n{at}"));
        let observer = Observer::new(settings, Arc::clone(&owners) as _);
        let node = Node {
            observer: Arc::clone(&observer),
            events: Arc::new(AgentEvents::started(Timestamp::now())),
            peers: told.clone(),
            address: format!("n{at}"),
        };
        let (door, stop) = (Door::Unix(socket(dir, at)), cancel.clone());
        tokio::spawn(async move { serve(&door, node, stop).await });
        observers.push(observer);
    }
    while !socket(dir, NODES - 1).exists() || !socket(dir, 0).exists() {
        tokio::time::sleep(TURN).await;
    }
    Ok((observers, teller))
}

fn socket(dir: &Path, node: usize) -> PathBuf {
    dir.join(format!("n{node}.sock"))
}

/// A relay that runs until dropped.
struct Relay {
    child: Child,
    address: String,
}

impl Relay {
    fn start(program: &Path, peer: &Path) -> io::Result<Self> {
        let mut child = Command::new(program)
            .args(["relay", "--listen", "127.0.0.1:0", "--peer"])
            .arg(format!("unix:{}", peer.display()))
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        Ok(Self { child, address })
    }

    /// Returns how much processor time it has used.
    fn used(&self) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // After the name, which may have blanks (proc(5)).
        let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let ticks: u64 =
            fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        let a_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
        Ok(Duration::from_secs_f64(ticks as f64 / a_second as f64))
    }

    /// Returns its memory in MiB.
    fn memory(&self) -> io::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        kib.map(|kib| kib / 1024.0).ok_or_else(|| io::Error::other("it has no memory"))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A directory that goes when dropped.
struct Dir(PathBuf);

impl Dir {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("skep-bench-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

//! Measuring the policy engine, in a process of its own so that memory is its own, too.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    enforced::{Enforcement, edit_under_probes},
    process::{Scratch, reset_peak, status},
    workload::Workload,
};
use crate::{
    agent::{PolicyRehearsal, RehearsalError},
    bench::NodeError,
    kernel::NetNsError,
    maps::{MapStore, MemoryStore},
    model::Identity,
    policy::{
        Input,
        cluster::{Actor, Role},
        judge::{Mode, Packet},
        lint::{Corpus, Selection, Whole, lint},
        matrix::{self, Matrix},
        parse::Settings,
        rule::Protocol,
        text::{self, Document},
    },
};

/// Policies and identities of the cluster.
const POLICIES: usize = 1000;
const IDENTITIES: usize = 10_000;
/// Pods of the node; each has rules of its own.
const ENDPOINTS: usize = 100;
/// How often to compile, lint, and make the matrix.
const REPEATS: usize = 5;
/// New identities.
const NEWCOMERS: usize = 200;
/// Edits of policies.
const EDITS: u16 = 400;
/// Edits after which what they replaced is forgotten.
pub(super) const EDITS_IN_A_ROW: usize = 50;
/// Policies to lint.
const LINTED: usize = 5000;
/// Pods and policies of the matrix.
const MATRIX: (usize, usize) = (200, 100);
const MATRIX_PORTS: [u16; 8] = [22, 53, 80, 443, 5432, 8080, 9000, 9090];

/// What was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PolicyTimes {
    /// Seconds of each compilation of the policies of all endpoints.
    pub compile: Vec<f64>,
    /// Memory that the first engine took at its height, in MiB.
    pub memory: f64,
    /// Map entries, in percent of the product of identities and ports.
    pub entries: f64,
    /// Milliseconds of each new identity.
    pub identity: Vec<f64>,
    /// Milliseconds of each edit of a policy of one endpoint.
    pub edit: Vec<f64>,
    /// What edits did to packets.
    pub enforcement: Enforcement,
    /// Seconds of each lint.
    pub lint: Vec<f64>,
    /// Seconds of each matrix.
    pub matrix: Vec<f64>,
}

/// Something that was made up was refused.
#[derive(Debug, thiserror::Error)]
pub enum PolicyBenchError {
    /// By the engine.
    #[error(transparent)]
    Rehearsal(#[from] RehearsalError),
    /// A node for packets could not be made.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// Its namespace could not be entered.
    #[error(transparent)]
    NetNs(#[from] NetNsError),
    /// By the system.
    #[error("cannot {act}")]
    Io {
        /// What was tried.
        act: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Measures everything about policies.
///
/// # Errors
/// When the system refuses.
pub fn measure_policy() -> Result<PolicyTimes, PolicyBenchError> {
    let workload = Workload::new(POLICIES, IDENTITIES);
    let dir = Scratch::new("engine")?;
    let mut compile = Vec::new();
    let mut memory = None;
    let engine = loop {
        let before = reset_peak()?;
        let engine = prepare(&workload, Arc::new(MemoryStore::default()), &dir, 0)?;
        let took = timed(|| engine.sync());
        compile.push(took.as_secs_f64());
        memory.get_or_insert(status("VmHWM:")? - before);
        if compile.len() == REPEATS {
            break engine;
        }
    };
    let extent = engine.extent();
    Ok(PolicyTimes {
        compile,
        memory: memory.unwrap_or_default(),
        entries: 100.0 * extent.entries as f64 / extent.product as f64,
        identity: newcomers(&engine, &workload),
        edit: edits(&engine, &workload)?,
        enforcement: edit_under_probes((POLICIES, IDENTITIES), EDITS)?,
        lint: lints(),
        matrix: matrices(),
    })
}

/// Starts an engine with what is in the cluster, for a node whose endpoints have numbers above this one.
pub(super) fn prepare<M: MapStore>(
    workload: &Workload,
    store: Arc<M>,
    dir: &Scratch,
    above: u16,
) -> Result<PolicyRehearsal<M>, PolicyBenchError> {
    let engine = PolicyRehearsal::open(store, &dir.0)?;
    engine.add_identities(&workload.identities);
    engine.list(&workload.policies)?;
    // Identities go by application first, then by namespace: every fifth is one of two of a namespace.
    let pods = workload.identities.iter().step_by(5).take(ENDPOINTS);
    for (number, (identity, labels)) in (above + 1..).zip(pods) {
        engine.add_endpoint(number, *identity, labels);
    }
    Ok(engine)
}

fn newcomers(engine: &PolicyRehearsal<MemoryStore>, workload: &Workload) -> Vec<f64> {
    let times = (0..NEWCOMERS).map(|n| {
        let newcomer = [workload.newcomer(n)];
        milliseconds(timed(|| engine.add_identities(&newcomer)))
    });
    times.collect()
}

/// Edits the policies of one application each: the other endpoints keep theirs.
fn edits(
    engine: &PolicyRehearsal<MemoryStore>,
    workload: &Workload,
) -> Result<Vec<f64>, PolicyBenchError> {
    let is_edited = |object: &&Value| object["metadata"]["name"] == "clients-of-0";
    let edited: Vec<&Value> = workload.policies.iter().filter(is_edited).collect();
    let mut times = Vec::new();
    for (n, object) in edited.iter().cycle().take(EDITS.into()).enumerate() {
        let mut object = (*object).clone();
        object["spec"]["ingress"][0]["ports"][0]["port"] = (10_000 + n).into();
        let start = Instant::now();
        engine.edit(&object)?;
        times.push(milliseconds(start.elapsed()));
        if n % EDITS_IN_A_ROW == 0 {
            engine.prune();
        }
    }
    Ok(times)
}

/// Lints files of policies, from the text to the findings.
fn lints() -> Vec<f64> {
    let policies = Workload::new(LINTED, 0).policies;
    let yaml = policies.iter().map(|policy| serde_yaml::to_string(policy).expect("objects are"));
    let file = yaml.collect::<Vec<_>>().join("---\n");
    let times = (0..REPEATS).map(|_| {
        timed(|| {
            let mut corpus = Corpus::new(Settings::default(), Whole::Part);
            let documents = text::parse("policies.yaml", &file).expect("it is YAML");
            documents.into_iter().for_each(|document| corpus.add(document));
            std::hint::black_box(lint(&corpus, &Selection::default()));
        })
        .as_secs_f64()
    });
    times.collect()
}

/// Makes matrices, from the rules to their text.
fn matrices() -> Vec<f64> {
    let (pods, policies) = MATRIX;
    let workload = Workload::new(policies, pods);
    let mut input = Input::new(Settings::default());
    for policy in &workload.policies {
        let text = |field: &str| policy[field].as_str().expect("objects have both");
        let document = Document::of_item(text("apiVersion"), text("kind"), policy.clone());
        input.add(&document).expect("names are unique");
    }
    let actors: Vec<Actor> = workload
        .identities
        .iter()
        .map(|(Identity(number), labels)| Actor::new(number.to_string(), Role::Pod, labels.clone()))
        .collect();
    let packets = MATRIX_PORTS.map(|port| Packet { protocol: Protocol::Tcp, port });
    let times = (0..REPEATS).map(|_| {
        timed(|| {
            let grounds = input.grounds();
            let matrix = Matrix::new(grounds.judge(Mode::Default), &actors);
            std::hint::black_box(matrix::csv(&matrix, &packets));
        })
        .as_secs_f64()
    });
    times.collect()
}

fn timed(act: impl FnOnce()) -> Duration {
    let start = Instant::now();
    act();
    start.elapsed()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

//! Filling a lab with objects, and waiting for them.

use std::{path::Path, process::Child, time::Duration};

use kube::Client;
use tokio::time::{Instant, sleep};

use super::{
    UpOptions,
    construct::{ended, log_tail},
    error::UpError,
};
use crate::lab::{
    apply, client,
    manifest::{self, Values},
    readiness::{self, Readiness},
    serve,
    state::{LabDir, LabRecord, is_full},
};

/// How long the lab's process may take until its API can be used.
const API_WITHIN: Duration = Duration::from_secs(30);
/// How often files and objects are looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What has become of the objects.
pub(super) struct Populated {
    pub(super) readiness: Readiness,
    pub(super) notes: Vec<String>,
}

/// Waits for the API, creates the objects and waits for them.
pub(super) async fn populate(
    dir: &LabDir,
    options: &UpOptions,
    record: &LabRecord,
    server: Option<Child>,
    tell: &impl Fn(&str),
) -> Result<Populated, UpError> {
    if let Some(server) = server {
        tell("starting the API server");
        await_api(dir, server).await?;
    }
    let client = client::connect(&dir.kubeconfig()).await?;
    let deadline = options.wait.map(|wait| Instant::now() + wait);
    if deadline.is_some() {
        tell("waiting for nodes");
        // Pods made before are all put on the first node that is ready.
        await_ready(&client, record, deadline).await?;
    }
    let mut notes = create_objects(&client, options, tell).await?;
    if !Path::new("/etc/resolv.conf").exists() {
        notes.push("this machine has no /etc/resolv.conf (an empty one would do), so pods resolve no names".to_owned());
    }
    if deadline.is_some() {
        tell("waiting for pods");
    }
    let readiness = await_ready(&client, record, deadline).await?;
    if !readiness.is_ready() && is_full(dir.path()) {
        notes.push(format!("no room is left below {}", dir.path().display()));
    }
    Ok(Populated { readiness, notes })
}

/// Creates the user's objects; returns what the user should know about them.
async fn create_objects(
    client: &Client,
    options: &UpOptions,
    tell: &impl Fn(&str),
) -> Result<Vec<String>, UpError> {
    let skeleton = manifest::skeleton(options.from.clone(), Values::Kept);
    let mut notes = skeleton.notes;
    let manifests = [skeleton.manifests, options.manifests.clone()].concat();
    if manifests.is_empty() {
        return Ok(notes);
    }
    tell(&format!("creating {} objects", manifests.len()));
    notes.extend(apply::apply(client, &manifests).await?);
    let limits = manifest::not_simulated(&manifests);
    notes.extend(limits.into_iter().map(|limit| format!("not simulated: {limit}")));
    Ok(notes)
}

/// Waits until everything is ready or the time has come; returns what was last found.
async fn await_ready(
    client: &Client,
    record: &LabRecord,
    deadline: Option<Instant>,
) -> Result<Readiness, UpError> {
    loop {
        let found = readiness::read(client, record.spec.nodes)
            .await
            .map_err(|error| UpError::Read(Box::new(error)))?;
        if found.is_ready() || deadline.is_none_or(|deadline| Instant::now() > deadline) {
            return Ok(found);
        }
        sleep(LOOK * 2).await;
    }
}

/// Waits until the lab's process says that its API can be used.
async fn await_api(dir: &LabDir, mut server: Child) -> Result<(), UpError> {
    let ready = serve::ready_file(dir);
    let deadline = Instant::now() + API_WITHIN;
    while !ready.exists() {
        if !matches!(server.try_wait(), Ok(None)) {
            return Err(ended(dir, UpError::Ended { log: log_tail(dir, "lab") }));
        }
        if Instant::now() > deadline {
            return Err(ended(dir, UpError::Silent { log: log_tail(dir, "lab") }));
        }
        sleep(LOOK).await;
    }
    Ok(())
}

//! What a container wants done right after its start and before its end.
//!
//! Commands run only in containers that run a command of the machine: for a stand-in, a command of
//! its image would be another one, or none at all.

use std::{io, net::SocketAddr, process::Stdio, time::Duration};

use k8s_openapi::api::core::v1::LifecycleHandler;
use tokio::{
    process::Command,
    time::{sleep, timeout},
};

use super::{
    container::Runner,
    environment,
    probe::{self, HttpCall},
    program::{Program, named_port},
};
use crate::lab::host::launch::Entry;

/// How long the hook after the start may take.
const START_WITHIN: Duration = Duration::from_secs(120);

/// Does what is to be done after the start; the error is what an event says.
pub(super) async fn post_start(runner: &Runner) -> Result<(), String> {
    let lifecycle = runner.container.lifecycle.as_ref();
    match lifecycle.and_then(|lifecycle| lifecycle.post_start.as_ref()) {
        Some(handler) => {
            let done = timeout(START_WITHIN, handle(runner, handler)).await;
            done.unwrap_or_else(|_| Err("timed out".to_owned()))
                .map_err(|reason| format!("PostStartHook failed: {reason}"))
        }
        None => Ok(()),
    }
}

/// Does what is to be done before the end, for as long as that may take.
pub(super) async fn pre_stop(runner: &Runner, grace: Duration) -> Result<(), String> {
    let lifecycle = runner.container.lifecycle.as_ref();
    match lifecycle.and_then(|lifecycle| lifecycle.pre_stop.as_ref()) {
        Some(handler) => {
            let done = timeout(grace, handle(runner, handler)).await;
            done.unwrap_or_else(|_| Err("the grace period is over".to_owned()))
                .map_err(|reason| format!("PreStopHook failed: {reason}"))
        }
        None => Ok(()),
    }
}

async fn handle(runner: &Runner, handler: &LifecycleHandler) -> Result<(), String> {
    if let Some(pause) = &handler.sleep {
        sleep(Duration::from_secs(u64::try_from(pause.seconds).unwrap_or(0))).await;
        return Ok(());
    }
    if let Some(exec) = &handler.exec {
        if matches!(runner.program, Program::StandIn(_)) {
            return Ok(());
        }
        let command = exec.command.iter().flatten().map(Into::into).collect();
        return run(runner, command).await.map_err(|error| error.to_string());
    }
    let Some(http) = &handler.http_get else { return Ok(()) };
    let address = http.host.as_ref().and_then(|host| host.parse().ok());
    let address = address.or_else(|| runner.sandbox.addresses.first().copied());
    let port = named_port(&http.port, &runner.container);
    let (Some(address), Some(port)) = (address, port) else {
        return Err("no address to ask".to_owned());
    };
    let call = HttpCall::new(SocketAddr::new(address, port), http);
    probe::call(runner.host.place(), call, Duration::from_secs(30)).await
}

async fn run(runner: &Runner, command: Vec<std::ffi::OsString>) -> io::Result<()> {
    let aside = runner.aside();
    aside.create().map_err(io::Error::other)?;
    let entry = Entry {
        cgroup: Some(aside.path().to_owned()),
        places: runner.sandbox.places.clone(),
        session: true,
        terminal: false,
        command,
    };
    let variables =
        environment::variables(&runner.host, &runner.pod, &runner.container, &runner.sandbox)
            .map_err(io::Error::other)?;
    let mut command = Command::from(entry.to_command());
    command.env_clear().envs(variables).current_dir("/").kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().await?;
    if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
}

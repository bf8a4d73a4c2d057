//! Commands in pods, over the API server's WebSocket.

use futures::{FutureExt, future};
use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::Status};
use kube::{
    Api, Client,
    api::{AttachParams, AttachedProcess},
};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What a command in a pod printed, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Exit code.
    pub code: i32,
}

/// A command could not be run in a pod.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The API server refused, or the connection broke.
    #[error("cannot run a command in pod {namespace}/{pod}")]
    Connect {
        /// Namespace.
        namespace: String,
        /// Name.
        pod: String,
        /// What kube said.
        #[source]
        source: Box<kube::Error>,
    },
    /// The command did not start, or its end was not reported.
    #[error("the command in pod {namespace}/{pod} did not run: {reason}")]
    NotRun {
        /// Namespace.
        namespace: String,
        /// Name.
        pod: String,
        /// What the API server said.
        reason: String,
    },
}

/// Runs `command` in a container of a pod (the first one when `None`) and waits for its end.
///
/// # Errors
/// When the command cannot be started or its exit code is not reported; a non-zero exit code is
/// not an error.
pub async fn exec(
    client: &Client,
    namespace: &str,
    pod: &str,
    container: Option<&str>,
    command: &[String],
) -> Result<Output, ExecError> {
    exec_heard(client, (namespace, pod, container), command, |_| {}).await
}

/// Does the same, and lets `hear` have what is written to standard error as it comes: all of it so far.
///
/// # Errors
/// As [`exec`].
pub async fn exec_heard(
    client: &Client,
    (namespace, pod, container): (&str, &str, Option<&str>),
    command: &[String],
    hear: impl FnMut(&[u8]),
) -> Result<Output, ExecError> {
    let params =
        AttachParams { container: container.map(str::to_owned), ..AttachParams::default() };
    let mut process = Api::<Pod>::namespaced(client.clone(), namespace)
        .exec(pod, command, &params)
        .await
        .map_err(|source| ExecError::Connect {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            source: Box::new(source),
        })?;
    let (stdout, stderr) =
        future::join(drain(process.stdout()), listen(process.stderr(), hear)).await;
    let code = exit_code(&mut process).await.map_err(|reason| ExecError::NotRun {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        reason,
    })?;
    Ok(Output { stdout, stderr, code })
}

/// Reads a stream to its end; a broken stream ends it, the missing status tells.
async fn drain(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        let _ = stream.read_to_end(&mut bytes).map(Result::ok).await;
    }
    bytes
}

/// The same, as it comes.
async fn listen(stream: Option<impl AsyncRead + Unpin>, mut hear: impl FnMut(&[u8])) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        while let Ok(1..) = stream.read_buf(&mut bytes).await {
            hear(&bytes);
        }
    }
    bytes
}

/// Returns the exit code that the final status names.
async fn exit_code(process: &mut AttachedProcess) -> Result<i32, String> {
    let status = match process.take_status() {
        Some(status) => status.await,
        None => None,
    };
    status.map_or_else(|| Err("no status was received".to_owned()), |status| code_of(&status))
}

/// Success is 0; `NonZeroExitCode` carries the code as a cause (`remotecommand` in Kubernetes).
fn code_of(status: &Status) -> Result<i32, String> {
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    status
        .details
        .iter()
        .flat_map(|details| details.causes.iter().flatten())
        .find(|cause| cause.reason.as_deref() == Some("ExitCode"))
        .and_then(|cause| cause.message.as_deref()?.parse().ok())
        .ok_or_else(|| status.message.clone().unwrap_or_else(|| "no reason was given".to_owned()))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{StatusCause, StatusDetails};

    use super::*;

    #[test]
    fn the_status_names_the_exit_code() {
        let status = |status: &str, code: Option<&str>| Status {
            status: Some(status.to_owned()),
            message: Some("because".to_owned()),
            details: code.map(|code| StatusDetails {
                causes: Some(vec![StatusCause {
                    reason: Some("ExitCode".to_owned()),
                    message: Some(code.to_owned()),
                    field: None,
                }]),
                ..StatusDetails::default()
            }),
            ..Status::default()
        };
        assert_eq!(code_of(&status("Success", None)), Ok(0));
        assert_eq!(code_of(&status("Failure", Some("7"))), Ok(7));
        assert_eq!(code_of(&status("Failure", None)), Err("because".to_owned()));
    }
}

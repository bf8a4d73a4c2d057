//! skep, run in an agent's pod.

use std::time::Duration;

use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::Status};
use kube::{
    Api,
    api::{AttachParams, AttachedProcess},
};
use tokio::{
    io::{
        AsyncBufRead, AsyncBufReadExt, AsyncReadExt, BufReader, DuplexStream, Lines as TokioLines,
        copy_bidirectional, duplex, join,
    },
    time::timeout,
};

use super::{Cluster, ClusterError};
use crate::{
    api::{List, Listed},
    cli::exit,
    kubernetes,
};

/// How long an agent may take to answer a question.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes on their way in one direction of a tunnel.
const TUNNEL_BUFFER: usize = 64 << 10;

impl Cluster {
    /// Asks the agent in a pod for a list.
    ///
    /// # Errors
    /// When it cannot be asked or its answer makes no sense; the text says why.
    pub(crate) async fn list<T: Listed>(
        &self,
        pod: &str,
        command: &[&str],
    ) -> Result<List<T>, String> {
        let command = local(command, &["--output", "json"]);
        let answer = kubernetes::exec(&self.client, &self.namespace, pod, None, &command);
        let output = timeout(ANSWER_TIMEOUT, answer)
            .await
            .map_err(|_| format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()))?
            .map_err(|error| kubernetes::chain(&error))?;
        // A `no`, as of an agent that is not well, is an answer too.
        if [exit::OK, exit::NO].map(i32::from).contains(&output.code) && !output.stdout.is_empty() {
            return serde_json::from_slice(&output.stdout)
                .map_err(|error| format!("its answer makes no sense: {error}"));
        }
        Err(reason(&output.stderr, output.code))
    }

    /// Starts a stream in an agent's pod.
    ///
    /// # Errors
    /// When the command cannot be run.
    pub(crate) async fn stream(
        &self,
        node: &str,
        pod: &str,
        command: &[&str],
        flags: &[String],
    ) -> Result<Lines, ClusterError> {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut process =
            pods.exec(pod, local(command, &flags), &AttachParams::default()).await.map_err(
                |source| ClusterError::Exec { pod: pod.to_owned(), source: Box::new(source) },
            )?;
        let stdout = process.stdout().expect("stdout is attached by default");
        let reader: Box<dyn AsyncBufRead + Send + Unpin> = Box::new(BufReader::new(stdout));
        Ok(Lines { node: node.to_owned(), lines: reader.lines(), process })
    }
}

impl Cluster {
    /// Connects to the Hubble API of the agent in a pod.
    ///
    /// # Errors
    /// When the command at the other end cannot be run.
    pub(crate) async fn tunnel(&self, pod: &str) -> Result<DuplexStream, ClusterError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let params = AttachParams::default()
            .stdin(true)
            .stderr(false)
            .max_stdin_buf_size(TUNNEL_BUFFER)
            .max_stdout_buf_size(TUNNEL_BUFFER);
        let command = ["skep", "relay", "tunnel", "--quiet"];
        let mut process = pods.exec(pod, command, &params).await.map_err(|source| {
            ClusterError::Exec { pod: pod.to_owned(), source: Box::new(source) }
        })?;
        let stdout = process.stdout().expect("stdout is attached by default");
        let stdin = process.stdin().expect("stdin is attached");
        let (near, mut far) = duplex(TUNNEL_BUFFER);
        tokio::spawn(async move {
            let mut agent = join(stdout, stdin);
            // However it ends, the near end sees it.
            let _ = copy_bidirectional(&mut far, &mut agent).await;
            process.abort();
        });
        Ok(near)
    }
}

/// The lines that a command in a pod prints.
pub(crate) struct Lines {
    node: String,
    lines: TokioLines<Box<dyn AsyncBufRead + Send + Unpin>>,
    process: AttachedProcess,
}

impl Lines {
    /// Returns the node of the pod.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    /// Returns the next line; `None` when the command ended well. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    /// When the command fails or the connection breaks.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, ClusterError> {
        let failed = |reason| ClusterError::Failed { node: self.node.clone(), reason };
        match self.lines.next_line().await {
            Ok(Some(line)) => return Ok(Some(line)),
            Ok(None) => {}
            Err(error) => return Err(failed(error.to_string())),
        }
        let mut stderr = Vec::new();
        if let Some(mut stream) = self.process.stderr() {
            // What cannot be read any more is not worth more than the status below.
            let _ = stream.read_to_end(&mut stderr).await;
        }
        let status: Option<Status> = match self.process.take_status() {
            Some(status) => status.await,
            None => None,
        };
        match status {
            Some(status) if status.status.as_deref() == Some("Success") => Ok(None),
            Some(_) => Err(failed(reason(&stderr, i32::from(exit::NO)))),
            None => Err(failed("the connection broke".to_owned())),
        }
    }
}

/// Returns the command line that asks the agent of its own node.
fn local(command: &[&str], flags: &[&str]) -> Vec<String> {
    let words = ["skep"].iter().chain(command).chain(&["--quiet", "--local"]).chain(flags);
    words.map(|word| (*word).to_owned()).collect()
}

/// Returns what skep's own error message says, or the code when there is none.
fn reason(stderr: &[u8], code: i32) -> String {
    let text = String::from_utf8_lossy(stderr);
    let mut causes = text.lines().filter_map(|line| {
        line.strip_prefix("error: ").or_else(|| line.strip_prefix("caused by: "))
    });
    match (causes.next(), causes.next()) {
        (Some(error), Some(cause)) => format!("{error}: {cause}"),
        (Some(error), None) => error.to_owned(),
        (None, _) => format!("skep ended with code {code} in its pod"),
    }
}

#[cfg(test)]
mod tests {
    use super::{local, reason};

    #[test]
    fn the_command_in_the_pod_asks_its_own_agent_only() {
        assert_eq!(
            local(&["bpf", "ct", "list"], &["--output", "json"]),
            ["skep", "bpf", "ct", "list", "--quiet", "--local", "--output", "json"]
        );
    }

    #[test]
    fn the_error_message_of_the_pod_is_passed_on() {
        let stderr = b"error: cannot reach the skep agent\ncaused by: refused\n\nhint: start it\n";
        assert_eq!(reason(stderr, 3), "cannot reach the skep agent: refused");
        assert_eq!(reason(b"", 137), "skep ended with code 137 in its pod");
    }
}

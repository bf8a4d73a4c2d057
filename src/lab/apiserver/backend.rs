//! What the API server asks of whoever runs the pods: exec, logs and connections into them.

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// One pod as exec, logs and port-forward name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PodRef {
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod.
    pub name: String,
    /// Uid of the pod when the request was made.
    pub uid: String,
    /// Node the pod is bound to.
    pub node: String,
}

/// A command to run in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRequest {
    /// The pod.
    pub pod: PodRef,
    /// The container; the server has checked that the pod has it.
    pub container: String,
    /// Program and arguments, never empty.
    pub command: Vec<String>,
    /// Whether the command wants a terminal; output then comes on stdout only.
    pub tty: bool,
}

/// A running container whose own streams are to be joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachRequest {
    /// The pod.
    pub pod: PodRef,
    /// The container; the server has checked that the pod has it.
    pub container: String,
}

/// The streams of a running command.
///
/// The backend drops `stdout` and `stderr` when the command is done. `stdin` ends (`None`) when the client closes it; it is
/// `None` from the start if the client sends none. All channels are bounded.
#[derive(Debug)]
pub struct Attach {
    /// Bytes the client sends.
    pub stdin: Option<mpsc::Receiver<Bytes>>,
    /// Bytes for the client's standard output.
    pub stdout: mpsc::Sender<Bytes>,
    /// Bytes for the client's standard error.
    pub stderr: mpsc::Sender<Bytes>,
    /// New terminal sizes, when there is a terminal.
    pub resize: mpsc::Receiver<TerminalSize>,
    /// Cancelled when the client has gone: the command should end.
    pub gone: CancellationToken,
}

/// Columns and rows of the client's terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitStatus(pub i32);

/// Which log lines of a container to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRequest {
    /// The pod.
    pub pod: PodRef,
    /// The container; the server has checked that the pod has it.
    pub container: String,
    /// Keep the stream open and send new lines.
    pub follow: bool,
    /// The log of the previous run of the container.
    pub previous: bool,
    /// Only the last lines.
    pub tail_lines: Option<u64>,
    /// At most this many bytes.
    pub limit_bytes: Option<u64>,
    /// Only lines from this moment on.
    pub since: Option<jiff::Timestamp>,
    /// Start each line with its time (RFC 3339 with nanoseconds).
    pub timestamps: bool,
}

/// Bytes produced by the backend; ends when the sender is dropped. A dropped receiver means that the client has gone.
pub type ByteStream = mpsc::Receiver<Bytes>;

/// A connection into a pod.
pub trait PodConnection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> PodConnection for T {}

/// Why the backend could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The pod is not (or no longer) running on any node of this lab.
    #[error("pod {namespace}/{name} is not running")]
    NotRunning {
        /// Namespace of the pod.
        namespace: String,
        /// Name of the pod.
        name: String,
    },
    /// The container does not exist or has no previous run.
    #[error("container {container} has nothing to show: {reason}")]
    NoContainer {
        /// The container.
        container: String,
        /// What is missing.
        reason: &'static str,
    },
    /// The command's program is not there.
    #[error(
        "exec failed: unable to start container process: exec: {program:?}: executable file not found in $PATH"
    )]
    NotFound {
        /// The program.
        program: String,
    },
    /// The command or connection could not be started.
    #[error("cannot start {what}: {source}")]
    Start {
        /// Program name or port.
        what: String,
        /// The reason the system gave.
        #[source]
        source: std::io::Error,
    },
    /// This backend does not offer the operation.
    #[error("{0} is not supported by this lab")]
    Unsupported(&'static str),
}

/// Runs commands in pods and reads their logs; implemented by the lab's kubelets.
pub trait PodBackend: Send + Sync + 'static {
    /// Runs a command and returns when it has ended.
    fn exec(
        &self,
        request: ExecRequest,
        io: Attach,
    ) -> BoxFuture<'static, Result<ExitStatus, BackendError>>;

    /// Joins the streams of a running container and returns when it has ended.
    fn attach(
        &self,
        _request: AttachRequest,
        _io: Attach,
    ) -> BoxFuture<'static, Result<ExitStatus, BackendError>> {
        Box::pin(async { Err(BackendError::Unsupported("attach")) })
    }

    /// Opens the log of a container.
    fn logs(&self, request: LogRequest) -> BoxFuture<'static, Result<ByteStream, BackendError>>;

    /// Opens a TCP connection to a port of the pod, from inside its network namespace.
    fn connect(
        &self,
        _pod: PodRef,
        _port: u16,
    ) -> BoxFuture<'static, Result<Box<dyn PodConnection>, BackendError>> {
        Box::pin(async { Err(BackendError::Unsupported("port-forward")) })
    }
}

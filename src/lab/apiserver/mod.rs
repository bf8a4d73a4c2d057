//! The lab's embedded Kubernetes API server.
//!
//! It speaks enough of the Kubernetes protocol for kubectl, kube-rs and skep's own agent to be at home: discovery, CRUD, list and
//! watch, every patch type with real field ownership, custom resources, exec and logs. Objects live in memory only; what runs
//! the pods is behind [`PodBackend`].

mod authority;
mod backend;
mod kubeconfig;
mod server;

pub use authority::{Authority, CertificateError, Certified};
pub use backend::{
    Attach, BackendError, ByteStream, ExecRequest, ExitStatus, LogRequest, PodBackend,
    PodConnection, PodRef, TerminalSize,
};
pub use kubeconfig::{Credential, Kubeconfig};
pub use server::{ApiServer, ApiServerOptions, Limits, StartError, TokenGrant};

//! The lab's embedded Kubernetes API server.
//!
//! It speaks enough of the Kubernetes protocol for kubectl, kube-rs and skep's own agent to be at home: discovery, CRUD, list and
//! watch, every patch type with real field ownership, custom resources, roles and bindings, exec and logs. Objects live in
//! memory, and in a file from which a server that is started again takes them over; what runs the pods is behind
//! [`PodBackend`].

mod accept;
mod access;
mod alias;
mod answer;
mod backend;
mod body;
mod builtin;
mod call;
mod catalog;
mod cluster;
mod connect;
mod discovery;
mod eviction;
mod fields;
mod formats;
mod kinds;
mod kubeconfig;
mod listener;
mod metadata;
mod openapi;
mod ownership;
mod path;
mod patience;
mod pattern;
mod protobuf;
mod reads;
mod reaper;
mod refusal;
mod resource;
mod reviews;
mod route;
mod schema;
mod selector;
mod server;
mod store;
mod subject;
mod subresources;
mod table;
mod token;
mod user;
mod watching;
mod writes;

pub use backend::{
    Attach, AttachRequest, BackendError, ByteStream, ExecRequest, ExitStatus, LogRequest,
    PodBackend, PodConnection, PodRef, TerminalSize,
};
pub use kubeconfig::{Credential, Kubeconfig};
pub use server::{ApiServer, ApiServerOptions, Limits, StartError, TokenGrant};
pub use store::JournalError;

#[cfg(test)]
mod tests;

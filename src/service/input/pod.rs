//! Pods of this node (core/v1), as far as traffic may be redirected to them.

use std::{collections::BTreeMap, num::NonZeroU16, sync::Arc};

use crate::{
    model::Addresses,
    service::{ObjectName, Protocol},
};

/// A pod of this node that has an address and has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPod {
    /// Its name.
    pub name: ObjectName,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// `spec.nodeName`.
    pub node: Arc<str>,
    /// `status.podIPs`.
    pub addresses: Addresses,
    /// Its condition `Ready`.
    pub ready: bool,
    /// It is about to end.
    pub terminating: bool,
    /// The ports that its containers name.
    pub ports: Vec<ContainerPort>,
}

/// A port that a container names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// Its name.
    pub name: Arc<str>,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub port: NonZeroU16,
}

impl LocalPod {
    /// Tells whether the pod takes new connections.
    pub fn takes_connections(&self) -> bool {
        self.ready && !self.terminating
    }
}

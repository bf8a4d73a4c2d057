//! A filter in the shape of Hubble's `flow.FlowFilter`.

use serde::{Deserialize, Serialize};

use crate::flows::{IpVersion, TcpFlags, TrafficDirection, Verdict};

/// All fields that are set must match; within one field any element may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Address, or CIDR.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_ip: Vec<String>,
    /// Address, or CIDR.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_ip: Vec<String>,
    /// `namespace/prefix`, `namespace/`, `/prefix`, or a prefix in `default`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_pod: Vec<String>,
    /// `namespace/prefix`, `namespace/`, `/prefix`, or a prefix in `default`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_pod: Vec<String>,
    /// Label selector; a key without source stands for any source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_label: Vec<String>,
    /// Label selector; a key without source stands for any source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_label: Vec<String>,
    /// Identity.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_identity: Vec<u32>,
    /// Identity.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_identity: Vec<u32>,
    /// Port, in decimal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_port: Vec<String>,
    /// Port, in decimal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_port: Vec<String>,
    /// Name and kind; an empty part stands for any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_workload: Vec<WorkloadFilter>,
    /// Name and kind; an empty part stands for any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_workload: Vec<WorkloadFilter>,
    /// Verdict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verdict: Vec<Verdict>,
    /// Drop reason, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop_reason_desc: Vec<String>,
    /// Kind of event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event_type: Vec<EventTypeFilter>,
    /// tcp, udp, icmp ...
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protocol: Vec<String>,
    /// Family.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ip_version: Vec<IpVersion>,
    /// Flags that must be set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tcp_flags: Vec<TcpFlags>,
    /// Reply or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reply: Vec<bool>,
    /// Ingress or egress.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub traffic_direction: Vec<TrafficDirection>,
    /// `cluster/node` with `*` as wildcard.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub node_name: Vec<String>,
}

/// A kind of event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventTypeFilter {
    /// Hubble's number; 0 = any.
    #[serde(rename = "type")]
    pub kind: u8,
    /// Whether `sub_type` counts: 0 is one, too.
    pub match_sub_type: bool,
    /// Drop reason or trace point.
    pub sub_type: u8,
}

/// What made a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkloadFilter {
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Deployment, DaemonSet ...
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
}

//! skep: Kubernetes networking on eBPF, in one binary.
//!
//! The modules below are listed in the order in which data flows: the agent watches the cluster
//! ([`kubernetes`]), turns objects into [`model`] words, works out what policies mean ([`policy`]) and who is
//! behind services ([`service`]), compiles desired map entries ([`maps`]), writes them through the [`kernel`], reads [`events`] back, and turns them into [`flows`], told in the words of [`hubble`], that
//! the [`api`] serves. Everything else is a role of the binary built from these parts.
//!
//! # Glossary
//!
//! - **identity**: the number of a set of identity-relevant labels; what policy speaks about.
//! - **endpoint**: one pod's network interface on one node.
//! - **incarnation**: which use of an address an endpoint is; monotonic per node.
//! - **leg**: one side's judgement of a connection (the source's egress, the destination's ingress).
//! - **ipcache**: address prefix -> identity and node.
//! - **record**: the file that remembers one endpoint across restarts.
//! - **underlay**: the network that joins the nodes; **overlay**: VXLAN on top of it.
#![deny(unsafe_code)]

pub mod certificate;

pub mod model;

pub mod kubernetes;

pub mod policy;

pub mod service;

pub mod maps;

pub mod kernel;

pub mod events;

pub mod hubble;

pub mod flows;

pub mod api;

pub mod cni;

pub mod agent;

pub mod operator;

pub mod relay;

pub mod install;

pub mod lab;

pub mod connectivity;

pub mod bench;

pub mod config;
pub mod telemetry;

pub mod cli;

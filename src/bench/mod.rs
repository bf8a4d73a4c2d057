//! Side-by-side benchmarks.
//!
//! Numbers of a shared machine mean nothing by themselves. So every row compares skep with
//! something else in the same minute: each round measures every topology once, in rotating order,
//! with client and server on one core; what counts is the median over the rounds of the ratio
//! within a round, with its bootstrap interval. A row whose interval is wider than a tenth says
//! nothing, and says so.

mod alone;
mod catalogue;
mod cluster;
mod cni;
mod enforce;
mod error;
mod fill;
mod flows;
mod goal;
mod machine;
mod node;
mod observe;
mod packet;
mod policy;
mod programs;
mod report;
mod rounds;
mod run;
mod service;
mod statistics;
mod topology;
mod traffic;
mod worker;

pub use catalogue::{Group, RowSpec, catalogue, choose};
pub use cni::{CniCalls, CniError, CniTimes, measure_cni};
pub use error::BenchError;
pub use fill::{Filled, fill};
pub use goal::{Goal, Verdict};
pub use node::{NodeError, Room, StandaloneNode, StandalonePod};
pub use policy::{Enforcement, PolicyBenchError, PolicyTimes, edit_under_probes, measure_policy};
pub use report::{Machine, Report, Row, Rows};
pub use run::{Options, Progress, run};
pub use service::{InvalidPart, ServiceBenchError, ServicePart, ServiceTimes, measure_services};
pub use topology::TopologyError;
pub use worker::{InvalidRole, Role, WorkerError, serve as serve_worker};

//! The connectivity test: who reaches whom, tried from inside the pods.
//!
//! [`plan`] decides which probes there are, [`probe`] turns the probes of one pod into one command
//! and reads its answers, [`run`](run()) executes them through pods/exec, so that the test is the
//! same in a lab and on a real cluster.

mod plan;
mod probe;
mod run;

pub use plan::{Probe, Scenario, Target, plan};
pub use probe::Outcome;
pub use run::{Options, Report, Row, TestError, run};

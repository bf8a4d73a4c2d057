//! The connectivity test: who reaches whom, tried from inside pods that are made for it.
//!
//! A run makes pods on some nodes (`deploy`), plans what each of them tries (`plan`, by the
//! catalogue in `scenario`), lets them try it through pods/exec (`run`) and judges how that ended
//! (`expect`). Client and server are skep itself: [`probe`] and [`serve`](serve::serve). Nothing
//! but the Kubernetes API is used, so the test is the same in a lab and on any cluster; clients
//! [`outside`] are run by a command, where there is one.

mod board;
mod churn;
mod deploy;
mod execute;
mod expect;
mod external;
mod gate;
mod hints;
mod junit;
mod outside;
mod plan;
mod policy;
pub mod probe;
mod readiness;
mod report;
mod run;
mod scenario;
mod sctp;
mod selection;
pub mod serve;
mod services;
mod told;
mod topology;
mod witness;

pub use deploy::{DeployError, default_image};
pub use expect::{Expectation, Verdict};
pub use external::InvalidTarget;
pub use gate::{Gate, LogError, Lost};
pub use hints::{Hint, Hints};
pub use junit::junit;
pub use outside::Outside;
pub use plan::{Action, Check, Peer, Plan, Planned, plan};
pub use policy::{Account, Blame, Drop, Grant, Packets, Pass, PolicyName, Side};
pub use report::{CheckResult, Report, ScenarioReport, Status};
pub use run::{Event, Options, TestError, run};
pub use scenario::{Profile, Scenario};
pub use selection::{InvalidPattern, NothingSelected, Pattern, select};
pub use services::{Purpose, Service, Services};
pub use told::{Ledger, Talk, Told};
pub use topology::{Actor, Dns, External, Manners, Topology, family_name};
pub use witness::Witness;

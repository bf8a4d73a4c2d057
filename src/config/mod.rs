//! Settings: flags win over `SKEP_*` variables, which win over the YAML file.
//!
//! Everything is parsed before anything is refused, so one run reports every bad field.

mod agent;
mod choice;
mod error;
mod operator;
mod settings;
mod size;

pub use agent::{AgentArgs, AgentConfig};
pub use choice::{
    Attach, CgroupRoot, Devices, Enforcement, IpFamilies, PolicyCompat, PortRange, Routing,
};
pub use error::{InvalidConfig, Problem};
pub use operator::{CollectionTimes, LeaseTimes, OperatorArgs, OperatorConfig};
pub use size::ByteSize;

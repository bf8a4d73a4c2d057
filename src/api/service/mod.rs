//! Services: what a node makes of them, and why a connection goes where it goes.

mod connection;
mod explain;
mod frontend;
mod name;
mod object;

pub use connection::{
    BalanceVerdict, Explained, ExplainedEndpoint, Fate, Hook, PolicyAnswer, PolicyVerdict, Sees,
    Topology,
};
pub use explain::{Asker, InvalidAsker, ServiceClient, ServiceExplanation, ServiceQuestion};
pub use frontend::{
    Backend, BackendState, Frontend, FrontendKind, Scope, TrafficPolicy, WhenEmpty,
};
pub use name::{InvalidName, QualifiedName};
pub use object::{Service, ServiceType};

//! What comes of it: frontends with their backends, and how they change.

mod backend;
mod changes;
mod frontend;

pub use backend::{Backend, BackendId, BackendKey, Backends, State, WhenEmpty};
pub use changes::{Changes, Edit, Named, Retired};
pub use frontend::{Frontend, FrontendKey, FrontendKind, Scope, ServiceId, Vip};

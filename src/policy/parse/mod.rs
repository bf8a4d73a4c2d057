//! Tree -> rules: every field read once, into types that cannot be wrong. What cannot be read rejects
//! the whole object, and says where.

mod cidr;
mod cilium;
mod closed;
mod cluster_policy;
mod cursor;
mod domain;
mod network_policy;
mod object;
mod port;
mod problem;
mod selector;

pub(in crate::policy) use domain::names_of;
pub(in crate::policy) use object::specs;
pub use object::{Compat, Parsed, Settings, parse};
pub use problem::{Problem, ProblemCode, Severity};

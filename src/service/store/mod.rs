//! All services of the cluster, kept up to date edit by edit.

mod apply;
mod number;
mod record;
mod redirects;
mod services;

pub use services::{HealthCheck, Services};

pub(super) use record::Record;

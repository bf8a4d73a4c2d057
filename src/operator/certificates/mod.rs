//! Certificates of the Hubble API: made when they are missing, renewed before they end.
//!
//! [`plan`] looks at what there is and says what there should be; [`task`] reads and writes Secrets.

mod plan;
mod secret;
mod task;

pub(super) use task::CertificatesTask;

//! Which operator leads: the one that holds the Lease `kube-system/skep-operator`.

mod candidate;
mod task;

pub(super) use task::{ElectionTask, Leadership};

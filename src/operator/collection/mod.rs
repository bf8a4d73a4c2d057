//! Collection of identities that nobody uses, in two phases.
//!
//! An identity that no endpoint slice has used for long is retired; its users un-retire it; after
//! another wait it is deleted. Everything rests on versions: whoever touches the object in between
//! makes the operator's next write fail.

mod collector;
mod task;

pub(super) use task::CollectionTask;

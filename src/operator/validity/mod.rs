//! Tells on policy objects whether they can be accepted: condition `Valid`, and an Event for what cannot.
//!
//! Every agent finds out the same for itself; the operator is the one that writes it down. What is
//! already there is not written again, and a condition that others keep changing is left to them.

mod condition;
mod event;
mod object;
mod task;

pub(super) use task::ValidityTask;

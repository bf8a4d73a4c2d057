//! `skep bpf lb`.

pub(crate) mod list;

mod affinity;
mod backend;
mod frontend;
mod maglev;
mod revnat;

//! `skep bpf`: the datapath's maps, as they are in the kernel.

pub(crate) mod ct;
pub(crate) mod endpoint {
    //! `skep bpf endpoint`.
    pub(crate) mod list;
}
pub(crate) mod ipcache {
    //! `skep bpf ipcache`.
    pub(crate) mod list;
}
pub(crate) mod lb;
pub(crate) mod nat;
pub(crate) mod metrics {
    //! `skep bpf metrics`.
    pub(crate) mod list;
}
pub(crate) mod node {
    //! `skep bpf node`.
    pub(crate) mod list;
}
pub(crate) mod policy {
    //! `skep bpf policy`.
    pub(crate) mod list;
}

mod flush;

//! What the running kernel can do, found out by trying.

/// Features that the datapath uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// Programs can be loaded (privileges included).
    pub bpf: bool,
    /// TCX links (6.6).
    pub tcx: bool,
    /// `bpf_redirect_peer`.
    pub redirect_peer: bool,
    /// Ring buffer maps.
    pub ringbuf: bool,
    /// A bpffs can be used.
    pub bpffs: bool,
    /// The kernel has BTF.
    pub btf: bool,
    /// VXLAN devices with external control.
    pub vxlan: bool,
    /// veth devices.
    pub veth: bool,
    /// The clsact qdisc and bpf filters.
    pub clsact: bool,
}

/// Something without which the datapath cannot work.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct MissingFeature {
    /// What is missing, in one sentence.
    pub what: String,
    /// What to do about it.
    pub hint: &'static str,
}

/// Tries every feature; leaves nothing behind.
pub fn probe() -> Features {
    todo!()
}

/// Checks what the datapath cannot do without.
///
/// # Errors
/// The first feature that is missing.
pub fn require() -> Result<(), MissingFeature> {
    todo!()
}

//! What the running kernel can do, found out by trying.

use std::path::Path;

use aya::{
    maps::MapType,
    programs::ProgramType,
    sys::{is_helper_supported, is_map_supported, is_program_supported},
};
use nix::{
    sys::statfs::{BPF_FS_MAGIC, statfs},
    unistd::geteuid,
};

use super::{NetNs, Netlink, VethSpec, VxlanSpec, sys};
use crate::model::{IfIndex, MacAddr};

/// Features that the datapath uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Programs can be loaded (privileges included).
    pub bpf: bool,
    /// TCX links (6.6).
    pub tcx: bool,
    /// `bpf_redirect_peer`.
    pub redirect_peer: bool,
    /// Ring buffer maps.
    pub ringbuf: bool,
    /// A bpffs is mounted on `/sys/fs/bpf`.
    pub bpffs: bool,
    /// The kernel has BTF.
    pub btf: bool,
    /// Network namespaces can be made.
    pub netns: bool,
    /// VXLAN devices with external control.
    pub vxlan: bool,
    /// veth devices.
    pub veth: bool,
    /// The clsact qdisc.
    pub clsact: bool,
}

/// Something without which the datapath cannot work.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct MissingFeature {
    /// What is missing, in one sentence.
    pub what: &'static str,
    /// What to do about it.
    pub hint: &'static str,
}

/// Tries every feature; leaves nothing behind.
pub fn probe() -> Features {
    let mut features = Features {
        bpf: is_program_supported(ProgramType::SchedClassifier).unwrap_or(false),
        tcx: sys::has_tcx(),
        redirect_peer: is_helper_supported(ProgramType::SchedClassifier, REDIRECT_PEER)
            .unwrap_or(false),
        ringbuf: is_map_supported(MapType::RingBuf).unwrap_or(false),
        bpffs: statfs("/sys/fs/bpf").is_ok_and(|stat| stat.filesystem_type() == BPF_FS_MAGIC),
        btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
        ..Features::default()
    };
    // Devices are tried in a namespace that vanishes with the last descriptor.
    if let Ok(netns) = NetNs::anonymous() {
        features.netns = true;
        if let Ok(netlink) = Netlink::open_in(&netns) {
            features.vxlan = has_vxlan(&netlink);
            features.veth = has_veth(&netlink);
            features.clsact = netlink.ensure_clsact(IfIndex(1)).is_ok();
        }
    }
    features
}

const REDIRECT_PEER: aya_obj::generated::bpf_func_id =
    aya_obj::generated::bpf_func_id::BPF_FUNC_redirect_peer;

fn has_vxlan(netlink: &Netlink) -> bool {
    let mac = MacAddr([2, 0, 0, 0, 0, 1]);
    netlink.create_vxlan_external(&VxlanSpec { name: "probe0", port: 8472, mtu: 1400, mac }).is_ok()
}

fn has_veth(netlink: &Netlink) -> bool {
    let spec = VethSpec {
        name: "probe1",
        mac: None,
        peer_name: "probe2",
        peer_mac: None,
        peer_netns: None,
        mtu: 1500,
    };
    netlink.create_veth_pair(&spec).is_ok()
}

/// Checks what the datapath cannot do without.
///
/// # Errors
/// The first feature that is missing.
pub fn require() -> Result<(), MissingFeature> {
    if !geteuid().is_root() {
        return Err(MissingFeature {
            what: "this needs root: it loads eBPF programs and makes network devices",
            hint: "run it with sudo",
        });
    }
    missing(&probe()).map_or(Ok(()), Err)
}

/// Returns the first missing feature, the most basic ones first.
fn missing(features: &Features) -> Option<MissingFeature> {
    let checks = [
        (
            features.bpf,
            "the kernel refuses to load eBPF programs",
            "skep needs CAP_BPF and CAP_NET_ADMIN and a kernel with CONFIG_BPF_SYSCALL; kernel lockdown may forbid it",
        ),
        (features.ringbuf, "the kernel has no BPF ring buffers", "skep needs Linux 6.1 or newer"),
        (
            features.redirect_peer,
            "the kernel cannot redirect packets into pods (bpf_redirect_peer)",
            "skep needs Linux 6.1 or newer",
        ),
        (
            features.netns,
            "the kernel refuses to make network namespaces",
            "skep needs CAP_SYS_ADMIN and CONFIG_NET_NS",
        ),
        (
            features.veth,
            "no veth device can be made",
            "skep needs CAP_NET_ADMIN; load the module with `modprobe veth`, or enable CONFIG_VETH",
        ),
        (
            features.tcx || features.clsact,
            "programs can be attached neither by TCX nor by the clsact qdisc",
            "load the modules with `modprobe -a sch_ingress cls_bpf`, or use Linux 6.6 or newer",
        ),
    ];
    checks
        .into_iter()
        .find(|(present, ..)| !present)
        .map(|(_, what, hint)| MissingFeature { what, hint })
}

/// Checks what only some settings need.
///
/// # Errors
/// When there are no VXLAN devices.
pub fn require_vxlan() -> Result<(), MissingFeature> {
    if probe().vxlan {
        return Ok(());
    }
    Err(MissingFeature {
        what: "the kernel has no VXLAN devices with external control",
        hint: "load the module with `modprobe vxlan`, or use `--routing native`",
    })
}

/// Checks that a BPF file system can be mounted on `/sys/fs/bpf`.
///
/// # Errors
/// When there is no such directory.
pub fn require_bpffs_mount_point() -> Result<(), MissingFeature> {
    if Path::new("/sys/fs/bpf").is_dir() {
        return Ok(());
    }
    Err(MissingFeature {
        what: "there is no /sys/fs/bpf to mount a BPF file system on",
        hint: "skep needs sysfs on /sys and a kernel with CONFIG_BPF_SYSCALL",
    })
}

/// Checks that pins can be made below `/sys/fs/bpf`.
///
/// # Errors
/// When no bpffs is mounted there.
pub fn require_bpffs() -> Result<(), MissingFeature> {
    if probe().bpffs {
        return Ok(());
    }
    Err(MissingFeature {
        what: "no BPF file system is mounted on /sys/fs/bpf",
        hint: "mount it with `mount -t bpf bpf /sys/fs/bpf`",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Features = Features {
        bpf: true,
        tcx: true,
        redirect_peer: true,
        ringbuf: true,
        bpffs: true,
        btf: true,
        netns: true,
        vxlan: true,
        veth: true,
        clsact: true,
    };

    #[test]
    fn the_most_basic_missing_feature_is_named_with_what_to_do() {
        assert_eq!(missing(&ALL), None);
        assert_eq!(missing(&Features { tcx: false, ..ALL }), None, "clsact is enough");
        assert_eq!(missing(&Features { clsact: false, ..ALL }), None, "TCX is enough");
        let nothing = missing(&Features::default()).unwrap();
        assert_eq!(nothing.what, "the kernel refuses to load eBPF programs");
        let veth = missing(&Features { veth: false, ..ALL }).unwrap();
        assert!(veth.hint.contains("modprobe veth"));
        let neither = missing(&Features { tcx: false, clsact: false, ..ALL }).unwrap();
        assert!(neither.what.contains("TCX"));
    }
}

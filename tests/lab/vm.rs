//! What runs on the kernels under QEMU: they are emulated, so one small lab has to do, unless more is asked for.

use super::{
    connectivity::{assert_passed, test},
    lab::Lab,
};

/// Routing modes with the settings and names of address families.
const MODES: [(&str, &str, &[&str]); 6] = [
    ("vxlan", "dual", &["ipv4", "ipv6"]),
    ("native", "dual", &["ipv4", "ipv6"]),
    ("vxlan", "ipv4", &["ipv4"]),
    ("native", "ipv4", &["ipv4"]),
    ("vxlan", "ipv6", &["ipv6"]),
    ("native", "ipv6", &["ipv6"]),
];

/// The first mode, or all of them when `SKEP_VM_MODES` is `all`, as `scripts/kernels --modes` says.
fn modes() -> &'static [(&'static str, &'static str, &'static [&'static str])] {
    match std::env::var("SKEP_VM_MODES").as_deref() {
        Ok("all") => &MODES,
        _ => &MODES[..1],
    }
}

#[test]
#[ignore = "needs root"]
fn vm_a_lab_of_two_nodes_passes_traffic() {
    for (routing, setting, families) in modes() {
        let mode = ["--routing", routing, "--ip-family", setting];
        let lab = Lab::up("vm", &[&["--nodes", "2", "--timeout", "600"][..], &mode].concat());
        let patient = ["--timeout", "60", "--start-timeout", "600", "--parallel", "1"];
        let (output, report) = test(&lab, &[&["--profile", "smoke"][..], &patient].concat());
        assert_passed(&output, &report);
        assert_eq!(report["families"], serde_json::json!(families));
        println!("{routing} {setting}: {} checks", report["summary"]["checks"]);
    }
}

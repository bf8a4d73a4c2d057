//! What runs on the kernels under QEMU: they are emulated, so one small lab has to do.

use super::{
    connectivity::{assert_passed, test},
    lab::Lab,
};

#[test]
#[ignore = "needs root"]
fn vm_a_lab_of_two_nodes_passes_traffic() {
    let lab = Lab::up("vm", &["--nodes", "2", "--timeout", "600"]);
    let patient = ["--timeout", "60", "--start-timeout", "600", "--parallel", "1"];
    let (output, report) = test(&lab, &[&["--profile", "smoke"][..], &patient].concat());
    assert_passed(&output, &report);
    assert_eq!(report["families"], serde_json::json!(["ipv4", "ipv6"]));
    println!("{} checks", report["summary"]["checks"]);
}

//! What runs on the kernels under QEMU: they are emulated, so one small lab has to do.

use super::{lab::Lab, traffic::probe};

#[test]
#[ignore = "needs root"]
fn vm_a_lab_of_two_nodes_passes_traffic() {
    let lab = Lab::up("vm", &["--nodes", "2", "--timeout", "600"]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(probe(&lab, &[false, true], 60, 1));
}

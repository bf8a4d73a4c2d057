//! The devices of a node: where nodes meet need not be where the default route leads.

use super::{
    connectivity::{assert_passed, test},
    lab::{Lab, eventually, skep, text},
};

/// Gives a node a way to the outside of its own, as machines have whose network for the cluster is another one. Its
/// address is the same on each of them. The agent starts anew, and knows nothing.
const ANOTHER_WAY: &str = r#"
set -e
gateway4=$(ip route show default | sed 's/.*via \([^ ]*\).*/\1/')
gateway6=$(ip -6 route show default | sed 's/.*via \([^ ]*\).*/\1/')
ip link add nat0 type veth peer name nat1
ip link set nat1 up
ip link set nat0 up
ip address add 10.0.2.15/24 dev nat0
ip address add fd99::15/64 dev nat0 nodad
mac=$(ip -o link show nat1 | sed 's/.*ether \([^ ]*\).*/\1/')
ip neigh add 10.0.2.2 lladdr $mac dev nat0 nud permanent
ip -6 neigh add fd99::2 lladdr $mac dev nat0 nud permanent
ip route add 192.0.2.0/24 via $gateway4 dev eth0
ip -6 route add 2001:db8::/32 via $gateway6 dev eth0
ip route replace default via 10.0.2.2 dev nat0
ip -6 route del default
ip -6 route add default via fd99::2 dev nat0
rm -f /var/lib/skep/cluster.json
"#;

async fn meets_elsewhere(routing: &str) {
    let lab = Lab::bare("elsewhere", &["--nodes", "2", "--routing", routing]);
    let agent = || lab.processes(&["skep agent", "--node-name node-1"]);
    let before = agent();
    let script = format!("{ANOTHER_WAY}\nkill -9 {}", before[0]);
    let done = lab.exec("node-1", &["sh", "-c", &script]);
    assert!(done.status.success(), "{}", text(&done));
    eventually("the next agent", async || {
        (agent().first().is_some_and(|pid| !before.contains(pid))).then_some(())
    })
    .await;
    let kubeconfig = lab.dir().join("kubeconfig");
    let kubeconfig = kubeconfig.to_str().expect("a path");
    let output = skep(&["status", "--wait", "--kubeconfig", kubeconfig]);
    assert!(output.status.success(), "{}", text(&output));
    let inside = "/^(pod-to-pod|pod-to-host|pod-to-remote-host|host-to-pod|host-to-host)$";
    let services = "/^(pod|node|outside)-to-(service|nodeport|nodeport-local)$";
    let (output, report) = test(&lab, &["--test", inside, "--test", services]);
    assert_passed(&output, &report);
}

#[tokio::test]
#[ignore = "needs root"]
async fn nodes_meet_elsewhere_than_the_default_route_leads_over_the_overlay() {
    meets_elsewhere("vxlan").await;
}

#[tokio::test]
#[ignore = "needs root"]
async fn nodes_meet_elsewhere_than_the_default_route_leads_without_an_overlay() {
    meets_elsewhere("native").await;
}

//! Everyone reaches everyone, by both families, in both routing modes.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::ListParams};
use skep::connectivity::{self, Options, Scenario};

use super::lab::{Lab, text};

async fn everyone_reaches_everyone(lab: &Lab, families: &[bool]) {
    probe(lab, families, Options::TIMEOUT, Options::PARALLEL).await;
}

/// Lets everyone try everyone, `parallel` pods at once, for `timeout` seconds each.
pub(super) async fn probe(lab: &Lab, families: &[bool], timeout: u32, parallel: u16) {
    // The lab announces the world's servers itself.
    let options = Options {
        namespace: Some("shop".into()),
        scenarios: Scenario::ALL.to_vec(),
        outside: vec![],
        timeout,
        parallel,
    };
    let client = lab.client().await;
    let report = connectivity::run(&client, &options, |_, _| {}).await.expect("the test runs");
    let failures: Vec<String> = report
        .failures()
        .map(|row| {
            let probe = &row.probe;
            format!(
                "{} ({}) -> {} {}: {:?}",
                probe.pod, probe.node, probe.target.name, probe.target.address, row.outcome
            )
        })
        .collect();
    println!("{}: {} probes", lab.name, report.rows.len());
    assert!(failures.is_empty(), "{failures:#?}");
    for family in families {
        for scenario in Scenario::ALL {
            let tried = report.rows.iter().map(|row| &row.probe).any(|probe| {
                probe.scenario == scenario && probe.target.address.is_ipv6() == *family
            });
            assert!(tried, "{scenario} was not tried, IPv6: {family}");
        }
    }
}

/// Addresses of the api's pods, one on every node.
async fn addresses(lab: &Lab) -> Vec<IpAddr> {
    let api: Api<Pod> = Api::namespaced(lab.client().await, "shop");
    let selector = ListParams::default().labels("app.kubernetes.io/name=api");
    let pods = api.list(&selector).await.expect("pods are listed").items;
    let ips = pods.into_iter().filter_map(|pod| pod.status?.pod_ips).flatten();
    ips.map(|ip| ip.ip.parse().expect("an address")).collect()
}

fn run(name: &str, args: &[&str], families: &[bool]) {
    let lab = Lab::up(name, args);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(everyone_reaches_everyone(&lab, families));
    for pod in runtime.block_on(addresses(&lab)) {
        let url = format!("http://{}/", SocketAddr::new(pod, 8080));
        let curl = lab.exec("node-1", &["curl", "-sS", "-m", "5", "--noproxy", "*", &url]);
        assert!(curl.status.success(), "host to {pod}: {}", text(&curl));
    }
}

#[test]
#[ignore = "needs root"]
fn vxlan_carries_both_families() {
    run("vxlan", &[], &[false, true]);
}

#[test]
#[ignore = "needs root"]
fn native_routing_carries_both_families() {
    run("native", &["--routing", "native"], &[false, true]);
}

#[test]
#[ignore = "needs root"]
fn ipv4_alone_works() {
    run("v4", &["--ip-family", "ipv4"], &[false]);
}

#[test]
#[ignore = "needs root"]
fn ipv6_alone_works() {
    run("v6", &["--ip-family", "ipv6"], &[true]);
}

#[test]
#[ignore = "needs root"]
fn two_labs_side_by_side_do_not_meet() {
    let first = Lab::up("one", &["--nodes", "2"]);
    let second = Lab::up("two", &["--nodes", "2", "--routing", "native"]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        everyone_reaches_everyone(&first, &[false, true]).await;
        everyone_reaches_everyone(&second, &[false, true]).await;
    });
    first.down();
    runtime.block_on(everyone_reaches_everyone(&second, &[false, true]));
}

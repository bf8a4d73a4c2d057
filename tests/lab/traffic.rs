//! Everyone reaches everyone, by both families, in both routing modes: the connectivity test, as
//! users run it.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::ListParams};
use serde_json::Value;

use super::{
    connectivity::{assert_passed, test},
    lab::{Lab, text},
};

/// Runs the connectivity test and returns its report, which must be good.
fn passes(lab: &Lab, args: &[&str], families: &[&str]) -> Value {
    let (output, report) = test(lab, args);
    assert_passed(&output, &report);
    assert_eq!(report["families"], serde_json::json!(families));
    println!(
        "{}: {} checks in {} ms",
        lab.name, report["summary"]["checks"], report["durationMillis"]
    );
    report
}

/// Addresses of the api's pods, one on every node.
async fn addresses(lab: &Lab) -> Vec<IpAddr> {
    let api: Api<Pod> = Api::namespaced(lab.client().await, "shop");
    let selector = ListParams::default().labels("app.kubernetes.io/name=api");
    let pods = api.list(&selector).await.expect("pods are listed").items;
    let ips = pods.into_iter().filter_map(|pod| pod.status?.pod_ips).flatten();
    ips.map(|ip| ip.ip.parse().expect("an address")).collect()
}

/// The standard profile passes; only what the mode cannot have is skipped.
fn run(name: &str, args: &[&str], families: &[&str]) {
    let lab = Lab::up(name, args);
    let report = passes(&lab, &[], families);
    let is_native = args.contains(&"native");
    for scenario in report["scenarios"].as_array().expect("scenarios") {
        let name = scenario["name"].as_str().expect("a name");
        let may_skip = name.starts_with("dns-") || (is_native && name == "packet-too-big");
        assert!(may_skip || scenario["status"] == "passed", "{scenario:#}");
        if scenario["test"] == "policy" {
            assert_eq!(scenario["reasons"], serde_json::json!([]), "all of it is tried: {name}");
        }
        if scenario["status"] == "skipped" {
            assert_ne!(scenario["reasons"], serde_json::json!([]), "a skip has a reason: {name}");
        }
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for pod in runtime.block_on(addresses(&lab)) {
        let url = format!("http://{}/", SocketAddr::new(pod, 8080));
        let curl = lab.exec("node-1", &["curl", "-sS", "-m", "5", "--noproxy", "*", &url]);
        assert!(curl.status.success(), "host to {pod}: {}", text(&curl));
    }
}

#[test]
#[ignore = "needs root"]
fn vxlan_carries_both_families() {
    run("vxlan", &[], &["ipv4", "ipv6"]);
}

#[test]
#[ignore = "needs root"]
fn native_routing_carries_both_families() {
    run("native", &["--routing", "native"], &["ipv4", "ipv6"]);
}

#[test]
#[ignore = "needs root"]
fn ipv4_alone_works() {
    run("v4", &["--ip-family", "ipv4"], &["ipv4"]);
}

#[test]
#[ignore = "needs root"]
fn ipv6_alone_works() {
    run("v6", &["--ip-family", "ipv6"], &["ipv6"]);
}

#[test]
#[ignore = "needs root"]
fn native_routing_carries_each_family_alone() {
    run("n4", &["--ip-family", "ipv4", "--routing", "native"], &["ipv4"]);
    run("n6", &["--ip-family", "ipv6", "--routing", "native"], &["ipv6"]);
}

#[test]
#[ignore = "needs root"]
fn two_labs_side_by_side_do_not_meet() {
    let both = ["ipv4", "ipv6"];
    let first = Lab::up("one", &["--nodes", "2"]);
    let second = Lab::up("two", &["--nodes", "2", "--routing", "native"]);
    passes(&first, &["--profile", "smoke"], &both);
    passes(&second, &["--profile", "smoke"], &both);
    first.down();
    passes(&second, &["--profile", "smoke"], &both);
}

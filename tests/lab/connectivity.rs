//! The connectivity test tells the truth: it fails when something is broken, names it, and leaves
//! nothing behind, however it ends.

use std::{
    fs,
    process::{Child, Command, Output, Stdio},
    time::Instant,
};

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::{
    Api, ResourceExt,
    api::{ListParams, PostParams},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use super::lab::{Lab, eventually, text};

/// Starts `skep connectivity test`.
fn start(lab: &Lab, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_skep"))
        .args(["connectivity", "test", "--kubeconfig"])
        .arg(lab.dir().join("kubeconfig"))
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("skep can be run")
}

/// Runs `skep connectivity test`; its report.
pub(crate) fn test(lab: &Lab, args: &[&str]) -> (Output, Value) {
    let child = start(lab, &[args, &["-o", "json"]].concat());
    let output = child.wait_with_output().expect("it ends");
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output)));
    (output, report)
}

/// Returns the failed checks, for messages.
fn failures(report: &Value) -> Vec<String> {
    let scenarios = report["scenarios"].as_array().expect("scenarios");
    let checks = scenarios.iter().flat_map(|scenario| {
        let checks = scenario["checks"].as_array().expect("checks");
        checks.iter().filter(|check| check["status"] == "failed").map(move |check| {
            format!(
                "{}: {} -> {} expected {} got {} [{}] {:#}",
                scenario["name"],
                check["from"]["name"],
                check["to"]["name"],
                check["expected"],
                check["got"],
                check["command"],
                check["flows"]
            )
        })
    });
    checks.collect()
}

pub(crate) fn assert_passed(output: &Output, report: &Value) {
    let failures = failures(report);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(output.status.code(), Some(0), "{}", text(output));
    assert_eq!(report["passed"], true);
    assert_eq!(report["kind"], "ConnectivityReport");
}

/// Returns the names of scenarios that ended so.
fn scenarios(report: &Value, status: &str) -> Vec<String> {
    let all = report["scenarios"].as_array().expect("scenarios");
    let found = all.iter().filter(|scenario| scenario["status"] == status);
    found.map(|scenario| scenario["name"].as_str().expect("a name").to_owned()).collect()
}

/// Namespaces of connectivity tests.
async fn namespaces(lab: &Lab) -> Vec<String> {
    let api = Api::<Namespace>::all(lab.client().await);
    let label = ListParams::default().labels("app.kubernetes.io/managed-by=skep-connectivity-test");
    let found = api.list(&label).await.expect("namespaces are listed").items;
    found.iter().map(ResourceExt::name_any).collect()
}

#[test]
#[ignore = "needs root"]
fn connectivity_profiles_pass_and_tell_how_long_they_took() {
    let lab = Lab::bare("speed", &[]);
    for profile in ["smoke", "standard", "full"] {
        let begun = Instant::now();
        let (output, report) = test(&lab, &["--profile", profile]);
        let took = begun.elapsed();
        assert_passed(&output, &report);
        // More flows than an agent can hand over in time skip the gate, with that reason: not those of so few checks.
        if profile == "smoke" {
            let passed = scenarios(&report, "passed");
            assert!(passed.iter().any(|name| name == "expected-flows"), "{passed:?}");
        }
        println!(
            "{profile}: {:.2} s whole, {} ms without cleaning up, {} checks",
            took.as_secs_f64(),
            report["durationMillis"],
            report["summary"]["checks"]
        );
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    assert!(runtime.block_on(namespaces(&lab)).is_empty());
}

#[test]
#[ignore = "needs root"]
fn connectivity_fails_when_a_route_is_missing_and_says_where() {
    let lab = Lab::bare("route", &["--nodes", "2", "--routing", "native"]);
    // Not the route itself, which the agent writes again with the next news of that node.
    let rule = ["ip", "rule", "add", "pref", "10", "to", "10.244.2.0/24", "unreachable"];
    let cut = lab.exec("node-1", &rule);
    assert!(cut.status.success(), "{}", text(&cut));
    let (output, report) =
        test(&lab, &["--test", "no-policies", "--test", "!world", "--timeout", "1"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert_eq!(report["passed"], false);
    let failed = scenarios(&report, "failed");
    assert!(failed.iter().any(|name| name == "host-to-pod"), "{failed:?}");
    assert!(scenarios(&report, "passed").iter().any(|name| name == "pod-to-host"), "{failed:?}");
    for scenario in report["scenarios"].as_array().expect("scenarios") {
        for check in scenario["checks"].as_array().expect("checks") {
            if check["status"] == "failed" {
                assert_eq!(check["family"], "ipv4", "IPv6 is whole: {check:#}");
                let ends = (&check["from"]["node"], &check["to"]["node"]);
                assert_ne!(ends.0, ends.1, "a node is whole in itself: {check:#}");
            }
        }
    }
}

#[test]
#[ignore = "needs root"]
fn connectivity_fails_when_a_firewall_drops_and_a_human_can_read_why() {
    let lab = Lab::bare("drop", &["--nodes", "2"]);
    // The host's own echo requests to pods, in IPv6; everything else stays.
    for rule in [
        "add table inet broken",
        "add chain inet broken out { type filter hook output priority 0; }",
        "add rule inet broken out icmpv6 type echo-request drop",
    ] {
        let nft = lab.exec("node-1", &["nft", rule]);
        assert!(nft.status.success(), "{}", text(&nft));
    }
    let junit = tempfile::NamedTempFile::new().expect("a file");
    let path = junit.path().to_str().expect("text");
    let args =
        ["--test", "/^host-to-pod$", "--test", "/^pod-to-pod$", "--timeout", "1", "--junit", path];
    let output = start(&lab, &args).wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let stdout = String::from_utf8_lossy(&output.stdout);
    for part in [
        "FAILED      no-policies/host-to-pod",
        "icmp ipv6 from host-1 (node-1) to server-",
        "expected  an answer",
        "skep connectivity probe 'icmp://[fd00:10:244:",
        "--test '^no-policies$/^host-to-pod$'",
        "1 scenarios passed, 1 failed, 0 skipped",
    ] {
        assert!(stdout.contains(part), "{part:?} is missing:\n{}", text(&output));
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("FAILED   no-policies/host-to-pod: "), "{stderr}");
    assert!(stderr.contains("passed   no-policies/pod-to-pod: "), "{stderr}");
    let xml = fs::read_to_string(path).expect("the report is written");
    assert!(xml.contains("<testcase classname=\"no-policies\" name=\"host-to-pod\""), "{xml}");
    assert!(xml.contains("<failure message=\""), "{xml}");
    // The command that is offered repeats it, and it passes once the cause is gone.
    let whole = lab.exec("node-1", &["nft", "delete table inet broken"]);
    assert!(whole.status.success(), "{}", text(&whole));
    let (output, report) = test(&lab, &["--test", "^no-policies$/^host-to-pod$"]);
    assert_passed(&output, &report);
    assert_eq!(report["scenarios"].as_array().map(Vec::len), Some(1));
}

#[test]
#[ignore = "needs root"]
fn connectivity_shows_the_flows_around_a_failure() {
    let lab = Lab::bare("flows", &["--nodes", "2"]);
    // The pods' traffic arrives at node-2 and is not let out of the tunnel.
    let rules = "add table inet broken; add chain inet broken in { type filter hook input priority 0; }; add rule inet broken in udp dport 8472 drop";
    let nft = lab.exec("node-2", &["nft", rules]);
    assert!(nft.status.success(), "{}", text(&nft));
    let (output, report) = test(&lab, &["--test", "/^pod-to-pod$", "--timeout", "1"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let checks = report["scenarios"][0]["checks"].as_array().expect("checks");
    let with_flows = checks.iter().find(|check| check["flows"].is_array());
    let with_flows = with_flows.unwrap_or_else(|| panic!("no flows: {report:#}"));
    assert_eq!(with_flows["status"], "failed");
    let flows = with_flows["flows"].as_array().expect("flows");
    let source = with_flows["from"]["name"].as_str().expect("a name");
    assert!(
        flows.iter().any(|flow| flow.as_str().is_some_and(|line| line.contains(source))),
        "{flows:#?}"
    );
}

#[test]
#[ignore = "needs root"]
fn connectivity_fails_when_a_backend_of_a_service_is_out_of_reach() {
    let lab = Lab::bare("backend", &["--nodes", "2"]);
    let rules = "add table inet broken; add chain inet broken in { type filter hook input priority 0; }; add rule inet broken in udp dport 8472 drop";
    let nft = lab.exec("node-2", &["nft", rules]);
    assert!(nft.status.success(), "{}", text(&nft));
    let (output, report) = test(&lab, &["--test", "^services$", "--timeout", "1"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let failed = scenarios(&report, "failed");
    for name in ["pod-to-service", "node-to-service", "pod-to-nodeport"] {
        assert!(failed.iter().any(|one| one == name), "{name} fails: {failed:?}");
    }
    let passed = scenarios(&report, "passed");
    for name in ["pod-to-hairpin-service", "service-internal-traffic-policy"] {
        assert!(passed.iter().any(|one| one == name), "{name} stays on a node: {failed:?}");
    }
}

#[test]
#[ignore = "needs root"]
fn connectivity_is_tried_from_outside_and_says_which_node_is_closed() {
    let lab = Lab::bare("stranger", &["--nodes", "2"]);
    // Another place than the one that a lab has for this.
    let skep = env!("CARGO_BIN_EXE_skep");
    let fabric = format!("{skep} lab exec --name {} fabric -- {skep}", lab.name);
    let (output, report) = test(&lab, &["--test", "/^outside-", "--outside", &fabric]);
    assert_passed(&output, &report);
    let all = ["outside-to-nodeport", "outside-to-nodeport-local", "outside-to-hostport"];
    assert_eq!(scenarios(&report, "passed"), all);
    let checks = report["scenarios"][0]["checks"].as_array().expect("checks");
    assert_eq!(checks[0]["from"]["name"], "stranger");
    let mut of_second = checks
        .iter()
        .filter(|check| check["to"]["node"] == "node-2" && check["family"] == "ipv4")
        .map(|check| check["to"]["address"].as_str().expect("an address"));
    let second = of_second.next().expect("every node is asked");
    let cut = lab.exec("world", &["ip", "route", "add", "prohibit", second]);
    assert!(cut.status.success(), "{}", text(&cut));
    let (output, report) = test(&lab, &["--test", "/^outside-", "--timeout", "1"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert_eq!(scenarios(&report, "failed"), all[..2], "the host port is one of node-1");
    for failure in failures(&report) {
        assert!(failure.contains("prohibited") || failure.contains("denied"), "{failure}");
    }
    let nobody = start(&lab, &["--test", "/^outside-", "--outside", "false"]);
    let output = nobody.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("the client outside cannot take part"), "{}", text(&output));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    assert!(runtime.block_on(namespaces(&lab)).is_empty());
}

#[test]
#[ignore = "needs root"]
fn connectivity_skips_a_host_port_that_somebody_has() {
    let lab = Lab::bare("hostport", &["--nodes", "2"]);
    let (output, report) = test(&lab, &["--test", "/^pod-to-hostport$"]);
    assert_passed(&output, &report);
    assert_eq!(scenarios(&report, "passed"), ["pod-to-hostport"]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let ports = json!([{ "containerPort": 80, "hostPort": 24_245 }]);
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "first" },
            "spec": { "nodeName": "node-1", "containers": [{ "name": "web", "image": "web", "ports": ports }] },
        }))
        .expect("a pod");
        let api = Api::<Pod>::namespaced(lab.client().await, "default");
        api.create(&PostParams::default(), &pod).await.expect("made");
    });
    let (output, report) = test(&lab, &["--test", "/^pod-to-hostport$"]);
    assert_passed(&output, &report);
    assert_eq!(scenarios(&report, "skipped"), ["pod-to-hostport"]);
    let reasons = report["scenarios"][0]["reasons"].to_string();
    assert!(reasons.contains("a pod with port 24245 of its node: "), "{reasons}");
}

#[test]
#[ignore = "needs root"]
fn connectivity_interrupted_leaves_no_namespace() {
    let lab = Lab::bare("ctrl-c", &["--nodes", "2"]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let child = start(&lab, &["--test-namespace", "interrupted"]);
        // Half-way: the namespace is there.
        runtime.block_on(eventually("the namespace is made", async || {
            namespaces(&lab).await.contains(&"interrupted".to_owned()).then_some(())
        }));
        kill(Pid::from_raw(i32::try_from(child.id()).expect("a pid")), signal).expect("it runs");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
        assert!(output.stdout.is_empty(), "{}", text(&output));
        assert!(runtime.block_on(namespaces(&lab)).is_empty());
    }
}

#[test]
#[ignore = "needs root"]
fn connectivity_follows_servers_that_come_and_go() {
    let churn = ["--test", "/^stale-udp-backend$", "--test", "/^graceful-termination$"];
    for (nodes, routing) in [("2", "vxlan"), ("2", "native"), ("1", "vxlan")] {
        let lab = Lab::bare("takeover", &["--nodes", nodes, "--routing", routing]);
        let (output, report) = test(&lab, &churn);
        assert_passed(&output, &report);
        assert_eq!(scenarios(&report, "passed"), ["stale-udp-backend", "graceful-termination"]);
        for scenario in report["scenarios"].as_array().expect("scenarios") {
            let told = scenario["reasons"].to_string().contains("one usable node");
            assert_eq!(told, nodes == "1", "{scenario:#}");
        }
    }
}

/// Objects of the cluster that connectivity tests have made.
async fn objects_of_cluster(lab: &Lab) -> Vec<String> {
    let client = lab.client().await;
    let label = ListParams::default().labels("app.kubernetes.io/managed-by=skep-connectivity-test");
    let mut names = Vec::new();
    for (group, version, kind) in [
        ("cilium.io", "v2", "CiliumClusterwideNetworkPolicy"),
        ("cilium.io", "v2", "CiliumCIDRGroup"),
        ("policy.networking.k8s.io", "v1alpha2", "ClusterNetworkPolicy"),
    ] {
        let gvk = kube::core::GroupVersionKind::gvk(group, version, kind);
        let plural = match kind {
            "CiliumCIDRGroup" => "ciliumcidrgroups".to_owned(),
            kind => format!("{}ies", kind.trim_end_matches('y').to_lowercase()),
        };
        let resource = kube::core::ApiResource::from_gvk_with_plural(&gvk, &plural);
        let api = Api::<kube::core::DynamicObject>::all_with(client.clone(), &resource);
        let found = api.list(&label).await.expect("objects are listed").items;
        names.extend(found.iter().map(ResourceExt::name_any));
    }
    names
}

#[test]
#[ignore = "needs root"]
fn connectivity_interrupted_leaves_no_policy() {
    let lab = Lab::bare("policies", &["--nodes", "2"]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let child = start(&lab, &["--test", "ccnp", "--test-namespace", "interrupted"]);
    runtime.block_on(eventually("a policy of the cluster is in force", async || {
        objects_of_cluster(&lab).await.pop()
    }));
    kill(Pid::from_raw(i32::try_from(child.id()).expect("a pid")), Signal::SIGINT)
        .expect("it runs");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    assert_eq!(runtime.block_on(objects_of_cluster(&lab)), Vec::<String>::new());
    assert!(runtime.block_on(namespaces(&lab)).is_empty());
}

/// Deletes a definition; nobody serves the kind from then on.
async fn undefine(lab: &Lab, name: &str) {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    let api = Api::<CustomResourceDefinition>::all(lab.client().await);
    api.delete(name, &Default::default()).await.expect("it is deleted");
    eventually("the definition is gone", async || {
        api.get_metadata_opt(name).await.expect("it is asked for").is_none().then_some(())
    })
    .await;
}

#[test]
#[ignore = "needs root"]
fn connectivity_skips_policies_of_a_kind_that_the_cluster_lacks() {
    let lab = Lab::bare("kinds", &["--nodes", "1"]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(undefine(&lab, "clusternetworkpolicies.policy.networking.k8s.io"));
    runtime.block_on(undefine(&lab, "ciliumlocalredirectpolicies.cilium.io"));
    let wanted = ["^tier-admin-deny$", "^echo-ingress-knp", "local-redirect-policy"];
    let (output, report) = test(&lab, &wanted.map(|name| ["--test", name]).concat());
    assert_passed(&output, &report);
    assert_eq!(scenarios(&report, "passed"), ["echo-ingress-knp"]);
    assert_eq!(scenarios(&report, "skipped"), ["local-redirect-policy", "tier-admin-deny"]);
    for (place, kind) in [
        (0, "CiliumLocalRedirectPolicy of cilium.io/v2"),
        (2, "ClusterNetworkPolicy of policy.networking.k8s.io/v1alpha2"),
    ] {
        let reasons = report["scenarios"][place]["reasons"].to_string();
        assert!(reasons.contains(&format!("the cluster has no {kind}")), "{reasons}");
    }
}

#[test]
#[ignore = "needs root"]
fn connectivity_takes_no_namespace_that_is_there() {
    let lab = Lab::bare("taken", &["--nodes", "1"]);
    let output = start(&lab, &["--test-namespace", "default"]).wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("error: the namespace default exists"), "{}", text(&output));
    // One node is enough for the rest, and what it cannot try is told.
    let (output, report) = test(&lab, &["--test", "/^pod-to-pod$", "--test", "pod-to-remote-host"]);
    assert_passed(&output, &report);
    assert_eq!(scenarios(&report, "passed"), ["pod-to-pod"]);
    assert_eq!(scenarios(&report, "skipped"), ["pod-to-remote-host"]);
    let reason = report["scenarios"][0]["reasons"][0].as_str().expect("a reason");
    assert!(reason.contains("one usable node"), "{reason}");
}

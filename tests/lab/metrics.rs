//! Metrics of flows, as a scraper meets them.

use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::{Api, api::PostParams};
use serde_json::json;

use super::{
    lab::{Lab, eventually, text},
    services,
};

const APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/services/web.yaml");

/// What a node's agent serves.
fn scraped(lab: &Lab) -> String {
    let output = lab.exec("node-1", &["curl", "-sf", "http://127.0.0.1:9965/metrics"]);
    assert!(output.status.success(), "{}", text(&output));
    text(&output)
}

#[tokio::test]
#[ignore = "needs root"]
async fn flows_are_counted_under_hubbles_names() {
    let lab = Lab::bare("flowmetrics", &["--nodes", "1", "-f", APP]);
    let client = lab.client().await;
    let ask = async || {
        services::run(&client, &["curl", "-s", "-m", "1", "http://web.default.svc/"]).await.0 == 0
    };
    eventually("the server answers", || async { ask().await.then_some(()) }).await;
    let closed: NetworkPolicy = serde_json::from_value(json!({
        "metadata": { "name": "closed" },
        "spec": { "podSelector": { "matchLabels": { "app": "web" } }, "policyTypes": ["Ingress"] },
    }))
    .expect("a policy");
    let policies: Api<NetworkPolicy> = Api::namespaced(client.clone(), "default");
    policies.create(&PostParams::default(), &closed).await.expect("made");
    eventually("the policy is in force", || async { (!ask().await).then_some(()) }).await;
    for series in [
        r#"hubble_flows_processed_total{protocol="TCP",type="Trace",subtype="to-endpoint",verdict="FORWARDED"}"#,
        r#"hubble_drop_total{reason="POLICY_DENIED",protocol="TCP"}"#,
        r#"hubble_tcp_flags_total{flag="SYN",family="IPv4"}"#,
        r#"hubble_port_distribution_total{protocol="TCP",port="8080"}"#,
        r#"hubble_policy_verdicts_total{direction="ingress",match="none",action="dropped"}"#,
        r#"hubble_lost_events_total{source="perf_event_ring_buffer"}"#,
    ] {
        eventually(series, || async { scraped(&lab).contains(series).then_some(()) }).await;
    }
}

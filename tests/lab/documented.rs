//! `docs/metrics.md` and what agent, operator and relay of a lab serve are the same.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Mutex,
};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, api::ListParams};
use serde_json::Value;

use super::{
    history::keep_history,
    lab::{Lab, eventually, text},
    services,
};

#[path = "../support/metrics.rs"]
mod tables;

const APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/services/web.yaml");

/// What somebody serves, seen from a node; nothing while they do not.
fn scrape(lab: &Lab, address: &str) -> Option<String> {
    let output = lab.exec("node-1", &["curl", "-sf", &format!("http://{address}/metrics")]);
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns where the relay serves metrics.
pub(crate) async fn relay(client: &Client) -> SocketAddr {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "kube-system");
    let relays = ListParams::default().labels("k8s-app=skep-relay");
    let address = eventually("the relay has an address", || async {
        let pod = pods.list(&relays).await.ok()?.items.into_iter().next()?;
        pod.status?.pod_ip?.parse::<IpAddr>().ok()
    })
    .await;
    SocketAddr::new(address, 9966)
}

/// Returns the value of a series; its name has its labels, as they are written.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    line.parse().ok()
}

/// Counts what a list of the datapath's maps shows.
fn listed(lab: &Lab, what: &str) -> usize {
    let output = lab.exec("node-1", &["skep", "bpf", what, "list", "-o", "json"]);
    assert!(output.status.success(), "{}", text(&output));
    let list: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    list["items"].as_array().expect("a list").len()
}

#[tokio::test]
#[ignore = "needs root"]
async fn what_is_served_is_what_is_documented() {
    let lab = Lab::bare("documented", &["--nodes", "1", "-f", APP]);
    let client = lab.client().await;
    keep_history(&client).await;
    let relay = relay(&client).await.to_string();
    eventually("the server answers", || async {
        let ask = ["curl", "-s", "-m", "1", "http://web.default.svc/"];
        (services::run(&client, &ask).await.0 == 0).then_some(())
    })
    .await;

    let documented = tables::documented();
    let sources = ["127.0.0.1:9962", "127.0.0.1:9963", relay.as_str()];
    let last = Mutex::new(String::new());
    // Some come with time: certificates, the first round of collection, nodes that were asked.
    let found = eventually("every label of every documented metric is served", || async {
        let texts: Option<Vec<String>> =
            sources.iter().map(|address| scrape(&lab, address)).collect();
        let mut served = tables::Metrics::new();
        for text in texts? {
            for (name, kind) in tables::served(&text) {
                served.entry(name).or_insert_with(|| kind.clone()).labels.extend(kind.labels);
            }
        }
        let missing: Vec<&String> = documented
            .iter()
            .filter(|(name, kind)| {
                served.get(*name).is_none_or(|own| {
                    own.labels != kind.labels && !UNLABELLED.contains(&name.as_str())
                })
            })
            .map(|(name, _)| name)
            .collect();
        let now = format!("{missing:?}");
        let before = std::mem::replace(&mut *last.lock().expect("not poisoned"), now.clone());
        if now != before {
            eprintln!("not yet as documented: {now}");
        }
        missing.is_empty().then_some(served)
    })
    .await;
    for (name, kind) in &found {
        let row = documented.get(name).unwrap_or_else(|| panic!("{name} is not documented"));
        assert_eq!(row.kind, kind.kind, "{name}");
    }

    numbers_are_right(&lab).await;
}

/// What a healthy lab has nothing to count of.
const UNLABELLED: [&str; 3] =
    ["skep_agent_exported_flows", "skep_agent_export_lost_flows", "skep_agent_map_failures"];

/// Compares some numbers with what else is known.
async fn numbers_are_right(lab: &Lab) {
    for (map, list) in [("ipcache", "ipcache"), ("endpoint", "endpoint")] {
        let series = format!("skep_agent_map_entries{{map=\"{map}\"}}");
        eventually(&series, || async {
            let told = value(&scrape(lab, "127.0.0.1:9962")?, &series)?;
            (told > 0.0 && (told - listed(lab, list) as f64).abs() < 0.5).then_some(())
        })
        .await;
    }
    let now = jiff::Timestamp::now().as_second() as f64;
    for (series, is_right) in [
        (
            r#"skep_agent_component_health{component="datapath"}"#,
            (&|health| health < 0.5) as &dyn Fn(f64) -> bool,
        ),
        (r#"skep_agent_map_capacity{map="ipcache"}"#, &|room| room > 65_535.0),
        (r#"skep_agent_last_success_timestamp_seconds{chore="repair"}"#, &|at| at > now - 600.0),
        (
            r#"skep_agent_certificate_expiry_timestamp_seconds{certificate="hubble-server"}"#,
            // They last for ninety days.
            &|until| (until - now - 90.0 * 86_400.0).abs() < 3600.0,
        ),
        (r#"skep_agent_datapath_bytes_total{reason="FORWARDED",direction="ingress"}"#, &|bytes| {
            bytes > 0.0
        }),
        (r#"skep_agent_publishing_failures_total{what="slices"}"#, &|count| count >= 0.0),
        (r#"skep_agent_policy_endpoints{enforcement="none"}"#, &|count| count > 0.5),
    ] {
        let told =
            eventually(series, || async { value(&scrape(lab, "127.0.0.1:9962")?, series) }).await;
        assert!(is_right(told), "{series} is {told}");
    }
}

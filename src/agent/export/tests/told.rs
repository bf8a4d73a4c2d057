//! What metrics say of exports.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use super::Strangers;
use crate::{
    agent::export::{HubbleMetrics, OwnMetrics, board::Board, task::Exporters},
    flows::{Observer, Settings},
    telemetry::Metrics,
};

#[tokio::test]
async fn metrics_have_hubbles_names_and_move() {
    let dir = tempfile::tempdir().unwrap();
    let observer = Observer::new(Settings::new("default", "n1"), Arc::new(Strangers));
    let board = Arc::<Board>::default();
    let mut exporters = Exporters::new(observer, Arc::clone(&board));
    let hubble = Metrics::with_prefix("hubble", HubbleMetrics(Arc::clone(&board)));
    let own = Metrics::with_prefix("skep_agent", OwnMetrics(Arc::clone(&board)));
    let (dir, file) = (dir.path().display(), Path::new("plan"));
    let before =
        format!("flowLogs: [{{name: a, filePath: {dir}/a}}, {{name: b, filePath: {dir}/b}}]");
    exporters.apply(file, &Ok(before));
    let first = hubble.encode();
    let has = |text: &str, line: &str| assert!(text.lines().any(|l| l == line), "{line}: {text}");
    has(&first, "hubble_dynamic_exporter_reconfigurations_total{op=\"add\"} 2");
    has(&first, "hubble_dynamic_exporter_exporters_total{status=\"active\"} 2");
    exporters.apply(file, &Ok(format!(
        "flowLogs: [{{name: a, filePath: {dir}/c}}, {{name: d, filePath: {dir}/d, end: 2026-01-01T00:00:00Z}}]"
    )));
    exporters.apply(file, &Ok("nonsense".into()));
    let second = hubble.encode();
    for line in [
        "hubble_dynamic_exporter_reconfigurations_total{op=\"add\"} 3",
        "hubble_dynamic_exporter_reconfigurations_total{op=\"update\"} 1",
        "hubble_dynamic_exporter_reconfigurations_total{op=\"remove\"} 1",
        "hubble_dynamic_exporter_exporters_total{status=\"active\"} 1",
        "hubble_dynamic_exporter_exporters_total{status=\"inactive\"} 1",
        "hubble_dynamic_exporter_up{name=\"a\"} 1",
        "hubble_dynamic_exporter_up{name=\"d\"} 0",
    ] {
        has(&second, line);
    }
    assert!(!second.contains("name=\"b\""), "{second}");
    let value = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).expect(name).to_owned();
        line.rsplit(' ').next().expect("a value").parse::<f64>().expect("a number")
    };
    let hash = "hubble_dynamic_exporter_config_hash ";
    assert!(value(&first, hash) != value(&second, hash) && value(&second, hash) > 0.0);
    assert!(value(&second, "hubble_dynamic_exporter_config_last_applied ") > 1.7e9);
    board.counts("a").exported.fetch_add(5, Ordering::Relaxed);
    board.counts("a").lost.fetch_add(2, Ordering::Relaxed);
    let own = own.encode();
    has(&own, "skep_agent_exported_flows_total{name=\"a\"} 5");
    has(&own, "skep_agent_export_lost_flows_total{name=\"a\"} 2");
}

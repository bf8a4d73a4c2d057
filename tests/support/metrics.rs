//! The tables of `docs/metrics.md`, and what somebody serves.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use regex::Regex;

/// What is told of a metric beside its numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kind {
    /// counter, gauge or histogram.
    pub(crate) kind: String,
    /// Names of labels; of something served, only if there were numbers.
    pub(crate) labels: BTreeSet<String>,
}

/// Metrics by name, counters without `_total`.
pub(crate) type Metrics = BTreeMap<String, Kind>;

/// Reads the tables.
pub(crate) fn documented() -> Metrics {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let text = fs::read_to_string(path).expect("docs/metrics.md");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, what] = cells[..] else { panic!("not four cells: {line}") };
        assert!(!what.is_empty(), "{name} is not explained");
        let bare = |cell: &str| cell.trim_matches('`').to_owned();
        let labels = labels.split(", ").filter(|label| !label.is_empty()).map(bare).collect();
        (bare(name), Kind { kind: kind.to_owned(), labels })
    };
    let all: Vec<_> = rows.map(row).collect();
    let count = all.len();
    let metrics: Metrics = all.into_iter().collect();
    assert_eq!(metrics.len(), count, "a metric is there twice");
    metrics
}

/// Reads what was served in the OpenMetrics text format.
pub(crate) fn served(text: &str) -> Metrics {
    let mut metrics = Metrics::new();
    let mut current = String::new();
    let label = Regex::new(r#"([a-z_]+)="(?:[^"\\]|\\.)*""#).expect("a pattern");
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("# TYPE ") {
            let (name, kind) = words.split_once(' ').expect("name and type");
            current = name.to_owned();
            metrics.insert(current.clone(), Kind { kind: kind.to_owned(), ..Kind::default() });
        } else if let Some((_, labels)) = line.split_once('{')
            && !line.starts_with('#')
        {
            let metric = metrics.get_mut(&current).expect("types come first");
            let names = label.captures_iter(labels).map(|found| found[1].to_owned());
            // A part of how histograms are written.
            metric.labels.extend(names.filter(|name| name != "le"));
        }
    }
    metrics
}

/// Returns the name under which a series is documented.
pub(crate) fn documented_name(series: &str) -> String {
    let suffixes = ["_total", "_bucket", "_sum", "_count"];
    let cut = suffixes.iter().find_map(|suffix| series.strip_suffix(suffix));
    cut.unwrap_or(series).to_owned()
}

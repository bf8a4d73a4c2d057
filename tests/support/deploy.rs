//! What `deploy/` has for Prometheus and Grafana, as tests read it.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use regex::Regex;
use serde_json::Value;

/// A rule for Prometheus.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Name of the alert or of the recorded series.
    pub(crate) name: String,
    pub(crate) expr: String,
    /// Empty for recorded series.
    pub(crate) severity: String,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) is_alert: bool,
}

/// A question of the dashboard.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) panel: String,
    pub(crate) expr: String,
}

/// Returns where a file of `deploy/` is.
pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

fn read(name: &str) -> String {
    let path = path(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the rules as text.
pub(crate) fn rules_text() -> String {
    read("prometheus/skep-rules.yaml")
}

/// Returns the rules.
pub(crate) fn rules() -> Vec<Rule> {
    let file: Value = serde_yaml::from_str(&rules_text()).expect("the rules are YAML");
    let groups = file["groups"].as_array().expect("groups of rules");
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules"));
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rule = |rule: &Value| Rule {
        name: word(&rule["alert"]) + &word(&rule["record"]),
        expr: word(&rule["expr"]),
        severity: word(&rule["labels"]["severity"]),
        summary: word(&rule["annotations"]["summary"]),
        description: word(&rule["annotations"]["description"]),
        is_alert: rule["alert"].is_string(),
    };
    rules.map(rule).collect()
}

/// Returns the example of how Prometheus finds skep.
pub(crate) fn scraping() -> Value {
    serde_yaml::from_str(&read("prometheus/scrape.yaml")).expect("the example is YAML")
}

/// Returns the dashboard.
pub(crate) fn dashboard() -> Value {
    serde_json::from_str(&read("grafana/skep.json")).expect("the dashboard is JSON")
}

/// Returns all panels, rows included.
pub(crate) fn panels(dashboard: &Value) -> &[Value] {
    dashboard["panels"].as_array().expect("panels")
}

/// Returns what the panels ask, for all clusters and nodes.
pub(crate) fn targets() -> Vec<Target> {
    let dashboard = dashboard();
    let each = panels(&dashboard).iter().flat_map(|panel| {
        let targets = panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
        targets.iter().map(move |target| (&panel["title"], &target["expr"]))
    });
    let target = |(title, expr): (&Value, &Value)| Target {
        panel: title.as_str().expect("a title").to_owned(),
        expr: ["cluster", "node"].iter().fold(
            expr.as_str().expect("an expression").replace("$__rate_interval", "1m"),
            |expr, variable| expr.replace(&format!("${variable}"), ".*"),
        ),
    };
    each.map(target).collect()
}

/// Returns the names of series that an expression of PromQL is about.
pub(crate) fn series(expr: &str) -> BTreeSet<String> {
    const WORDS: [&str; 5] = ["and", "or", "unless", "offset", "bool"];
    let cut = |text: &str, what: &str| {
        Regex::new(what).expect("a pattern").replace_all(text, " ").into_owned()
    };
    // Strings first: they may have brackets. Word boundaries are of ASCII, as regex is built without tables.
    let bare = cut(expr, r#""[^"]*""#);
    let bare = cut(&bare, r"\{[^}]*\}|\[[^\]]*\]");
    let bare =
        cut(&bare, r"(?-u:\b)(by|without|on|ignoring|group_left|group_right)[ \n]*\([^)]*\)");
    let name = Regex::new(r"(?-u:\b)([A-Za-z_:][A-Za-z0-9_:]*)[ \n]*(\()?").expect("a pattern");
    name.captures_iter(&bare)
        .filter(|found| found.get(2).is_none() && !WORDS.contains(&&found[1]))
        .map(|found| found[1].to_owned())
        .collect()
}

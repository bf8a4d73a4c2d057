//! What `deploy/` asks of metrics, and tells people to type, is what there is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use regex::Regex;
use skep::model::{DropReason, Note};

use crate::run::{Home, repository};

#[path = "../support/deploy.rs"]
mod shipped;
#[path = "../support/metrics.rs"]
mod tables;

/// Series that Prometheus makes itself.
const PROMETHEUS_OWN: [&str; 2] = ["ALERTS", "up"];

/// Where the metrics with a prefix are registered.
const REGISTERED: [(&str, &[&str]); 5] = [
    (
        "skep_agent_",
        &[
            "src/agent/metrics/collector.rs",
            "src/agent/metrics/datapath.rs",
            "src/agent/metrics/maps.rs",
            "src/agent/metrics/policy.rs",
            "src/agent/publish/counts.rs",
            "src/agent/export/board.rs",
            "src/agent/history.rs",
        ],
    ),
    ("skep_operator_", &["src/operator/metrics.rs"]),
    ("skep_relay_", &["src/relay/metrics.rs"]),
    ("process_", &["src/telemetry/process.rs"]),
    ("hubble_", &["src/flows/metrics/count.rs", "src/flows/metrics/set.rs"]),
];

/// Returns every expression, with where it is from.
fn expressions() -> Vec<(String, String)> {
    let rules = shipped::rules().into_iter().map(|rule| (rule.name, rule.expr));
    rules.chain(shipped::targets().into_iter().map(|it| (it.panel, it.expr))).collect()
}

/// Names what is there twice.
fn doubled(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut counts = BTreeMap::new();
    names.into_iter().for_each(|name| *counts.entry(name).or_insert(0) += 1);
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect()
}

fn is_registered(series: &str) -> bool {
    let whole = tables::documented_name(series);
    REGISTERED.iter().any(|(prefix, files)| {
        // The names of a process have no prefix in the source.
        let name = if *prefix == "process_" { Some(&*whole) } else { whole.strip_prefix(prefix) };
        name.is_some_and(|name| {
            files.iter().any(|file| {
                let text = fs::read_to_string(repository().join(file)).expect("a source file");
                text.contains(&format!("{name:?}"))
            })
        })
    })
}

#[test]
fn expressions_name_their_series() {
    let expr =
        r#"sum by (node) (rate(a_total{x="b(c)"}[5m] offset 1h)) / 2 and on (x) d:e:f > 1e3"#;
    assert_eq!(shipped::series(expr), BTreeSet::from(["a_total".to_owned(), "d:e:f".to_owned()]));
}

#[test]
fn every_series_is_registered_or_recorded() {
    let rules = shipped::rules();
    let recorded: BTreeSet<&str> =
        rules.iter().filter(|rule| !rule.is_alert).map(|rule| rule.name.as_str()).collect();
    for (place, expr) in expressions() {
        let series = shipped::series(&expr);
        assert!(!series.is_empty(), "{place} asks for nothing: {expr}");
        for name in series {
            let name = name.as_str();
            let is_known =
                PROMETHEUS_OWN.contains(&name) || recorded.contains(name) || is_registered(name);
            assert!(is_known, "{place}: nobody has {name}");
        }
    }
}

/// That the tables have all that is served, with the right types, is a test of the lab.
#[test]
fn what_is_documented_is_registered_and_what_is_asked_is_documented() {
    let documented = tables::documented();
    assert!(documented.len() > 50, "the tables are not read: {documented:?}");
    for name in documented.keys() {
        assert!(is_registered(name), "nobody has {name}");
    }
    for (place, expr) in expressions() {
        for series in shipped::series(&expr).iter().filter(|series| series.starts_with("skep_")) {
            let name = tables::documented_name(series);
            let row = documented.get(&name);
            let row = row.unwrap_or_else(|| panic!("{place}: {series} is not documented"));
            let is_counter = series.ends_with("_total");
            assert_eq!(is_counter, row.kind == "counter", "{place}: {series} is a {}", row.kind);
        }
    }
}

#[test]
fn names_are_there_once_and_alerts_are_complete() {
    let rules = shipped::rules();
    assert_eq!(doubled(rules.iter().map(|rule| rule.name.clone())), [""; 0]);
    for rule in rules.iter().filter(|rule| rule.is_alert) {
        assert!(rule.name.starts_with("Skep"), "{rule:?}");
        assert!(["critical", "warning", "info"].contains(&rule.severity.as_str()), "{rule:?}");
        assert!(!rule.summary.is_empty() && rule.summary.ends_with('.'), "{rule:?}");
        assert!(rule.description.contains("`skep "), "{} does not say what to type", rule.name);
    }
    let tests = fs::read_to_string(repository().join("tests/fixtures/prometheus/alerts.yaml"))
        .expect("tests of alerts");
    for rule in rules.iter().filter(|rule| rule.is_alert) {
        assert!(tests.contains(&rule.name), "no test makes {} fire", rule.name);
    }
}

#[test]
fn panels_are_apart() {
    let dashboard = shipped::dashboard();
    let panels = shipped::panels(&dashboard);
    for field in ["id", "title"] {
        assert_eq!(doubled(panels.iter().map(|panel| panel[field].to_string())), [""; 0]);
    }
    let cells = panels.iter().flat_map(|panel| {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|field| {
            panel["gridPos"][field].as_u64().unwrap_or_else(|| panic!("{panel} has no place"))
        });
        assert!(x + w <= 24, "{panel} is too wide");
        (x..x + w).flat_map(move |x| (y..y + h).map(move |y| format!("{x},{y}")))
    });
    assert_eq!(doubled(cells), [""; 0], "panels lie on each other");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
        let refs = panel["targets"].as_array().expect("questions").iter();
        assert_eq!(doubled(refs.map(|target| target["refId"].to_string())), [""; 0]);
    }
}

/// Runs each command's `--help`, and looks for its flags there.
#[test]
fn what_alerts_tell_to_type_is_there() {
    let home = Home::new();
    let command = Regex::new("`skep ([^`]+)`").expect("a pattern");
    let mut helps = BTreeMap::new();
    for rule in shipped::rules() {
        for found in command.captures_iter(&rule.description) {
            let words: Vec<&str> = found[1].split_whitespace().collect();
            let path: Vec<&str> =
                words.iter().take_while(|word| !word.starts_with('-')).copied().collect();
            let help = helps.entry(path.join(" ")).or_insert_with(|| {
                let outcome = home.run(&[path.as_slice(), &["--help"]].concat());
                assert_eq!(outcome.code, Some(0), "{}: {outcome}", rule.name);
                outcome.stdout
            });
            for flag in words.iter().filter(|word| word.starts_with('-')) {
                let listed =
                    Regex::new(&format!("(?m)^ +(-[a-z], )?{flag}([ ,]|$)")).expect("a pattern");
                assert!(listed.is_match(help), "{}: {path:?} has no {flag}", rule.name);
            }
        }
    }
    assert!(!helps.is_empty());
}

/// Returns the values that an expression compares `reason` with.
fn reasons(expr: &str) -> Vec<BTreeSet<String>> {
    let matcher = Regex::new(r#"reason(?:=|!=|=~|!~)"([^"]*)""#).expect("a pattern");
    let split = |text: &str| text.split('|').map(str::to_owned).collect();
    matcher.captures_iter(expr).map(|found| split(&found[1])).collect()
}

/// A new reason must not count as a drop when it is none, nor be left out when it is one.
#[test]
fn alerts_know_all_reasons() {
    let notes: BTreeSet<String> = Note::ALL.iter().map(|note| note.name().to_owned()).collect();
    let drops: BTreeSet<String> = DropReason::ALL.iter().map(|it| it.name().to_owned()).collect();
    let rules = shipped::rules();
    let of = |name: &str| {
        let rule = rules.iter().find(|rule| rule.name == name).expect("there is such a rule");
        reasons(&rule.expr).into_iter().flatten().collect::<BTreeSet<_>>()
    };
    assert_eq!(of("node_reason:skep_dropped_packets:rate5m"), notes, "what is no drop");
    let mut elsewhere = BTreeSet::new();
    for rule in rules.iter().filter(|rule| rule.name != "SkepPacketsDropped") {
        let known = |reason: &String| notes.contains(reason) || drops.contains(reason);
        let named = of(&rule.name);
        assert!(named.iter().all(known), "{}: {named:?}", rule.name);
        elsewhere.extend(named.into_iter().filter(|reason| drops.contains(reason)));
    }
    assert_eq!(of("SkepPacketsDropped"), elsewhere, "drops that have an alert of their own");
}

#[test]
fn rules_and_dashboard_go_by_the_jobs_of_the_example() {
    let scraping = shipped::scraping();
    let jobs = scraping["scrape_configs"].as_array().expect("jobs");
    let names: BTreeSet<&str> = jobs.iter().filter_map(|job| job["job_name"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(["skep-agent", "skep-flows", "skep-operator", "skep-relay"]));
    let job = Regex::new(r#"job="([^"]*)""#).expect("a pattern");
    for (place, expr) in expressions() {
        for found in job.captures_iter(&expr) {
            assert!(names.contains(&found[1]), "{place}: there is no job {}", &found[1]);
        }
    }
}

//! Policies that were not written for lint.

use serde_json::Value;

use super::findings;
use crate::policy::{lint::Whole, parse::Severity};

const SCENARIOS: &str = include_str!("../../../../tests/fixtures/policy/verdicts.json");
const CASES: &str = include_str!("../../../../tests/fixtures/policy/validation.json");

/// Returns what is wrong for certain.
fn errors(text: &str) -> Vec<&'static str> {
    let found = findings(text, Whole::Part);
    let errors = found.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| finding.code.id).collect()
}

fn list(json: &str, field: &str) -> Vec<Value> {
    let json: Value = serde_json::from_str(json).expect("it is JSON");
    json[field].as_array().expect("a list").clone()
}

#[test]
fn valid_policies_have_no_errors() {
    // These allow names whose DNS answers nobody sees.
    let blind = ["fqdn-other", "fqdn-trailing-dot.yaml"];
    let scenarios = list(SCENARIOS, "scenarios");
    let cases = list(CASES, "cases");
    let valid = cases.iter().filter(|case| case["expect"] == "valid");
    let mut tried = 0;
    for sample in scenarios.iter().chain(valid) {
        let name = sample["name"].as_str().expect("a name");
        let policies = sample["policies"].as_array();
        let texts: Vec<&str> = match policies {
            Some(list) => list.iter().filter_map(Value::as_str).collect(),
            None => vec![sample["yaml"].as_str().expect("a text")],
        };
        let expected: &[&str] = if blind.contains(&name) { &["NP3001"] } else { &[] };
        assert_eq!(errors(&texts.join("\n---\n")), expected, "{name}");
        tried += 1;
    }
    assert!(tried > 40, "{tried}");
}

#[test]
fn invalid_policies_have_errors() {
    let cases = list(CASES, "cases");
    let invalid = cases.iter().filter(|case| case["expect"] != "valid");
    assert!(invalid.clone().count() > 10);
    for case in invalid {
        let errors = errors(case["yaml"].as_str().expect("a text"));
        assert!(errors.iter().any(|code| code.starts_with("NP1")), "{}: {errors:?}", case["name"]);
    }
}

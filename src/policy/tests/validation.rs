//! Which objects are accepted.

use serde_json::Value;

use super::input;
use crate::policy::parse::Compat;

const CASES: &str = include_str!("../../../tests/fixtures/policy/validation.json");

#[test]
fn accepts_what_cilium_accepts() {
    let cases: Value = serde_json::from_str(CASES).expect("the fixture is JSON");
    let cases = cases["cases"].as_array().expect("a list of cases");
    assert!(cases.len() >= 33);
    let mut wrong = Vec::new();
    for case in cases {
        let text = case["yaml"].as_str().expect("a text");
        let input = input(Compat::Cilium, &[text]);
        let accepted = input.policies().len() == 1;
        if accepted != (case["expect"] == "valid") {
            let problems: Vec<String> = input.problems().map(ToString::to_string).collect();
            wrong.push(format!("{}: {problems:?}", case["name"]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

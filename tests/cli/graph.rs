//! `skep graph`: the same flows give the same map, whoever named the pods.

use std::fs;

use crate::run::{Home, Outcome, repository};

fn graph(args: &[&str]) -> Outcome {
    let flows = repository().join("tests/fixtures/graph/flows.json");
    let flows = flows.to_str().expect("a path of the repository is text");
    Home::new().run(&[&["graph", "--input-file", flows], args].concat())
}

/// Compares with a file of the repository; `UPDATE_GOLDEN=1` writes it.
fn assert_golden(name: &str, text: &str) {
    let path = repository().join("tests/fixtures/graph").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).expect("it is written");
    }
    let golden = fs::read_to_string(&path).expect("it is there");
    assert!(golden == text, "{name} differs:\n{text}");
}

#[test]
fn maps_are_what_they_were() {
    for (format, name) in
        [("svg", "map.svg"), ("dot", "map.dot"), ("mermaid", "map.mmd"), ("json", "map.json")]
    {
        let outcome = graph(&["-o", format]);
        assert_eq!(outcome.code, Some(0), "{outcome}");
        assert_eq!(outcome.stderr, "21 flows, 1 dropped, 0 lost\n");
        assert_golden(name, &outcome.stdout);
    }
}

/// The fixture has a pod with quotes, tags, a terminal escape and a character that reverses text.
#[test]
fn names_are_never_markup() {
    for format in ["svg", "dot", "mermaid"] {
        let text = graph(&["-o", format]).stdout;
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{format}");
        assert!(!text.contains("<b>") || format == "dot", "{format}");
    }
    assert!(!graph(&["-o", "json"]).stdout.contains('\u{1b}'));
    let svg = graph(&[]).stdout;
    assert!(svg.contains("&lt;b&gt;&quot;x&quot;&amp;&#39;\\u{1b}[31m"), "{svg}");
    let dot = graph(&["-o", "dot"]).stdout;
    assert!(dot.contains(r#"label="<b>\"x\"&'\\u{1b}[31m"#), "{dot}");
}

#[test]
fn a_namespace_is_drawn_with_its_neighbours() {
    let json = graph(&["-n", "data", "-o", "json"]).json();
    let names: Vec<&str> = json["nodes"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|n| n["name"].as_str())
        .collect();
    assert_eq!(names, ["postgres", "prometheus", "api"]);
    assert_eq!(json["apiVersion"], "cli.skep.io/v1");
    let none = graph(&["--until", "2001-01-01"]);
    assert_eq!((none.code, none.stderr.as_str()), (Some(0), "0 flows, 0 dropped, 0 lost\n"));
}

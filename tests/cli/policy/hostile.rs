//! What nobody writes by hand: clear errors, and bounded memory and time. The bounds of time are for a
//! debug build on a busy machine; what grows with the square of the input takes minutes.

use std::{
    fmt::Write,
    fs,
    process::Command,
    time::{Duration, Instant},
};

use crate::run::{Home, Outcome};

const HEAD: &str = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec:\n  endpointSelector: {}\n";
/// Address space that is enough, KiB.
const MEMORY: u32 = 1 << 20;
const TIME: Duration = Duration::from_secs(60);

/// Lints a text with bounded memory, and fails if it takes too long.
fn lint(text: &[u8], args: &[&str]) -> Outcome {
    let home = Home::new();
    fs::write(home.dir.path().join("p.yaml"), text).expect("a file");
    let inner = home.command(&[&["policy", "lint", "p.yaml"], args].concat());
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\"")]);
    command.arg(inner.get_program()).args(inner.get_args());
    command.env_clear().env("HOME", home.dir.path()).current_dir(home.dir.path());
    let start = Instant::now();
    let outcome = home.finish(command);
    let took = start.elapsed();
    println!("{} bytes: {took:?}", text.len());
    assert!(took < TIME, "{took:?} for {} bytes", text.len());
    outcome
}

fn rules(list: &str, count: usize, rule: impl Fn(usize) -> String) -> String {
    let mut text = format!("{HEAD}  {list}:\n");
    for n in 0..count {
        let _ = writeln!(text, "  - {}", rule(n));
    }
    text
}

#[test]
fn what_is_no_text_or_yaml_is_refused_with_its_place() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let refs = vec![format!("*a{}", level - 1); 10].join(", ");
        let _ = writeln!(bomb, "a{level}: &a{level} [{refs}]");
    }
    let deep = format!("a: {}", "{b: ".repeat(200_000));
    let lines: String = (0..5000).map(|n| format!("{}- \n", " ".repeat(n))).collect();
    for (text, error) in [
        (&b"kind: \xff\xfe"[..], "p.yaml is not UTF-8: byte 6"),
        (bomb.as_bytes(), "p.yaml:5:"),
        (bomb.as_bytes(), "aliases stand for more than 100000 values"),
        (deep.as_bytes(), "nested deeper than 64 levels"),
        (lines.as_bytes(), "nested deeper than 64 levels"),
        (b"a: *b", "p.yaml:1:4: "),
        (b"a: &a [*a]", "p.yaml:1:8: an alias inside of what it stands for"),
        (b"a: 'b", "p.yaml:1:"),
        (b"a:\n\tb: 1", "p.yaml:2:"),
        (b"? {a: 1}\n: 2", "keys must be plain text"),
    ] {
        let outcome = lint(text, &[]);
        assert_eq!(outcome.code, Some(4), "{error}: {outcome}");
        assert!(outcome.stderr.contains(error), "{error}: {outcome}");
    }
}

#[test]
fn objects_of_thousands_of_rules_take_seconds() {
    let port = |n: usize| n % 60_000 + 1;
    let many = rules("ingress", 10_000, |n| {
        format!(
            "{{fromEndpoints: [{{matchLabels: {{app: a{n}}}}}], toPorts: [{{ports: [{{port: '{}', protocol: TCP}}]}}]}}",
            port(n)
        )
    });
    let outcome = lint(many.as_bytes(), &["--fail-on", "warn"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let same = rules("ingress", 10_000, |_| "{fromEndpoints: [{}]}".to_owned());
    assert!(
        lint(same.as_bytes(), &[]).stdout.contains("10000 findings"),
        "all but one say nothing new"
    );
    let world = rules("ingress", 10_000, |n| {
        format!("{{fromEntities: [world], toPorts: [{{ports: [{{port: '{}'}}]}}]}}", port(n))
    });
    assert_eq!(lint(world.as_bytes(), &[]).code, Some(0));
    let names =
        rules("egress", 10_000, |n| format!("{{toFQDNs: [{{matchName: a{n}.example.com}}]}}"));
    let dns = "  - {toEndpoints: [{}], toPorts: [{ports: [{port: '53', protocol: ANY}], rules: {dns: [{matchPattern: '*.example.org'}]}}]}\n";
    let outcome = lint(format!("{names}{dns}").as_bytes(), &["-o", "github"]);
    assert_eq!(outcome.stdout.matches("NP3003").count(), 10_000);
}

#[test]
fn five_megabytes_are_linted() {
    let long = format!("{HEAD}  description: '{}'\n  ingress: [{{}}]\n", "x".repeat(5 << 20));
    let outcome = lint(long.as_bytes(), &["--select", "ALL"]);
    assert!(outcome.code == Some(0) && outcome.stdout.len() < 10_000, "lines are cut");
    let big = rules("ingress", 40_000, |n| {
        format!(
            "{{fromEndpoints: [{{matchLabels: {{app.kubernetes.io/name: some-long-name-of-a-workload-{n}, tier: backend}}}}]}}"
        )
    });
    assert!(big.len() > 4 << 20);
    assert_eq!(lint(big.as_bytes(), &[]).code, Some(0));
}

#[test]
fn more_ports_than_an_item_may_have_are_an_error_with_its_place() {
    let ports = |count: usize| {
        let ports: Vec<String> =
            (1..=count).map(|n| format!("{{port: '{}'}}", n % 65_000 + 1)).collect();
        format!(
            "{HEAD}  ingress:\n  - fromEndpoints: [{{}}]\n    toPorts:\n    - ports: [{}]\n",
            ports.join(", ")
        )
    };
    assert_eq!(lint(ports(40).as_bytes(), &[]).code, Some(0));
    for count in [41, 100_000] {
        let outcome = lint(ports(count).as_bytes(), &[]);
        assert_eq!(outcome.code, Some(1), "{outcome}");
        assert!(
            outcome.stdout.contains("error[NP1001]") && outcome.stdout.contains("40"),
            "{outcome}"
        );
        assert!(outcome.stdout.contains("p.yaml:9:"), "{outcome}");
    }
}

#[test]
fn many_mistakes_in_one_line_are_told_in_little_space() {
    let keys: Vec<String> = (0..20_000).map(|n| format!("k{n}: 1")).collect();
    let text = format!("{HEAD}  ingress: [{{{}}}]\n", keys.join(", "));
    let outcome = lint(text.as_bytes(), &[]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stdout.len() < 20_000 * 600, "{} bytes", outcome.stdout.len());
}

#[test]
fn thousands_of_policies_for_the_same_pods_take_seconds() {
    let one = |n: usize| {
        let head = HEAD.replace("name: p", &format!("name: p{n}"));
        format!("---\n{head}  egress: [{{toEndpoints: [{{}}]}}]\n")
    };
    let text: String = (0..3000).map(one).collect();
    assert_eq!(lint(text.as_bytes(), &["-o", "json"]).code, Some(0));
}

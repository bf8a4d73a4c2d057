use std::{fs, time::Instant};

use crate::run::{Home, Outcome, repository};

const POLICY: &str = "\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  ingress:
  - toPorts:
    - ports: [{port: \"010\", protocol: TCP}] # why
";

fn home(text: &str) -> Home {
    let home = Home::new();
    fs::write(home.dir.path().join("p.yaml"), text).expect("a file");
    home
}

fn run(home: &Home, args: &[&str]) -> Outcome {
    home.run(&[&["policy", "lint"], args].concat())
}

#[test]
fn shows_the_line_and_what_to_do() {
    let outcome = run(&home(POLICY), &["p.yaml", "--ignore", "NP3"]);
    let octal = "\
warning[NP1006]: \"010\" is read as octal: it means port 8
  --> p.yaml:8:22 (CiliumNetworkPolicy shop/web)
   |
 8 |     - ports: [{port: \"010\", protocol: TCP}] # why
   |                      ^^^^^
";
    assert!(outcome.stdout.contains(octal), "{outcome}");
    assert!(outcome.stdout.contains("warning[NP4001]: names no peers"), "{outcome}");
    assert!(outcome.stdout.ends_with("\n2 findings: 2 warnings. --fix mends 1.\n"), "{outcome}");
}

#[test]
fn levels_and_selection_decide_the_exit_code() {
    let home = home(POLICY);
    for (args, code) in [
        (&["p.yaml"][..], 0),
        (&["p.yaml", "--fail-on", "warn"], 1),
        (&["p.yaml", "--fail-on", "warn", "--select", "NP1006"], 1),
        (&["p.yaml", "--fail-on", "warn", "--select", "NP2"], 0),
        (&["p.yaml", "--fail-on", "warn", "--ignore", "octal-or-hex-port,allow-all"], 0),
        (&["p.yaml", "--select", "NP99"], 2),
        (&["nowhere.yaml"], 4),
    ] {
        let outcome = run(&home, args);
        assert_eq!(outcome.code, Some(code), "{args:?} {outcome}");
    }
    fs::write(home.dir.path().join("p.yaml"), "a: [1\nb: 2").expect("a file");
    assert_eq!(run(&home, &["p.yaml"]).code, Some(4));
    fs::write(home.dir.path().join("p.yaml"), b"a: \xe9\n").expect("a file");
    let latin = run(&home, &["p.yaml"]);
    assert!(latin.code == Some(4) && latin.stderr.contains("is not UTF-8: byte 3"), "{latin}");
    fs::write(home.dir.path().join("p.yaml"), "[".repeat(100_000)).expect("a file");
    assert_eq!(run(&home, &["p.yaml"]).code, Some(4), "deep");
}

#[test]
fn comments_take_findings_away() {
    let text =
        POLICY.replace("  - toPorts:", "  # skep-lint: disable=NP4001,NP1006 legacy\n  - toPorts:");
    assert_eq!(run(&home(&text), &["p.yaml", "--fail-on", "warn"]).code, Some(0));
    let wrong = POLICY.replace("# why", "# skep-lint: disable=NP9999");
    let outcome = run(&home(&wrong), &["p.yaml"]);
    assert!(outcome.stderr.contains("names \"NP9999\", which is no code"), "{outcome}");
}

#[test]
fn fixes_what_is_safe_and_shows_it_first() {
    let home = home(POLICY);
    let diff = run(&home, &["p.yaml", "--diff"]);
    assert_eq!(diff.code, Some(1), "{diff}");
    assert!(diff.stdout.contains("-    - ports: [{port: \"010\", protocol: TCP}] # why\n+    - ports: [{port: \"8\", protocol: TCP}] # why\n"), "{diff}");
    let read = || fs::read_to_string(home.dir.path().join("p.yaml")).expect("the file");
    assert_eq!(read(), POLICY, "only shown");
    let fixed = run(&home, &["p.yaml", "--fix"]);
    assert_eq!((fixed.code, read()), (Some(0), POLICY.replace("010", "8")), "{fixed}");
    assert_eq!(run(&home, &["p.yaml", "--diff"]).stdout, "");
}

#[test]
fn every_format_has_the_finding_in_its_place() {
    let home = home(POLICY);
    let of = |format: &str| run(&home, &["p.yaml", "--select", "NP1006", "-o", format]);
    let json = of("json").json();
    let item = &json["items"][0];
    assert_eq!(json["kind"], "PolicyFindingList");
    assert_eq!(
        (&item["code"], &item["line"], &item["column"]),
        (&"NP1006".into(), &8.into(), &22.into())
    );
    assert_eq!(
        (&item["fix"]["safety"], &item["fix"]["edits"][0]["text"]),
        (&"safe".into(), &"\"8\"".into())
    );
    let sarif = of("sarif").json();
    assert_eq!(sarif["version"], "2.1.0");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"NP1006".into(), &"warning".into()));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(
        (&place["artifactLocation"]["uri"], &place["region"]["startLine"]),
        (&"p.yaml".into(), &8.into())
    );
    assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"][0]["id"], "NP1006");
    let github = of("github").stdout;
    assert!(
        github.starts_with(
            "::warning file=p.yaml,line=8,endLine=8,col=22,title=NP1006 octal-or-hex-port::"
        ),
        "{github}"
    );
    let junit = of("junit").stdout;
    assert!(
        junit.contains("<testsuite name=\"p.yaml\" tests=\"1\" failures=\"1\">")
            && junit.contains("octal"),
        "{junit}"
    );
}

#[test]
fn explains_codes() {
    let home = Home::new();
    let page = run(&home, &["--explain", "NP3001"]);
    assert_eq!(page.code, Some(0), "{page}");
    assert!(
        page.stdout.starts_with("# NP3001 fqdn-without-dns-visibility\n")
            && page.stdout.contains("Good:"),
        "{page}"
    );
    assert!(!page.stdout.contains("NP3002"), "{page}");
    assert_eq!(run(&home, &["--explain", "no-dns-egress"]).code, Some(0));
    assert_eq!(run(&home, &["--explain", "NP0000"]).code, Some(2));
}

/// Four ordinary policies, each a trap when it is applied alone.
#[test]
fn the_examples_have_no_error_and_say_what_they_isolate() {
    let home = Home::new();
    let dir = repository().join("examples/policies");
    for (file, parts) in [
        (
            "all-pods-to-istio-internal-access.yaml",
            &[
                "applied alone, this isolates every pod of the cluster for egress",
                "DNS",
                "`enableDefaultDeny: {egress: false}`",
            ][..],
        ),
        (
            "host-firewall-allow-metrics-server-to-kubelet.yaml",
            &[
                "applied alone, this isolates every node for ingress",
                "etcd",
                "SSH",
                "VXLAN",
                "`enableDefaultDeny: {ingress: false}`",
            ],
        ),
        (
            "allow-ingress-egress-within-namespace.yaml",
            &[
                "isolates all pods in default for egress",
                "the cluster's DNS",
                "k8s-app: kube-dns",
                "port: \"53\"",
            ],
        ),
        (
            "vmagent-allow-desired-namespace.yaml",
            &[
                "serviceaccount=victoria-metrics-agent-usr",
                "the cluster's DNS, the API server",
                "port: \"53\"",
            ],
        ),
    ] {
        let path = dir.join(file);
        let outcome = run(&home, &[path.to_str().unwrap()]);
        assert_eq!(outcome.code, Some(0), "{file}: {outcome}");
        assert!(!outcome.stdout.contains("error["), "{file}: {outcome}");
        for part in parts {
            assert!(outcome.stdout.contains(part), "{file} does not say {part:?}: {outcome}");
        }
    }
}

#[test]
fn stdin_lists_and_the_working_directory_are_read() {
    let home = home(POLICY);
    assert_eq!(run(&home, &["--fail-on", "warn"]).code, Some(1), "the working directory");
    let mut command = home.command(&["policy", "lint", "-", "--fix", "--select", "NP1006"]);
    command.stdin(fs::File::open(home.dir.path().join("p.yaml")).expect("the file"));
    assert_eq!(home.finish(command).stdout, POLICY.replace("010", "8"), "stdin is fixed to stdout");
}

#[test]
fn fixes_that_change_verdicts_are_made_on_demand() {
    let pods = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\nspec: {containers: [{name: c, image: x}]}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: api, namespace: shop, labels: {app: api}}\nspec: {containers: [{name: c, image: x}]}\n---\n";
    let policy = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: web, namespace: shop}\nspec:\n  endpointSelector: {matchLabels: {app: web}}\n  ingress:\n  - fromEndpoints: [{matchLabels: {app: apo}}] # typo\n";
    let home = home(&format!("{pods}{policy}"));
    let outcome = run(&home, &["p.yaml"]);
    assert!(outcome.stdout.contains("nobody has app=apo; did you mean app=api?"), "{outcome}");
    assert!(outcome.stdout.contains("--fix --unsafe-fixes mends 1.\n"), "{outcome}");
    assert_eq!(run(&home, &["p.yaml", "--diff"]).stdout, "", "none of them is safe");
    let diff = run(&home, &["p.yaml", "--diff", "--unsafe-fixes"]);
    assert!(
        diff.stdout.contains("+  - fromEndpoints: [{matchLabels: {app: api}}] # typo\n"),
        "{diff}"
    );
    assert!(diff.stderr.contains("shop/api") && diff.stderr.contains("80/tcp"), "{diff}");
    let fixed = run(&home, &["p.yaml", "--fix", "--unsafe-fixes", "--select", "NP2"]);
    assert_eq!((fixed.code, &*fixed.stdout), (Some(0), "No findings.\n"), "{fixed}");
    let text = fs::read_to_string(home.dir.path().join("p.yaml")).expect("the file");
    assert_eq!(text, format!("{pods}{}", policy.replace("apo", "api")));
}

#[test]
fn releases_of_cilium_matter_to_some_codes() {
    let policy = POLICY.replace(
        "  ingress:\n  - toPorts:\n",
        "  egress:\n  - toServices: [{k8sService: {serviceName: db}}]\n    toPorts:\n",
    );
    let home = home(&policy);
    for (release, count) in [("1.17", 1), ("v1.18.2", 0)] {
        let outcome = run(
            &home,
            &["p.yaml", "--cilium-version", release, "--select", "NP7002", "-o", "json"],
        );
        assert_eq!(outcome.json()["items"].as_array().map(Vec::len), Some(count), "{outcome}");
    }
    assert_eq!(run(&home, &["p.yaml", "--cilium-version", "new"]).code, Some(2));
}

#[test]
fn files_without_policies_are_told_of() {
    let home = home("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n");
    let outcome = run(&home, &["p.yaml"]);
    assert_eq!((outcome.code, &*outcome.stdout), (Some(0), "No findings.\n"));
    assert_eq!(outcome.stderr, "No policies found.\n");
}

/// Prints how long a debug build takes; it must not grow with the square of the policies.
#[test]
fn five_thousand_policies_do_not_meet_each_other() {
    let policy = |n: usize| {
        let namespace = n % 100;
        format!(
            "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: p{n}, namespace: n{namespace}}}\nspec:\n  endpointSelector: {{matchLabels: {{app: a{n}}}}}\n  ingress:\n  - fromEndpoints: [{{matchLabels: {{app: a{}}}}}]\n    toPorts: [{{ports: [{{port: '80', protocol: TCP}}]}}]\n  egress:\n  - toEndpoints: [{{matchLabels: {{app: a{}}}}}]\n",
            n + 100,
            n + 200
        )
    };
    let time = |count: usize| {
        let home = home(&(0..count).map(policy).collect::<String>());
        let start = Instant::now();
        let outcome = run(&home, &["p.yaml", "-o", "json"]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        start.elapsed()
    };
    let (some, all) = (time(1250), time(5000));
    println!("lint of 1,250 policies: {some:?}; of 5,000: {all:?}");
    assert!(all < some * 8, "{some:?} for 1,250, {all:?} for 5,000");
}

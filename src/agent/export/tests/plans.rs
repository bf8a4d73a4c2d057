//! Plans that change, or make no sense.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::{Strangers, event, has, rotation};
use crate::{
    agent::export::{
        plan::{Target, parse},
        run::Run,
        task::Exporters,
    },
    flows::{Observer, Settings},
};

#[test]
fn plans_are_cilium_s_and_nonsense_is_named() {
    let plan = parse(
        r#"
flowLogs:
- name: drops
  filePath: /var/log/drops.log
  fieldMask: [time, source.namespace]
  includeFilters:
  - verdict: [DROPPED]
  excludeFilters: [{"source_pod": ["kube-system/"]}]
  end: "2026-12-01T00:00:00+01:00"
- name: all
  filePath: stdout
- name: collector
  otlp:
    endpoint: https://collector.observability:4317
    headers: {authorization: "Bearer s3cr3t"}
    timeout: 5s
    tls: {caFile: /etc/ca.pem, serverNameOverride: collector}
"#,
    )
    .unwrap();
    assert_eq!((plan.len(), &plan[1].target), (3, &Target::Stdout));
    let shown = format!("{:?}", plan[2].target);
    assert!(shown.contains("collector.observability") && !shown.contains("s3cr3t"), "{shown}");
    let expected = rotation("/var/log/drops.log".into(), 10_000_000, 5, false);
    assert_eq!(plan[0].target, expected);
    assert_eq!(plan[0].request.until.unwrap().to_string(), "2026-11-30T23:00:00Z");
    assert_eq!(parse("").unwrap(), []);
    for (entry, said) in [
        ("{name: a, filePath: relative}", "filePath \"relative\""),
        ("{name: a, filePath: stdout, colour: red}", "not a list of flowLogs"),
        ("{name: a, filePath: /x, fileMaxSizeMb: 0}", "fileMaxSizeMb is 0"),
        ("{name: a, filePath: /x, includeFilters: [{source_ip: [nowhere]}]}", "source_ip"),
        ("{name: a, filePath: /x, includeFilters: [{source_planet: [mars]}]}", "source_planet"),
        ("{name: a, filePath: /x, fieldMask: [moon]}", "moon"),
        ("{name: a}", "write either filePath or otlp"),
        (
            "{name: a, filePath: /x, otlp: {endpoint: 'http://c:1'}}",
            "write either filePath or otlp",
        ),
        ("{name: a, otlp: {}}", "not a list of flowLogs"),
        ("{name: a, otlp: {endpoint: 'c:4317'}}", "otlp: endpoint \"c:4317\" is not http://"),
        ("{name: a, otlp: {endpoint: 'http://c:1', tls: {}}}", "in the clear"),
        ("{name: a, otlp: {endpoint: 'https://c:1', tls: {certFile: /c}}}", "they go together"),
        ("{name: a, otlp: {endpoint: 'http://c:1', timeout: 0s}}", "timeout is not more than 0"),
        ("{name: a, otlp: {endpoint: 'http://c:1', headers: {'a b': c}}}", "header \"a b\""),
        ("{name: a, otlp: {endpoint: 'http://c:1'}, fileCompress: true}", "for filePath only"),
        (
            "{name: a, filePath: /x, includeFilters: [{experimental: {cel_expression: [_flo]}}]}",
            "_flo is not known",
        ),
        ("{name: a, filePath: /x}, {name: a, filePath: /y}", "\"a\" twice"),
        ("{name: a, filePath: /x}, {name: b, filePath: /x}", "\"/x\" twice"),
    ] {
        let error = parse(&format!("flowLogs: [{entry}]")).expect_err(entry);
        let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
        let chain = chain.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        assert!(chain.contains(said), "{entry}: {chain}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_follow_their_plan_and_survive_one_that_makes_no_sense() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    let observer = Observer::new(Settings::new("default", "n1"), Arc::new(Strangers));
    let mut exporters = Exporters::new(Arc::clone(&observer), Arc::default());
    let plan = |path: &Path, port: u16| {
        let path = path.display();
        Ok(format!(
            "flowLogs: [{{name: a, filePath: {path}, fieldMask: [l4], \
             includeFilters: [{{destination_port: [\"{port}\"]}}]}}]"
        ))
    };
    let file = Path::new("plan");
    exporters.apply(file, &plan(&one, 53));
    has(&observer, &one, 53).await;
    exporters.apply(file, &Ok("flowLogs: [{}]".into()));
    let before = fs::read_to_string(&one).unwrap().lines().count();
    observer.push([event(99), event(53)]);
    let end = Instant::now() + Duration::from_secs(20);
    while fs::read_to_string(&one).unwrap().lines().count() == before {
        assert!(Instant::now() < end, "it goes on");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    exporters.apply(file, &plan(&two, 80));
    has(&observer, &two, 80).await;
    let lines = fs::read_to_string(&one).unwrap();
    assert!(lines.lines().all(|line| line.contains("port\":53")), "filtered: {lines}");
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["flow"].as_object().unwrap().len(), 1, "masked: {first}");
    assert_eq!(first["node_name"], "default/n1");
    exporters.apply(file, &Err("no such file".into()));
    assert!(exporters.running.is_empty(), "without a plan nothing is exported");
}

/// Starts an export to a file, after what still writes it.
fn start(
    observer: &Arc<Observer>,
    path: &Path,
    before: &[&CancellationToken],
) -> CancellationToken {
    let plan = format!("flowLogs: [{{name: a, filePath: {}}}]", path.display());
    let (stop, closed) = (CancellationToken::new(), CancellationToken::new());
    let run = Run {
        observer: Arc::clone(observer),
        export: parse(&plan).unwrap().remove(0),
        counts: Arc::default(),
        stop: stop.clone(),
        before: before.iter().map(|token| (*token).clone()).collect(),
        _closed: closed.clone().drop_guard(),
    };
    tokio::spawn(run.run());
    closed
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_waits_for_what_still_writes_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let (waiting, other) = (dir.path().join("waiting"), dir.path().join("other"));
    let observer = Observer::new(Settings::new("default", "n1"), Arc::new(Strangers));
    let before = CancellationToken::new();
    start(&observer, &waiting, &[&before]);
    start(&observer, &other, &[]);
    for port in [1, 2, 3] {
        has(&observer, &other, port).await;
    }
    assert!(!waiting.exists(), "its file is somebody else's");
    before.cancel();
    // What came meanwhile has waited.
    has(&observer, &waiting, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_plan_ends_the_old_export_before_the_new_one_writes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("flows");
    let observer = Observer::new(Settings::new("default", "n1"), Arc::new(Strangers));
    let mut exporters = Exporters::new(Arc::clone(&observer), Arc::default());
    for port in 1..20 {
        let filter = format!("includeFilters: [{{destination_port: [\"{port}\"]}}]");
        let plan = format!("flowLogs: [{{name: a, filePath: {}, {filter}}}]", path.display());
        exporters.apply(Path::new("plan"), &Ok(plan));
        has(&observer, &path, port).await;
    }
    let text = fs::read_to_string(&path).unwrap();
    let ports: Vec<u64> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("whole lines"))
        .map(|line| line["flow"]["l4"]["UDP"]["destination_port"].as_u64().unwrap())
        .collect();
    assert!(ports.is_sorted(), "{ports:?}");
}

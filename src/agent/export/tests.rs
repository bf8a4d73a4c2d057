//! Files that rotate, disks that are full, and plans that change.

use std::{
    fs,
    io::Read,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use flate2::read::GzDecoder;
use skep_bpf::abi::{self, Observation, event_kind};
use tokio::sync::mpsc;

use super::{
    file::Sink,
    plan::{Rotation, Target, parse},
    task::{Exporters, write},
};
use crate::{
    events::Event,
    flows::{Observer, PeerInfo, Resolve, Settings},
    model::Identity,
};

fn rotation(path: PathBuf, max_bytes: u64, backups: usize, compress: bool) -> Target {
    Target::File(Rotation { path, max_bytes, backups, compress })
}

#[test]
fn files_begin_anew_before_they_are_too_large_and_the_oldest_goes() {
    for compress in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("flows");
        let mut sink = Sink::open(&rotation(path.clone(), 10, 2, compress)).unwrap();
        for line in ["one..\n", "two..\n", "three\n", "four.\n"] {
            sink.write(line.as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "four.\n");
        let old = |number: usize| {
            let name = format!("flows.{number}{}", if compress { ".gz" } else { "" });
            let bytes = fs::read(dir.path().join(name)).unwrap();
            let mut text = String::new();
            if compress {
                GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
            } else {
                text = String::from_utf8(bytes).unwrap();
            }
            text
        };
        assert_eq!([old(1), old(2)], ["three\n", "two..\n"]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "one.. is gone");
    }
}

#[test]
fn old_files_stay_while_a_file_cannot_be_put_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("flows");
    let old = [1, 2].map(|number| dir.path().join(format!("flows.{number}.gz")));
    old.iter().for_each(|path| fs::write(path, path.to_str().unwrap()).unwrap());
    let mut sink = Sink::open(&rotation(path.clone(), 10, 2, true)).unwrap();
    sink.write(b"first.\n").unwrap();
    // What is in the way of the compressed file breaks every try, as a full disk would.
    fs::create_dir(dir.path().join("flows.0.gz")).unwrap();
    for _ in 0..3 {
        sink.write(b"second\n").expect_err("it cannot be compressed");
        for path in &old {
            assert_eq!(fs::read_to_string(path).unwrap(), path.to_str().unwrap());
        }
    }
    fs::remove_dir(dir.path().join("flows.0.gz")).unwrap();
    sink.write(b"third.\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "third.\n");
    assert_eq!(fs::read_to_string(&old[1]).unwrap(), old[0].to_str().unwrap());
}

#[test]
fn a_file_that_somebody_took_is_made_anew() {
    for compress in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("flows");
        let mut sink = Sink::open(&rotation(path.clone(), 10, 2, compress)).unwrap();
        sink.write(b"first.\n").unwrap();
        fs::remove_file(&path).unwrap();
        sink.write(b"second\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second\n");
    }
}

#[test]
fn a_file_without_old_ones_is_emptied_and_one_that_is_there_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("flows");
    fs::write(&path, "before\n").unwrap();
    let mut sink = Sink::open(&rotation(path.clone(), 14, 0, false)).unwrap();
    sink.write(b"after.\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "before\nafter.\n");
    sink.write(b"x\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "x\n");
}

#[test]
fn a_full_disk_loses_lines_and_nothing_else() {
    let full = rotation("/dev/full".into(), 1 << 20, 0, false);
    assert!(Sink::open(&full).unwrap().write(b"line\n").is_err());
    let dir = tempfile::tempdir().unwrap();
    let absent = rotation(dir.path().join("later/flows"), 1 << 20, 0, false);
    let (queue, lines) = mpsc::channel(8);
    let (tried, tries) = std::sync::mpsc::channel();
    let writer = std::thread::spawn(move || {
        let open = || {
            let opened = Sink::open(&absent);
            tried.send(opened.is_ok()).unwrap();
            opened
        };
        write("test", open, lines);
    });
    queue.blocking_send("lost".into()).unwrap();
    assert_eq!(tries.recv(), Ok(false), "there is no such directory");
    fs::create_dir(dir.path().join("later")).unwrap();
    let path = dir.path().join("later/flows");
    let end = Instant::now() + Duration::from_secs(20);
    while fs::read_to_string(&path).unwrap_or_default().is_empty() {
        assert!(Instant::now() < end, "lines are written when there is room again");
        queue.blocking_send("kept".into()).unwrap();
    }
    drop(queue);
    writer.join().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.lines().all(|line| line == "kept"), "{text}");
}

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
"#,
    )
    .unwrap();
    assert_eq!((plan.len(), &plan[1].target), (2, &Target::Stdout));
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
        ("{name: a, filePath: /x}, {name: a, filePath: /y}", "\"a\" twice"),
        ("{name: a, filePath: /x}, {name: b, filePath: /x}", "\"/x\" twice"),
    ] {
        let error = parse(&format!("flowLogs: [{entry}]")).expect_err(entry);
        let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
        let chain = chain.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        assert!(chain.contains(said), "{entry}: {chain}");
    }
}

/// Nobody is known.
struct Strangers;

impl Resolve for Strangers {
    fn address(&self, _: IpAddr) -> Option<Arc<PeerInfo>> {
        None
    }

    fn identity(&self, _: Identity) -> Option<Arc<PeerInfo>> {
        None
    }
}

fn event(port: u16) -> Event {
    let address = |last| IpAddr::from([10, 0, 0, last]).into();
    let record = abi::Event {
        kind: event_kind::TRACE,
        observation: Observation::ToEndpoint as u8,
        ip_version: 4,
        proto: 17,
        src: address(1),
        dst: address(2),
        dport: port,
        ..abi::Event::default()
    };
    Event::decode(&record).expect("a record")
}

/// Pushes flows until the file has one of them.
async fn has(observer: &Observer, path: &Path, port: u16) {
    let end = Instant::now() + Duration::from_secs(20);
    while !fs::read_to_string(path).unwrap_or_default().contains(&format!("port\":{port}")) {
        assert!(Instant::now() < end, "{} gets flows to port {port}", path.display());
        observer.push([event(port)]);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_follow_their_plan_and_survive_one_that_makes_no_sense() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    let observer = Observer::new(Settings::new("default", "n1"), Arc::new(Strangers));
    let mut exporters = Exporters { observer: Arc::clone(&observer), running: Default::default() };
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

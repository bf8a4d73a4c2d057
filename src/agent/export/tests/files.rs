//! Files that rotate, and disks that are full.

use std::{
    fs,
    io::Read,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use flate2::read::GzDecoder;
use tokio::sync::mpsc;

use super::rotation;
use crate::agent::export::{board::Counts, file::Sink, write::write};

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
        let counts = Counts::default();
        write("test", open, lines, &counts);
        counts
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
    let counts = writer.join().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.lines().all(|line| line == "kept"), "{text}");
    let kept = text.lines().count() as u64;
    assert_eq!(counts.exported.load(Ordering::Relaxed), kept);
    assert!(counts.lost.load(Ordering::Relaxed) >= 1, "the first line is lost");
}

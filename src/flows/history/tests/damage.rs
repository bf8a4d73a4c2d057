//! Segments that are cut or changed: what is whole is read, and nothing panics.

use std::{fs, path::Path};

use proptest::prelude::*;

use super::{Fate, event, number, observer, read, runtime, write};
use crate::flows::{
    Request,
    history::{keep::Portion, segment::Segment},
};

/// Writes blocks of so many flows; returns the file, and where blocks end in it.
fn written(dir: &Path, blocks: &[usize]) -> (Segment, Vec<u64>) {
    let observer = observer(dir, 64 << 20);
    let mut next = 0;
    for count in blocks {
        let numbers = next..next + *count as u32;
        next = numbers.end;
        observer.push(numbers.map(|n| event(n, u64::from(n), Fate::Forwarded)));
        write(&observer, Portion::All);
    }
    let segment = segment(dir);
    let places = segment.scan().unwrap().blocks;
    let mut ends: Vec<_> = places.iter().map(|place| place.offset).skip(1).collect();
    ends.push(fs::metadata(&segment.path).unwrap().len());
    (segment, ends)
}

fn segment(dir: &Path) -> Segment {
    let mut files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    Segment::named(files.next().unwrap()).unwrap()
}

/// Returns what a new agent tells, and how many flows it says are lost.
fn told(dir: &Path) -> (Vec<u32>, u64) {
    let observer = observer(dir, 64 << 20);
    write(&observer, Portion::All);
    let (flows, lost) = runtime().block_on(read(&observer, &Request::default())).unwrap();
    (flows.iter().map(number).collect(), lost)
}

/// Returns the numbers of flows of blocks.
fn numbers(blocks: &[usize], is_whole: impl Fn(usize) -> bool) -> Vec<u32> {
    let mut numbers = Vec::new();
    let mut next = 0;
    for (place, count) in blocks.iter().enumerate() {
        let range = next..next + *count as u32;
        next = range.end;
        numbers.extend(range.filter(|_| is_whole(place)));
    }
    numbers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]
    #[test]
    fn what_stands_before_a_cut_is_read(
        blocks in prop::collection::vec(1..20_usize, 1..6), cut in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (segment, ends) = written(dir.path(), &blocks);
        let bytes = fs::read(&segment.path).unwrap();
        let cut = cut.index(bytes.len());
        fs::write(&segment.path, &bytes[..cut]).unwrap();
        let (told, lost) = told(dir.path());
        prop_assert_eq!(told, numbers(&blocks, |place| ends[place] <= cut as u64));
        prop_assert_eq!(lost, 0, "nobody knows how many there were");
    }

    #[test]
    fn a_changed_bit_costs_its_block_and_no_other(
        blocks in prop::collection::vec(1..20_usize, 1..6), bit in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (segment, ends) = written(dir.path(), &blocks);
        let mut bytes = fs::read(&segment.path).unwrap();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&segment.path, &bytes).unwrap();
        let (told, lost) = told(dir.path());
        let hit = ends.iter().position(|end| (bit as u64 / 8) < *end);
        if bit / 8 < 16 {
            prop_assert!(told.is_empty(), "it says that it is something else");
            prop_assert_eq!(fs::read(&segment.path).unwrap(), bytes, "and is left alone");
        } else {
            prop_assert_eq!(told, numbers(&blocks, |place| Some(place) != hit));
            prop_assert!(lost == 0 || lost == blocks[hit.unwrap()] as u64, "{}", lost);
        }
    }

    #[test]
    fn anything_can_stand_between_blocks(
        blocks in prop::collection::vec(1..20_usize, 1..6),
        garbage in prop_oneof![
            prop::collection::vec(any::<u8>(), 1..300),
            Just(b"SKBK".repeat(50)),
            (60_000..70_000_usize).prop_map(|count| vec![b'S'; count]),
        ],
        after in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (segment, ends) = written(dir.path(), &blocks);
        let mut bytes = fs::read(&segment.path).unwrap();
        let at = ends[after.index(ends.len())] as usize;
        bytes.splice(at..at, garbage.iter().copied());
        fs::write(&segment.path, &bytes).unwrap();
        prop_assert_eq!(segment.scan().unwrap().damaged, garbage.len() as u64);
        prop_assert_eq!(told(dir.path()).0, numbers(&blocks, |_| true));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let dir = tempfile::tempdir().unwrap();
        let (segment, _) = written(dir.path(), &[1]);
        let mut all = fs::read(&segment.path).unwrap();
        all.truncate(16);
        all.extend(bytes);
        fs::write(&segment.path, all).unwrap();
        prop_assert!(told(dir.path()).0.is_empty());
    }
}

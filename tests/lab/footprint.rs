//! What labs leave on a machine.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::turn::Turn;

/// How long the kernel may take to let the last namespace go.
const DEADLINE: Duration = Duration::from_secs(10);

/// Everything of the machine that labs touch, and the machine for oneself.
pub(crate) struct Footprint {
    before: Seen,
    _turn: Turn,
}

/// Everything of the machine that labs touch.
struct Seen {
    mounts: BTreeSet<String>,
    links: BTreeSet<String>,
    cgroups: BTreeSet<String>,
    processes: BTreeSet<i32>,
    directories: BTreeSet<String>,
    programs: BTreeSet<u32>,
}

/// Returns the processes in control groups whose path contains `group`.
pub(crate) fn processes_of(group: &str) -> BTreeSet<i32> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &i32| {
            let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
            groups.contains(group)
        })
        .collect()
}

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

impl Footprint {
    /// Takes it when no other test has a lab.
    pub(crate) fn take() -> Self {
        let turn = Turn::alone();
        Self { before: Seen::now(), _turn: turn }
    }

    /// Waits until nothing is there that was not before.
    pub(crate) fn assert_restored(&self) {
        self.before.assert_restored();
    }
}

/// Returns the control group of all labs.
pub(crate) fn control_groups() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    let unified = mounts.lines().find(|line| line.contains(" - cgroup2 ")).expect("cgroup2");
    Path::new(unified.split(' ').nth(4).expect("a target")).join("skep-lab")
}

impl Seen {
    fn now() -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
        let target = |line: &str| line.split(' ').nth(4).map(str::to_owned);
        let of_labs = |path: &String| path.starts_with("/run/skep");
        let targets: BTreeSet<String> = mounts.lines().filter_map(target).filter(of_labs).collect();
        Self {
            cgroups: names(&control_groups()),
            links: names(Path::new("/sys/class/net")),
            processes: processes_of("/skep-lab/"),
            directories: names(Path::new("/run/skep/lab")),
            programs: aya::programs::loaded_programs().flatten().map(|one| one.id()).collect(),
            mounts: targets,
        }
    }

    fn assert_restored(&self) {
        let end = Instant::now() + DEADLINE;
        loop {
            let now = Self::now();
            let new = |now: &BTreeSet<String>, before: &BTreeSet<String>| {
                now.difference(before).cloned().collect::<Vec<_>>()
            };
            let left = [
                new(&now.mounts, &self.mounts),
                new(&now.links, &self.links),
                new(&now.cgroups, &self.cgroups),
                new(&now.directories, &self.directories),
                now.processes.difference(&self.processes).map(ToString::to_string).collect(),
                now.programs.difference(&self.programs).map(ToString::to_string).collect(),
            ];
            if left.iter().all(Vec::is_empty) {
                return;
            }
            assert!(
                Instant::now() < end,
                "left behind: mounts, links, control groups, directories, processes, programs: {left:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

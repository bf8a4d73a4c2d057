//! A bench that is interrupted leaves nothing behind.

use std::{
    fs,
    io::Read,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use skep::kernel::cgroup_root;

use crate::support::eventually;

/// Returns a group that the measuring process has made.
fn group_below(group: &Path) -> Option<PathBuf> {
    let below = fs::read_dir(group).into_iter().flatten().flatten();
    below.map(|entry| entry.path()).find(|path| path.is_dir())
}

#[test]
#[ignore = "needs root"]
fn a_bench_that_is_ended_leaves_no_control_group() {
    let bench = Command::new(env!("CARGO_BIN_EXE_skep"))
        .args(["bench", "--rows", "service-connect-10", "-q"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let group = cgroup_root().expect("cgroup2 is there").join(format!("skep-bench-{}", bench.id()));
    let below = eventually("what is measured is prepared", || group_below(&group));
    // Somebody who outlives the measuring process.
    let mut other = Command::new("sh")
        .args(["-c", "echo 0 > \"$0/cgroup.procs\" && echo in && read never"])
        .arg(below)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell starts");
    let mut said = [0; 3];
    other.stdout.as_mut().expect("piped").read_exact(&mut said).expect("it is in the group");
    kill(Pid::from_raw(bench.id().cast_signed()), Signal::SIGTERM).expect("it runs");
    let output = bench.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.status.signal()), (Some(143), None), "{said}");
    assert!(!group.exists(), "{said}");
    other.wait().expect("it was ended");
}

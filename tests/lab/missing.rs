//! What `skep lab up` says when something is missing, and what it leaves: nothing.

use std::{
    io::Write,
    process::{Command, Output},
};

use super::{
    footprint::Footprint,
    lab::{skep, text},
};

/// Takes the cgroup2 hierarchy away.
const NO_CGROUP2: &str =
    "awk '/ - cgroup2 /{print $5}' /proc/self/mountinfo | xargs -r -n 1 umount -l";
/// A kernel without CONFIG_BPF_SYSCALL has no such directory.
const NO_BPF_DIRECTORY: &str = "mount -t tmpfs none /sys/fs && mkdir /sys/fs/cgroup &&
    mount -t cgroup2 none /sys/fs/cgroup";
const READ_ONLY_RUN: &str = "mount --bind /run /run && mount -o remount,bind,ro /run";
const NO_BPFFS: &str = "while umount -l /sys/fs/bpf 2>/dev/null; do :; done";

/// Name of the lab of a test.
fn lab_name() -> String {
    format!("t{}-missing", std::process::id())
}

/// Runs a script in a mount namespace of its own, after `prepare`.
fn prepared(prepare: &str, script: &str) -> Output {
    let script = format!("{prepare}\n{script}");
    let skep = env!("CARGO_BIN_EXE_skep");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script, skep, skep, &lab_name()]);
    command.output().expect("unshare can be run")
}

/// Checks that one error with a hint was told, and returns both.
fn one_error(output: &Output, code: i32) -> String {
    let said = text(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for (start, least, most) in [("error: ", 1, 1), ("hint: ", 1, 2)] {
        let count = said.lines().filter(|line| line.starts_with(start)).count();
        assert!((least..=most).contains(&count), "{count} of {start:?}: {said}");
    }
    said
}

#[test]
#[ignore = "needs root"]
fn what_is_missing_is_named_with_a_hint_and_nothing_is_made() {
    let up = "exec \"$1\" lab up --name \"$2\"";
    let without = |capabilities: &str| {
        let list = capabilities.split(' ').map(|name| format!("-{name}")).collect::<Vec<_>>();
        format!("exec setpriv --bounding-set={} \"$1\" lab up --name \"$2\"", list.join(","))
    };
    let before = Footprint::take();
    let cases = [
        ("cgroup2", NO_CGROUP2, up.to_owned(), "no cgroup2 hierarchy"),
        ("bpf file system", NO_BPF_DIRECTORY, up.to_owned(), "no /sys/fs/bpf"),
        ("writable /run", READ_ONLY_RUN, up.to_owned(), "/run/skep"),
        ("CAP_BPF", "", without("bpf sys_admin"), "refuses to load eBPF programs"),
        ("CAP_SYS_ADMIN", "", without("sys_admin"), "refuses to make network namespaces"),
        ("CAP_NET_ADMIN", "", without("net_admin"), "CAP_NET_ADMIN"),
        ("real root", "", format!("exec unshare --map-root-user {}", &up[5..]), "eBPF programs"),
    ];
    for (what, prepare, script, named) in &cases {
        let said = one_error(&prepared(prepare, script), 3);
        assert!(said.contains(named), "{what}: {said}");
        before.assert_restored();
    }
    println!("{} missing things named, nothing left", cases.len());
}

#[test]
#[ignore = "needs root"]
fn a_machine_without_a_mounted_bpffs_will_do() {
    let before = Footprint::take();
    let both =
        "\"$1\" lab up --name \"$2\" --nodes 1; up=$?; \"$1\" lab down --name \"$2\" && exit $up";
    let output = prepared(NO_BPFFS, both);
    assert!(output.status.success(), "{}", text(&output));
    before.assert_restored();
    println!("no bpffs on the machine: the lab came up and went");
}

#[test]
#[ignore = "needs root"]
fn objects_that_the_api_refuses_take_the_lab_down_again() {
    let before = Footprint::take();
    let name = lab_name();
    let cases = [
        (
            "an object without a name",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: { labels: { a: b } }\n",
            "name",
        ),
        (
            "an invalid object",
            "apiVersion: v1\nkind: Service\nmetadata: { name: x }\nspec: { ports: [{ port: 70000 }] }\n",
            "Service x",
        ),
    ];
    for (what, manifest, named) in cases {
        let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a file");
        file.write_all(manifest.as_bytes()).expect("written");
        let path = file.path().to_str().expect("text");
        let up = skep(&["lab", "up", "--name", &name, "--nodes", "1", "-f", path]);
        let said = text(&up);
        assert_eq!(up.status.code(), Some(4), "{what}: {said}");
        assert!(said.contains(named) && said.contains(path), "{what}: {said}");
        before.assert_restored();
    }
    let absent = skep(&["lab", "up", "--name", &name, "-f", "/nowhere.yaml"]);
    assert_eq!(absent.status.code(), Some(4), "{}", text(&absent));
    before.assert_restored();
    println!("refused objects and files: code 4, nothing left");
}

//! Labs come up whole or not at all, and go without a trace.

use std::{
    io::Write,
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{
    footprint::Footprint,
    lab::{Lab, skep, text},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

#[test]
#[ignore = "needs root"]
fn a_lab_comes_up_in_seconds_and_leaves_nothing() {
    let before = Footprint::take();
    let begun = Instant::now();
    let lab = Lab::up("cycle", &[]);
    println!("up: {:.2} s", begun.elapsed().as_secs_f64());
    let status = skep(&["lab", "status", "--name", &lab.name, "-o", "json"]);
    assert!(status.status.success(), "{}", text(&status));
    let list = skep(&["lab", "list", "-o", "name"]);
    assert!(text(&list).lines().any(|line| line == lab.name));
    let begun = Instant::now();
    let down = lab.down();
    println!("down: {:.2} s", begun.elapsed().as_secs_f64());
    assert!(down.status.success(), "{}", text(&down));
    before.assert_restored();
}

#[test]
#[ignore = "needs root"]
fn commands_on_nodes_pass_their_exit_codes_on() {
    let lab = Lab::bare("exec", &["--nodes", "1"]);
    assert_eq!(lab.exec("node-1", &["sh", "-c", "exit 7"]).status.code(), Some(7));
    let name = lab.exec("node-1", &["hostname"]);
    assert_eq!(text(&name).trim(), "node-1");
    let absent = lab.exec("node-9", &["true"]);
    assert_eq!(absent.status.code(), Some(3), "{}", text(&absent));
    let again = skep(&["lab", "up", "--name", &lab.name]);
    assert_eq!(again.status.code(), Some(3), "{}", text(&again));
}

#[test]
#[ignore = "needs root"]
fn a_lab_keeps_nothing_open_of_who_started_it() {
    let lab = Lab::to_come("open");
    let skep = env!("CARGO_BIN_EXE_skep");
    let up = format!("exec {skep} lab up --name {} --nodes 1 9>&1", lab.name);
    // A second descriptor of the pipe is inherited: its end comes when the last copy is closed.
    let mut child = Command::new("sh")
        .args(["-c", &up])
        .stdout(Stdio::piped())
        .spawn()
        .expect("skep can be run");
    let mut pipe = child.stdout.take().expect("a pipe");
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(std::io::copy(&mut pipe, &mut std::io::sink())));
    assert!(child.wait().expect("it ends").success());
    let end = receiver.recv_timeout(Duration::from_secs(10));
    assert!(end.is_ok(), "processes of lab {} hold the pipe", lab.name);
}

#[test]
#[ignore = "needs root"]
fn whatever_was_killed_down_removes_the_rest() {
    let before = Footprint::take();
    for victims in [&["lab serve"][..], &["agent"], &["stand-in"], &["lab serve", ""]] {
        let lab = Lab::up("killed", &["--nodes", "2"]);
        for victim in victims {
            for pid in lab.processes(&[victim]) {
                kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
            }
        }
        let down = lab.down();
        assert!(down.status.success(), "{victims:?}: {}", text(&down));
        before.assert_restored();
    }
}

#[test]
#[ignore = "needs root"]
fn files_that_a_reboot_left_are_no_lab() {
    let before = Footprint::take();
    let lab = Lab::bare("reboot", &["--nodes", "1"]);
    // As after a power failure, where /run is on a disk: files, and nothing that they stand for.
    for pid in lab.processes(&[]) {
        kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
    }
    let dir = lab.dir();
    let unmounted = Command::new("umount").args(["-R", "-l"]).arg(&dir).status().expect("run");
    assert!(unmounted.success() && dir.join("lab.json").exists());
    let again = skep(&["lab", "up", "--name", &lab.name, "--nodes", "1"]);
    assert!(again.status.success(), "{}", text(&again));
    drop(lab);
    before.assert_restored();
}

#[test]
#[ignore = "needs root"]
fn of_two_labs_with_one_name_one_comes_up() {
    let before = Footprint::take();
    let name = format!("t{}-twin", std::process::id());
    let up = || {
        Command::new(env!("CARGO_BIN_EXE_skep"))
            .args(["lab", "up", "--nodes", "1", "--name", &name])
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("skep can be run")
    };
    let twins = [up(), up()];
    let outputs = twins.map(|twin| twin.wait_with_output().expect("it ends"));
    let mut codes = outputs.each_ref().map(|output| output.status.code());
    codes.sort_unstable();
    let said: Vec<String> = outputs.iter().map(text).collect();
    assert_eq!(codes, [Some(0), Some(3)], "{said:?}");
    assert!(said.iter().any(|said| said.contains("is up already")), "{said:?}");
    let status = skep(&["lab", "status", "--name", &name]);
    assert!(status.status.success(), "{}", text(&status));
    assert!(skep(&["lab", "down", "--name", &name]).status.success());
    before.assert_restored();
}

#[test]
#[ignore = "needs root"]
fn down_that_races_with_up_leaves_a_whole_lab_or_none() {
    let before = Footprint::take();
    let name = format!("t{}-race", std::process::id());
    for after in [0, 100, 500] {
        let up = Command::new(env!("CARGO_BIN_EXE_skep"))
            .args(["lab", "up", "--nodes", "1", "--name", &name])
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("skep can be run");
        // The moment is the subject of the test.
        std::thread::sleep(Duration::from_millis(after));
        let down = skep(&["lab", "down", "--name", &name]);
        assert!(down.status.success(), "{after}: {}", text(&down));
        let up = up.wait_with_output().expect("it ends");
        assert!(up.status.success(), "{after}: {}", text(&up));
        assert!(skep(&["lab", "down", "--name", &name]).status.success());
        before.assert_restored();
    }
}

#[test]
#[ignore = "needs root"]
fn interrupted_up_leaves_nothing() {
    let before = Footprint::take();
    for (after, signal, code) in [
        (Duration::from_millis(30), Signal::SIGINT, 130),
        (Duration::from_millis(300), Signal::SIGINT, 130),
        (Duration::from_millis(900), Signal::SIGTERM, 143),
    ] {
        let name = format!("t{}-stop", std::process::id());
        let mut up = Command::new(env!("CARGO_BIN_EXE_skep"))
            .args(["lab", "up", "--name", &name])
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("skep can be run");
        // The moment is the subject of the test: early, half-way, late.
        std::thread::sleep(after);
        kill(Pid::from_raw(i32::try_from(up.id()).expect("a pid")), signal).expect("it runs");
        let status = up.wait().expect("it ends");
        // Before skep listens for signals they end it, and nothing has been made.
        let ended_by = ExitStatusExt::signal(&status).map(|signal| 128 + signal);
        assert_eq!(status.code().or(ended_by), Some(code), "{after:?}");
        before.assert_restored();
    }
}

#[test]
#[ignore = "needs root"]
fn a_malformed_manifest_is_refused_with_its_place_before_anything_is_made() {
    let before = Footprint::take();
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a file");
    file.write_all(b"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: x\nspec:\n  replicas: many\n  selector: {}\n  template: {}\n")
        .expect("written");
    let path = file.path().to_str().expect("text");
    let up = skep(&["lab", "up", "--name", "malformed", "-f", path]);
    assert_eq!(up.status.code(), Some(4), "{}", text(&up));
    assert!(text(&up).contains(&format!("{path}:6:")), "{}", text(&up));
    before.assert_restored();
}

#[test]
#[ignore = "needs root"]
fn without_root_nothing_is_made() {
    let before = Footprint::take();
    let dir = tempfile::tempdir().expect("a directory");
    let skep = dir.path().join("skep");
    std::fs::copy(env!("CARGO_BIN_EXE_skep"), &skep).expect("copied");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(dir.path(), open).expect("opened");
    for verb in ["up", "down"] {
        let mut command = Command::new(&skep);
        std::os::unix::process::CommandExt::uid(&mut command, 65_534);
        let output = command.args(["lab", verb, "--name", "rootless"]).output().expect("run");
        assert_eq!(output.status.code(), Some(3), "{}", text(&output));
        assert!(text(&output).contains("hint:"), "{}", text(&output));
    }
    before.assert_restored();
}

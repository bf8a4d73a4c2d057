//! Labs on a disk without room.

use std::{fs, path::Path, thread};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, api::PostParams};
use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::runtime::Runtime;

use super::{
    footprint::Footprint,
    lab::{Lab, eventually, skep, text},
    turn::Turn,
};

/// Where labs are.
pub(crate) const LABS: &str = "/run/skep/lab";

/// Runs a test in which all labs are on a small disk of their own, which nobody else sees.
pub(crate) fn with_disk(test: impl FnOnce() + Send) {
    let _turn = Turn::shared();
    fs::create_dir_all(LABS).expect("made");
    thread::scope(|scope| {
        let alone = || {
            let _part = Turn::part();
            unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
            let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
            mount(None::<&str>, "/", None::<&str>, flags, None::<&str>).expect("separated");
            mount(Some("none"), LABS, Some("tmpfs"), MsFlags::empty(), None::<&str>)
                .expect("mounted");
            test();
            umount2(LABS, MntFlags::MNT_DETACH).expect("unmounted");
        };
        scope.spawn(alone).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    // Gone unless labs of others are there.
    fs::remove_dir(LABS).and_then(|()| fs::remove_dir("/run/skep")).ok();
}

pub(crate) fn resize(size: &str) {
    let size = format!("size={size}");
    mount(Some("none"), LABS, Some("tmpfs"), MsFlags::MS_REMOUNT, Some(size.as_str()))
        .expect("resized");
}

#[test]
#[ignore = "needs root"]
fn a_lab_without_room_says_so_and_leaves_nothing() {
    let before = Footprint::take();
    with_disk(|| {
        for size in ["4k", "16k", "48k", "96k"] {
            resize(size);
            let up = skep(&["lab", "up", "--name", "roomless", "--nodes", "1"]);
            let said = text(&up);
            assert_eq!(up.status.code(), Some(3), "{size}: {said}");
            assert!(said.to_lowercase().contains("no space"), "{size}: {said}");
            assert!(said.contains("hint: labs live below /run/skep/lab"), "{size}: {said}");
            assert_eq!(fs::read_dir(LABS).expect("read").count(), 0, "{size}");
        }
    });
    before.assert_restored();
}

#[test]
#[ignore = "needs root"]
fn a_disk_that_fills_up_costs_no_object_and_writes_go_on_when_there_is_room() {
    let before = Footprint::take();
    with_disk(|| {
        resize("16m");
        let lab = Lab::bare("full", &["--nodes", "1"]);
        let filler = Path::new(LABS).join("filler");
        let error = fs::write(&filler, vec![1; 32 << 20]).expect_err("there is an end");
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        Runtime::new().expect("a runtime").block_on(outlive(&lab, &filler));
    });
    before.assert_restored();
}

async fn outlive(lab: &Lab, filler: &Path) {
    let maps: Api<ConfigMap> = Api::default_namespaced(lab.client().await);
    let create = async |name: &str| {
        let mut map = ConfigMap::default();
        map.metadata.name = Some(name.to_owned());
        map.data = Some([("k".to_owned(), "x".repeat(10_000))].into());
        maps.create(&PostParams::default(), &map).await
    };
    let refused = create("refused").await.expect_err("nothing can be kept");
    let kube::Error::Api(status) = &refused else { panic!("{refused}") };
    assert!(status.code == 500 && status.message.contains("No space left"), "{status:?}");
    assert!(maps.get_opt("refused").await.expect("reads go on").is_none());
    let status = skep(&["lab", "status", "--name", &lab.name]);
    assert!(text(&status).contains("running"), "{}", text(&status));
    fs::remove_file(filler).expect("removed");
    let kept = create("kept").await.expect("there is room again");
    // Nothing half is in the file that a new server reads.
    let servers = lab.processes(&["lab serve"]);
    for pid in &servers {
        kill(Pid::from_raw(*pid), Signal::SIGKILL).expect("it runs");
    }
    // It holds its lab until it has ended, which is a moment after it has no words and answers no more.
    let ended =
        || async { lab.processes(&[]).iter().all(|pid| !servers.contains(pid)).then_some(()) };
    eventually("the server is gone", ended).await;
    let again = skep(&["lab", "up", "--name", &lab.name]);
    assert!(again.status.success(), "{}", text(&again));
    assert_eq!(maps.get("kept").await.expect("kept"), kept);
    assert!(maps.get_opt("refused").await.expect("read").is_none());
}

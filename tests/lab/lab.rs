//! A lab that is taken down when the test ends, however it ends.

use std::{
    path::PathBuf,
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use super::turn::Turn;

/// How long a condition may take to hold.
const DEADLINE: Duration = Duration::from_secs(60);

/// Number of the next lab.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Runs skep.
pub(crate) fn skep(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skep")).args(args).output().expect("skep can be run")
}

/// A lab of one test.
pub(crate) struct Lab {
    pub(crate) name: String,
    /// Given back when the lab is down.
    _turn: Turn,
}

impl Lab {
    /// Brings a lab up, with the shop on it.
    pub(crate) fn up(name: &str, args: &[&str]) -> Self {
        let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/shop");
        Self::bare(name, &[&["-f", shop], args].concat())
    }

    /// Brings a lab up without any application.
    pub(crate) fn bare(name: &str, args: &[&str]) -> Self {
        let lab = Self::to_come(name);
        let output = skep(&[&["lab", "up", "--name", &lab.name], args].concat());
        assert!(output.status.success(), "lab up: {}{}", text(&output), lab.log());
        lab
    }

    /// Names a lab that the test brings up by itself.
    pub(crate) fn to_come(name: &str) -> Self {
        // Tests that run side by side may call theirs the same.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}-{number}-{name}", std::process::id());
        Self { name, _turn: Turn::shared() }
    }

    /// Takes the lab down.
    pub(crate) fn down(&self) -> Output {
        skep(&["lab", "down", "--name", &self.name])
    }

    /// Runs a command on a node; its output, if it succeeded.
    pub(crate) fn exec(&self, node: &str, command: &[&str]) -> Output {
        skep(&[&["lab", "exec", "--name", &self.name, node, "--"], command].concat())
    }

    /// Runs a command in a namespace that is no node's: `world` or `fabric`.
    pub(crate) fn within(&self, namespace: &str, command: &[&str]) -> Output {
        let namespace = format!("--net={}", self.dir().join(namespace).join("net").display());
        Command::new("nsenter").arg(namespace).args(command).output().expect("nsenter can be run")
    }

    /// Returns the directory of the lab.
    pub(crate) fn dir(&self) -> PathBuf {
        PathBuf::from("/run/skep/lab").join(&self.name)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir().join("logs/lab.log")).unwrap_or_default()
    }

    /// Returns a client of the lab's API server.
    pub(crate) async fn client(&self) -> Client {
        let file = Kubeconfig::read_from(self.dir().join("kubeconfig")).expect("a kubeconfig");
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(file, &options).await.expect("a config");
        config.proxy_url = None;
        Client::try_from(config).expect("a client")
    }

    /// Returns the processes of the lab whose command line has all of these words.
    pub(crate) fn processes(&self, words: &[&str]) -> Vec<i32> {
        let group = format!("/skep-lab/{}/", self.name);
        super::footprint::processes_of(&group)
            .into_iter()
            .filter(|pid| {
                let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                words.iter().all(|word| line.contains(word))
            })
            .collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        self.down();
    }
}

/// Returns everything a command said.
pub(crate) fn text(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// Waits until a condition holds.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut probe: impl FnMut() -> F,
) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < end, "timed out: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

//! Calls the real binary under the plugin's name.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::Write,
    os::unix::{ffi::OsStringExt, fs::symlink},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A node's directories with the plugin installed.
pub(super) struct Node {
    pub(super) dir: TempDir,
}

/// One call, complete unless changed.
pub(super) struct Call {
    program: PathBuf,
    pub(super) env: BTreeMap<&'static str, OsString>,
    pub(super) stdin: Vec<u8>,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) ok: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) took: Duration,
}

impl Node {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        symlink(env!("CARGO_BIN_EXE_skep"), dir.path().join("skep-cni")).unwrap();
        Self { dir }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.dir.path().join("cni.sock")
    }

    /// Returns the files that wait for an agent.
    pub(super) fn queued(&self) -> Vec<Value> {
        let Ok(files) = std::fs::read_dir(self.dir.path().join("cni-deletes")) else {
            return Vec::new();
        };
        let paths = files.map(|file| file.unwrap().path());
        let entries = paths.filter(|path| path.extension().is_some_and(|end| end == "json"));
        entries.map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
    }

    pub(super) fn config(&self, version: &str) -> Value {
        json!({"cniVersion": version, "name": "skep", "type": "skep-cni", "socket": self.socket()})
    }

    pub(super) fn call(&self, verb: &str, version: &str) -> Call {
        let env = [
            ("CNI_COMMAND", verb),
            ("CNI_CONTAINERID", "c0ffee"),
            ("CNI_NETNS", "/run/netns/skept-absent"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_PATH", "/opt/cni/bin"),
            (
                "CNI_ARGS",
                "K8S_POD_UID=u-1;K8S_POD_NAME=web-1;IgnoreUnknown=1;K8S_POD_NAMESPACE=shop",
            ),
        ];
        Call {
            program: self.dir.path().join("skep-cni"),
            env: env.map(|(name, value)| (name, value.into())).into(),
            stdin: self.config(version).to_string().into_bytes(),
        }
    }
}

impl Call {
    pub(super) fn env(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.env.insert(name, OsString::from_vec(value.into()));
        self
    }

    /// Changes keys of the configuration.
    pub(super) fn with(mut self, change: &Value) -> Self {
        let mut config: Value = serde_json::from_slice(&self.stdin).unwrap();
        for (key, value) in change.as_object().unwrap() {
            config[key] = value.clone();
        }
        self.stdin = config.to_string().into_bytes();
        self
    }

    pub(super) fn run(self) -> Answer {
        let begin = Instant::now();
        let mut command = Command::new(&self.program);
        command.env_clear().envs(&self.env);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the plugin starts");
        // A plugin that refuses a huge configuration does not read all of it.
        let _ = child.stdin.take().unwrap().write_all(&self.stdin);
        let output = child.wait_with_output().unwrap();
        Answer {
            ok: output.status.success(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            took: begin.elapsed(),
        }
    }
}

impl Answer {
    pub(super) fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Returns code and message of a failure.
    pub(super) fn failure(&self) -> (u64, String) {
        assert!(!self.ok, "succeeded: {self:?}");
        let document = self.document();
        assert!(document["cniVersion"].is_string(), "{document}");
        (document["code"].as_u64().unwrap(), document["msg"].as_str().unwrap().to_owned())
    }

    /// Checks that the call succeeded without a word.
    pub(super) fn silent(&self) {
        assert!(self.ok && self.stdout.is_empty() && self.stderr.is_empty(), "{self:?}");
    }
}

/// A network namespace that lives as long as this. A user namespace makes it possible without root.
pub(super) struct OtherNetns {
    child: Child,
}

impl OtherNetns {
    pub(super) fn new() -> Self {
        let mut command = Command::new("unshare");
        command.args(["--user", "--net", "sleep", "600"]).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("unshare (util-linux) is installed");
        let end = Instant::now() + Duration::from_secs(10);
        let own = std::fs::read_link("/proc/self/ns/net").unwrap();
        let path = format!("/proc/{}/ns/net", child.id());
        while std::fs::read_link(&path).is_ok_and(|link| link == own) {
            assert!(child.try_wait().unwrap().is_none(), "user namespaces are not allowed here");
            assert!(Instant::now() < end, "unshare did not make a namespace");
            std::thread::sleep(Duration::from_millis(1));
        }
        Self { child }
    }

    pub(super) fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.child.id())
    }
}

impl Drop for OtherNetns {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

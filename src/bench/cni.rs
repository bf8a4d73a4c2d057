//! Calls of a CNI plugin, as a container runtime makes them on a node.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::{NetNs, NetNsError};

/// Where runtimes keep namespaces.
const NAMESPACES: &str = "/run/netns";

/// What to call, and how often.
#[derive(Clone, Debug)]
pub struct CniCalls {
    /// Directory of the network lists.
    pub conf_dir: PathBuf,
    /// Directory of the plugins.
    pub bin_dir: PathBuf,
    /// Calls one after the other, ADD and DEL each.
    pub calls: u32,
    /// Calls at once.
    pub burst: u32,
}

/// How long the calls took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CniTimes {
    /// Milliseconds of each ADD that was made alone.
    pub add: Vec<f64>,
    /// Milliseconds of each DEL that was made alone.
    pub del: Vec<f64>,
    /// ADDs of the burst that failed.
    pub burst_failed: u32,
    /// ADDs of the burst per second.
    pub burst_rate: f64,
    /// What the first failed one said.
    pub failure: Option<String>,
}

/// The calls could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CniError {
    /// There is no network list.
    #[error("there is no network list in {0}")]
    NoNetwork(PathBuf),
    /// The network list is malformed.
    #[error("the network list {0} is malformed")]
    Malformed(PathBuf),
    /// A file or process.
    #[error("cannot {act} {path}")]
    Io {
        /// What was tried.
        act: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A namespace.
    #[error(transparent)]
    NetNs(#[from] NetNsError),
    /// A call that was made alone failed.
    #[error("{verb} failed: {answer}")]
    Failed {
        /// The call.
        verb: &'static str,
        /// What the plugin said.
        answer: String,
    },
}

/// Calls the plugin of the node that this process runs on.
///
/// # Errors
/// When there is no network, or a call that is made alone fails.
pub fn measure_cni(plan: &CniCalls) -> Result<CniTimes, CniError> {
    let plugin = Plugin::of_network(plan)?;
    let (mut add, mut del) = (Vec::new(), Vec::new());
    for number in 0..plan.calls {
        let pod = Pod::new(number)?;
        add.push(plugin.timed("ADD", &pod)?);
        del.push(plugin.timed("DEL", &pod)?);
    }
    let first = plan.calls;
    let pods: Vec<Pod> =
        (first..first + plan.burst).map(Pod::new).collect::<Result<_, NetNsError>>()?;
    let start = Instant::now();
    let running: Vec<Child> =
        pods.iter().map(|pod| plugin.start("ADD", pod)).collect::<Result<_, CniError>>()?;
    let outputs: Vec<Output> = running
        .into_iter()
        .map(|child| child.wait_with_output().map_err(|e| plugin.io("wait for", e)))
        .collect::<Result<_, CniError>>()?;
    let took = start.elapsed();
    let failures: Vec<&Output> = outputs.iter().filter(|out| !out.status.success()).collect();
    let times = CniTimes {
        add,
        del,
        burst_failed: u32::try_from(failures.len()).unwrap_or(u32::MAX),
        burst_rate: f64::from(plan.burst) / took.as_secs_f64(),
        failure: failures.first().map(|out| words(out)),
    };
    for pod in &pods {
        plugin.timed("DEL", pod)?;
    }
    Ok(times)
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A namespace that is a pod to the plugin.
struct Pod {
    container: String,
    path: PathBuf,
}

impl Pod {
    fn new(number: u32) -> Result<Self, NetNsError> {
        let container = format!("skep-bench-{}-{number}", std::process::id());
        let path = Path::new(NAMESPACES).join(&container);
        NetNs::create_at(&path)?;
        Ok(Self { container, path })
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        if let Err(error) = NetNs::remove_at(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove a namespace");
        }
    }
}

/// The first plugin of the first network list.
struct Plugin {
    path: PathBuf,
    bin_dir: PathBuf,
    config: Vec<u8>,
}

impl Plugin {
    fn of_network(plan: &CniCalls) -> Result<Self, CniError> {
        let dir = &plan.conf_dir;
        let unreadable = |source| CniError::Io { act: "read", path: dir.clone(), source };
        let mut lists: Vec<PathBuf> = fs::read_dir(dir)
            .map_err(unreadable)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "conflist"))
            .collect();
        lists.sort();
        let list = lists.into_iter().next().ok_or_else(|| CniError::NoNetwork(dir.clone()))?;
        let text = fs::read(&list).map_err(unreadable)?;
        let config = plugin_config(&text).ok_or_else(|| CniError::Malformed(list.clone()))?;
        let name = config.get("type").and_then(Value::as_str);
        let path = plan.bin_dir.join(name.ok_or(CniError::Malformed(list))?);
        let config = Value::Object(config).to_string().into_bytes();
        Ok(Self { path, bin_dir: plan.bin_dir.clone(), config })
    }

    fn start(&self, verb: &'static str, pod: &Pod) -> Result<Child, CniError> {
        let mut child = Command::new(&self.path)
            .env("CNI_COMMAND", verb)
            .env("CNI_CONTAINERID", &pod.container)
            .env("CNI_NETNS", &pod.path)
            .env("CNI_IFNAME", "eth0")
            .env("CNI_PATH", &self.bin_dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| self.io("run", source))?;
        let mut input = child.stdin.take().expect("standard input is piped");
        input.write_all(&self.config).map_err(|source| self.io("write to", source))?;
        Ok(child)
    }

    /// Makes a call and returns its milliseconds, from the start of the process to its end.
    fn timed(&self, verb: &'static str, pod: &Pod) -> Result<f64, CniError> {
        let start = Instant::now();
        let child = self.start(verb, pod)?;
        let output = child.wait_with_output().map_err(|source| self.io("wait for", source))?;
        let took = start.elapsed();
        if !output.status.success() {
            return Err(CniError::Failed { verb, answer: words(&output) });
        }
        Ok(took.div_duration_f64(Duration::from_millis(1)))
    }

    fn io(&self, act: &'static str, source: io::Error) -> CniError {
        CniError::Io { act, path: self.path.clone(), source }
    }
}

/// Returns what a runtime passes to the first plugin of a list: its entry, with the list's name and
/// version.
fn plugin_config(list: &[u8]) -> Option<Map<String, Value>> {
    let list: Map<String, Value> = serde_json::from_slice(list).ok()?;
    let mut config = list.get("plugins")?.as_array()?.first()?.as_object()?.clone();
    for key in ["name", "cniVersion"] {
        config.insert(key.to_owned(), list.get(key)?.clone());
    }
    Some(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_gets_its_entry_with_the_lists_name_and_version() {
        let list = br#"{"cniVersion":"1.0.0","name":"skep","plugins":[{"type":"skep-cni","socket":"/s"}]}"#;
        let config = plugin_config(list).unwrap();
        let expected = r#"{"type":"skep-cni","socket":"/s","name":"skep","cniVersion":"1.0.0"}"#;
        assert_eq!(Value::Object(config).to_string(), expected);
        assert_eq!(plugin_config(br#"{"name":"x","plugins":[]}"#), None);
        assert_eq!(plugin_config(b"nonsense"), None);
    }
}

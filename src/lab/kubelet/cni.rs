//! Calling CNI plugins as containerd does.

use std::{
    fs, io,
    io::Write,
    net::IpAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::lab::state::{self, StateError};

/// Name of the device in the pod.
const IFNAME: &str = "eth0";

/// Where a node's networks, plugins and results are, as the node sees them.
#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    pub(super) conf_dir: PathBuf,
    pub(super) bin_dir: PathBuf,
    pub(super) results_dir: PathBuf,
}

/// A pod could not be joined to the network, or taken off it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CniError {
    #[error("cni plugin not initialized: no network in {}", dir.display())]
    NoNetwork { dir: PathBuf },
    #[error("cni plugin not initialized: {} is not a network", path.display())]
    Invalid {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to find plugin {plugin:?} in path [{}]", dir.display())]
    Missing { plugin: String, dir: PathBuf },
    #[error("cannot run plugin {plugin:?}")]
    Run {
        plugin: String,
        #[source]
        source: io::Error,
    },
    #[error("plugin type={plugin:?} failed ({verb}): {message}")]
    Failed { plugin: String, verb: &'static str, message: String },
    #[error("plugin type={plugin:?} answered nonsense")]
    Answer {
        plugin: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("cannot keep the result")]
    Keep(#[source] StateError),
}

/// The network of a node: the first file by name.
#[derive(Clone, Debug)]
struct Network {
    name: String,
    version: String,
    plugins: Vec<Map<String, Value>>,
}

/// A sandbox, as plugins are told about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Attachment {
    pub(super) id: String,
    pub(super) netns: PathBuf,
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) uid: String,
    /// What capabilities may ask for.
    pub(super) runtime_config: Map<String, Value>,
}

/// Tells whether the node has a network that can be read.
pub(super) fn has_network(conf_dir: &Path) -> bool {
    Network::load(conf_dir).is_ok()
}

impl Network {
    fn load(dir: &Path) -> Result<Self, CniError> {
        let entries =
            fs::read_dir(dir).map_err(|source| CniError::Read { path: dir.to_owned(), source })?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| {
            let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes()[0] == b'.');
            let ending = path.extension().and_then(|ending| ending.to_str());
            !hidden && matches!(ending, Some("conflist" | "conf" | "json"))
        });
        files.sort();
        let path =
            files.into_iter().next().ok_or_else(|| CniError::NoNetwork { dir: dir.to_owned() })?;
        let text =
            fs::read(&path).map_err(|source| CniError::Read { path: path.clone(), source })?;
        let invalid = |source| CniError::Invalid { path: path.clone(), source };
        let mut file: Map<String, Value> = serde_json::from_slice(&text).map_err(invalid)?;
        let text = |file: &Map<String, Value>, key: &str, default: &str| {
            file.get(key).and_then(Value::as_str).unwrap_or(default).to_owned()
        };
        Ok(Self {
            name: text(&file, "name", ""),
            version: text(&file, "cniVersion", "0.3.1"),
            plugins: match file.remove("plugins") {
                Some(list) => serde_json::from_value(list).map_err(invalid)?,
                // A file with the ending .conf is one plugin's entry.
                None => vec![file],
            },
        })
    }
}

impl Runtime {
    /// Joins a sandbox to the node's network; returns its addresses, IPv4 first.
    ///
    /// Runs in the node's namespaces. A chain that fails half-way is undone at once.
    pub(super) fn add(&self, sandbox: &Attachment) -> Result<Vec<IpAddr>, CniError> {
        let network = Network::load(&self.conf_dir)?;
        let mut previous = None;
        for plugin in &network.plugins {
            match self.call(&network, plugin, "ADD", sandbox, previous.as_ref()) {
                Ok(answer) => previous = answer.or(previous),
                Err(error) => {
                    for plugin in network.plugins.iter().rev() {
                        // The error that counts is the first one.
                        self.call(&network, plugin, "DEL", sandbox, None).ok();
                    }
                    return Err(error);
                }
            }
        }
        let result = previous.unwrap_or_else(|| json!({}));
        let kept = json!({ "network": network.name, "result": result });
        state::write(&self.result_file(sandbox), kept.to_string().as_bytes())
            .map_err(CniError::Keep)?;
        Ok(addresses(&result))
    }

    /// Takes a sandbox off the network, in reverse order. Runs in the node's namespaces.
    pub(super) fn del(&self, sandbox: &Attachment) -> Result<(), CniError> {
        let network = Network::load(&self.conf_dir)?;
        let file = self.result_file(sandbox);
        let kept: Option<Value> =
            fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let previous = kept
            .filter(|kept| kept["network"] == network.name.as_str())
            .map(|mut kept| kept["result"].take());
        for plugin in network.plugins.iter().rev() {
            self.call(&network, plugin, "DEL", sandbox, previous.as_ref())?;
        }
        // Gone already when the sandbox never was complete.
        fs::remove_file(file).ok();
        Ok(())
    }

    fn result_file(&self, sandbox: &Attachment) -> PathBuf {
        self.results_dir.join(format!("{}-{IFNAME}.json", sandbox.id))
    }

    fn call(
        &self,
        network: &Network,
        plugin: &Map<String, Value>,
        verb: &'static str,
        sandbox: &Attachment,
        previous: Option<&Value>,
    ) -> Result<Option<Value>, CniError> {
        let kind = plugin.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let path = self.bin_dir.join(&kind);
        if kind.is_empty() || kind.contains('/') || !path.exists() {
            return Err(CniError::Missing { plugin: kind, dir: self.bin_dir.clone() });
        }
        let input = input(network, plugin, sandbox, previous);
        let failed = |source| CniError::Run { plugin: kind.clone(), source };
        let mut child = Command::new(&path)
            .envs(self.environment(verb, sandbox))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A plugin that ends without reading says more by its exit code.
            stdin.write_all(input.to_string().as_bytes()).ok();
        }
        let output = child.wait_with_output().map_err(failed)?;
        if !output.status.success() {
            let message = explain(&output.stdout, &output.stderr);
            return Err(CniError::Failed { plugin: kind, verb: word(verb), message });
        }
        if output.stdout.trim_ascii().is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(&output.stdout)
            .map(Some)
            .map_err(|source| CniError::Answer { plugin: kind, source })
    }

    fn environment(&self, verb: &str, sandbox: &Attachment) -> [(&'static str, String); 6] {
        let args = format!(
            "IgnoreUnknown=1;K8S_POD_NAMESPACE={};K8S_POD_NAME={};K8S_POD_INFRA_CONTAINER_ID={};K8S_POD_UID={}",
            sandbox.namespace, sandbox.pod, sandbox.id, sandbox.uid
        );
        [
            ("CNI_COMMAND", verb.to_owned()),
            ("CNI_CONTAINERID", sandbox.id.clone()),
            ("CNI_NETNS", sandbox.netns.display().to_string()),
            ("CNI_IFNAME", IFNAME.to_owned()),
            ("CNI_PATH", self.bin_dir.display().to_string()),
            ("CNI_ARGS", args),
        ]
    }
}

/// A plugin's entry, with what the runtime adds.
fn input(
    network: &Network,
    plugin: &Map<String, Value>,
    sandbox: &Attachment,
    previous: Option<&Value>,
) -> Value {
    let mut input = plugin.clone();
    input.insert("name".into(), network.name.as_str().into());
    input.insert("cniVersion".into(), network.version.as_str().into());
    if let Some(previous) = previous {
        input.insert("prevResult".into(), previous.clone());
    }
    let asked = plugin.get("capabilities").and_then(Value::as_object);
    let given: Map<String, Value> = asked
        .into_iter()
        .flatten()
        .filter(|(_, wanted)| **wanted == Value::Bool(true))
        .filter_map(|(name, _)| Some((name.clone(), sandbox.runtime_config.get(name)?.clone())))
        .collect();
    if !given.is_empty() {
        input.insert("runtimeConfig".into(), given.into());
    }
    input.into()
}

const fn word(verb: &str) -> &'static str {
    match verb.as_bytes() {
        b"ADD" => "add",
        _ => "delete",
    }
}

/// What containerd shows of a failed plugin: message and details, or what it wrote to stderr.
fn explain(stdout: &[u8], stderr: &[u8]) -> String {
    let error: Option<Value> = serde_json::from_slice(stdout).ok();
    let text = |key: &str| {
        let value = error.as_ref()?.get(key)?.as_str()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    match (text("msg"), text("details")) {
        (Some(message), Some(details)) => format!("{message}; {details}"),
        (Some(message), None) => message,
        _ => format!("netplugin failed: {:?}", String::from_utf8_lossy(stderr)),
    }
}

/// Returns the addresses of a result; the runtime prefers IPv4 whatever the plugin's order.
fn addresses(result: &Value) -> Vec<IpAddr> {
    let list = result.get("ips").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text = list.iter().filter_map(|one| one.get("address")?.as_str());
    let mut found: Vec<IpAddr> =
        text.filter_map(|text| text.parse::<IpNet>().ok()).map(|net| net.addr()).collect();
    found.sort_by_key(IpAddr::is_ipv6);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sandbox() -> Attachment {
        let config = json!({ "portMappings": [{ "HostPort": 80 }], "dns": {} });
        Attachment {
            id: "abc".into(),
            netns: "/run/netns/x".into(),
            namespace: "shop".into(),
            pod: "web".into(),
            uid: "u".into(),
            runtime_config: serde_json::from_value(config).unwrap(),
        }
    }

    #[test]
    fn plugins_get_only_what_their_capabilities_ask_for() {
        let plugin = json!({ "type": "p", "capabilities": { "dns": true, "portMappings": false } });
        let network = Network { name: "n".into(), version: "1.0.0".into(), plugins: vec![] };
        let input = input(&network, plugin.as_object().unwrap(), &sandbox(), None);
        assert_eq!(input["runtimeConfig"], json!({ "dns": {} }));
        assert_eq!(input["capabilities"], plugin["capabilities"]);
        assert_eq!((&input["name"], &input["cniVersion"]), (&json!("n"), &json!("1.0.0")));
    }

    #[test]
    fn the_first_file_by_name_is_the_network() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Network::load(dir.path()), Err(CniError::NoNetwork { .. })));
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("10-b.conflist", r#"{"name":"b","cniVersion":"1.0.0","plugins":[]}"#);
        write("05-a.conf", r#"{"name":"a","type":"x"}"#);
        write(".00-new.conflist", "half");
        let network = Network::load(dir.path()).unwrap();
        assert_eq!((network.name.as_str(), network.plugins.len()), ("a", 1));
        write("00-evil.json", "{");
        assert!(matches!(Network::load(dir.path()), Err(CniError::Invalid { .. })));
    }

    #[test]
    fn addresses_come_in_the_runtimes_order_and_errors_in_its_words() {
        let result = json!({ "ips": [{ "address": "fd00::5/128" }, { "address": "10.0.0.5/32" }] });
        let text: Vec<_> = addresses(&result).iter().map(ToString::to_string).collect();
        assert_eq!(text, ["10.0.0.5", "fd00::5"]);
        assert_eq!(explain(br#"{"msg":"m","details":"d"}"#, b""), "m; d");
        assert_eq!(explain(b"", b"boom\n"), "netplugin failed: \"boom\\n\"");
    }
}

//! Calls the plugin of a node by hand, as a container runtime does.

use std::{
    fs,
    io::Write,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use skep::cni::{
    record::{EndpointRecord, RecordStore},
    wire::AttachmentKey,
};

use super::lab::{Lab, text};

/// Name of the interface in containers.
const IFNAME: &str = "eth0";

/// The first version with STATUS and GC.
const VERSION: &str = "1.1.0";

/// A container that only the network knows.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub(crate) id: String,
    /// What ADD answered.
    pub(crate) result: Value,
}

/// The plugin's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// CNI error code, 0 for success.
    pub(crate) code: u64,
    pub(crate) document: Value,
}

impl Answer {
    /// Returns message and details of an error.
    pub(crate) fn message(&self) -> String {
        format!("{} {}", self.document["msg"], self.document["details"])
    }
}

/// The runtime of one node.
pub(crate) struct Runtime<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) node: &'a str,
}

impl Runtime<'_> {
    /// Calls the plugin.
    pub(crate) fn call(&self, verb: &str, id: &str, extra: &Value) -> Answer {
        let output = self.start(verb, id, extra).wait_with_output().expect("it ends");
        let document = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        let code = document["code"].as_u64().unwrap_or(0);
        assert_eq!(output.status.success(), code == 0, "{verb} {id}: {}", text(&output));
        Answer { code, document }
    }

    /// Starts the plugin, and leaves it to itself.
    pub(crate) fn start(&self, verb: &str, id: &str, extra: &Value) -> Child {
        let list = self.lab.dir().join(self.node).join("run/lab/cni/net.d/05-skep.conflist");
        let list = fs::read(list).expect("the agent has installed its network");
        let list: Value = serde_json::from_slice(&list).expect("JSON");
        let mut config = list["plugins"][0].clone();
        config["name"] = list["name"].clone();
        config["cniVersion"] = VERSION.into();
        for (key, value) in extra.as_object().expect("an object") {
            config[key] = value.clone();
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_skep"))
            .args(["lab", "exec", "--name", &self.lab.name, self.node, "--", "env"])
            .args([format!("CNI_COMMAND={verb}"), format!("CNI_CONTAINERID={id}")])
            .args([format!("CNI_NETNS=/run/netns/{id}"), format!("CNI_IFNAME={IFNAME}")])
            .args(["CNI_PATH=/run/lab/cni/bin", "/run/lab/cni/bin/skep-cni"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the plugin can be run");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(config.to_string().as_bytes()).expect("it is read");
        child
    }

    /// Runs `ip` on the node; it must succeed.
    pub(crate) fn ip(&self, arguments: &str) {
        let command = format!("ip {arguments}");
        let output = self.lab.exec(self.node, &["sh", "-c", &command]);
        assert!(output.status.success(), "{command}: {}", text(&output));
    }

    /// Connects a new container.
    pub(crate) fn add(&self, id: &str) -> Container {
        self.ip(&format!("netns add {id}"));
        let answer = self.call("ADD", id, &json!({}));
        assert_eq!(answer.code, 0, "{id}: {answer:?}");
        Container { id: id.to_owned(), result: answer.document }
    }

    /// Compares a container with what ADD said.
    pub(crate) fn check(&self, container: &Container) -> Answer {
        self.call("CHECK", &container.id, &json!({ "prevResult": container.result }))
    }

    /// Disconnects a container.
    pub(crate) fn del(&self, container: &Container) {
        let answer = self.call("DEL", &container.id, &json!({ "prevResult": container.result }));
        assert_eq!(answer.code, 0, "{}: {answer:?}", container.id);
    }

    /// Collects all but these containers.
    pub(crate) fn gc(&self, valid: &[AttachmentKey]) {
        let valid: Vec<Value> = valid
            .iter()
            .map(|key| json!({ "containerID": key.container_id, "ifname": key.ifname }))
            .collect();
        let answer = self.call("GC", "none", &json!({ "cni.dev/valid-attachments": valid }));
        assert_eq!(answer.code, 0, "{answer:?}");
    }

    /// Returns the containers that the agent has on disk.
    pub(crate) fn records(&self) -> Vec<EndpointRecord> {
        let state = self.lab.dir().join(self.node).join("run/lab/state");
        RecordStore::open(&state).and_then(|store| store.read_all()).expect("they are read")
    }

    /// Tells whether the agent has a container on disk.
    pub(crate) fn knows(&self, container: &Container) -> bool {
        self.records().iter().any(|record| record.attachment.container_id == container.id)
    }
}

impl Container {
    /// Returns its addresses with their prefixes, IPv4 first.
    pub(crate) fn addresses(&self) -> [String; 2] {
        let ips = self.result["ips"].as_array().expect("a list");
        let of = |v4: bool| {
            let mut texts = ips.iter().filter_map(|ip| ip["address"].as_str());
            texts.find(|text| text.contains('.') == v4).expect("both families").to_owned()
        };
        [of(true), of(false)]
    }

    /// Returns its key.
    pub(crate) fn key(&self) -> AttachmentKey {
        AttachmentKey { container_id: self.id.clone(), ifname: IFNAME.into() }
    }

    /// Returns the name of its device on the node.
    pub(crate) fn host_ifname(&self) -> &str {
        self.result["interfaces"][0]["name"].as_str().expect("a name")
    }
}

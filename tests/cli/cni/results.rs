//! What the agent is asked, and what the runtime gets.

use std::os::unix::fs::MetadataExt;

use serde_json::json;
use skep::{
    cni::wire::{AttachmentKey, Reply, Request},
    model::PodRef,
};

use super::{
    agent::{Behaviour, attached, serve},
    plugin::{Node, OtherNetns},
};

const VERSIONS: [&str; 4] = ["0.3.1", "0.4.0", "1.0.0", "1.1.0"];

fn attachment() -> AttachmentKey {
    AttachmentKey { container_id: "c0ffee".into(), ifname: "eth0".into() }
}

#[test]
fn add_passes_the_namespace_and_answers_in_the_shape_of_each_version() {
    let netns = OtherNetns::new();
    let inode = std::fs::metadata(netns.path()).unwrap().ino();
    for version in VERSIONS {
        let node = Node::new();
        let agent = serve(&node.socket(), vec![Behaviour::Reply(Reply::Added(attached()))]);
        let answer = node.call("ADD", version).env("CNI_NETNS", netns.path()).run();
        let pod = PodRef { namespace: "shop".into(), name: "web-1".into(), uid: "u-1".into() };
        let asked = Request::Add { attachment: attachment(), pod: Some(pod), netns: netns.path() };
        assert_eq!(agent.join().unwrap(), [(asked, Some(inode))]);
        let mut expected = json!({
            "cniVersion": version,
            "interfaces": [
                {"name": "skep0123456789", "mac": "02:00:00:00:00:01"},
                {"name": "eth0", "mac": "02:00:00:00:00:02", "sandbox": netns.path()},
            ],
            "ips": [
                {"interface": 1, "address": "10.244.1.5/32", "gateway": "169.254.1.1"},
                {"interface": 1, "address": "fd00:10:244:1::5/128", "gateway": "fe80::1"},
            ],
            "routes": [
                {"dst": "0.0.0.0/0", "gw": "169.254.1.1"},
                {"dst": "::/0", "gw": "fe80::1"},
            ],
            "dns": {},
        });
        if version.starts_with("0.") {
            expected["ips"][0]["version"] = "4".into();
            expected["ips"][1]["version"] = "6".into();
        }
        if version == "1.1.0" {
            expected["interfaces"][0]["mtu"] = 1500.into();
            expected["interfaces"][1]["mtu"] = 1500.into();
        }
        assert!(answer.ok, "{answer:?}");
        assert_eq!(answer.document(), expected);
    }
}

#[test]
fn what_earlier_plugins_made_is_passed_on() {
    let node = Node::new();
    let netns = OtherNetns::new();
    let previous = json!({
        "cniVersion": "1.0.0",
        "interfaces": [{"name": "other0", "mac": "x", "custom": 1}],
        "ips": [{"address": "192.0.2.1/24", "interface": 0, "custom": 2}],
        "routes": [{"dst": "192.0.2.0/24"}],
        "dns": {"nameservers": ["10.96.0.10"]},
        "custom": 3,
    });
    let agent = serve(&node.socket(), vec![Behaviour::Reply(Reply::Added(attached()))]);
    let call = node.call("ADD", "1.0.0").with(&json!({"prevResult": previous}));
    let result = call.env("CNI_NETNS", netns.path()).run().document();
    agent.join().unwrap();
    for key in ["dns", "custom"] {
        assert_eq!(result[key], previous[key]);
    }
    for key in ["interfaces", "ips", "routes"] {
        assert_eq!(result[key][0], previous[key][0]);
        assert_eq!(result[key].as_array().unwrap().len(), 3);
    }
    assert_eq!(result["ips"][1]["interface"], 2);
    assert_eq!(result["ips"][2]["interface"], 2);
}

#[test]
fn check_sends_the_addresses_that_the_runtime_remembers() {
    let netns = OtherNetns::new();
    let inode = std::fs::metadata(netns.path()).unwrap().ino();
    for version in &VERSIONS[1..] {
        let node = Node::new();
        let previous = json!({"prevResult": {
            "interfaces": [{"name": "skep0"}, {"name": "eth0", "sandbox": "/run/netns/x"}],
            "ips": [
                {"address": "10.244.1.5/32", "interface": 1},
                {"address": "fd00::5/128", "interface": 1},
                {"address": "192.0.2.1/24", "interface": 0},
            ],
        }});
        let agent = serve(&node.socket(), vec![Behaviour::Reply(Reply::Done)]);
        let call = node.call("CHECK", version).with(&previous).env("CNI_NETNS", netns.path());
        call.run().silent();
        let addresses = vec!["10.244.1.5".parse().unwrap(), "fd00::5".parse().unwrap()];
        let asked = Request::Check { attachment: attachment(), addresses };
        assert_eq!(agent.join().unwrap(), [(asked, Some(inode))]);
    }
}

#[test]
fn gc_sends_the_valid_attachments_even_if_there_are_none() {
    for valid in [vec![], vec![attachment()]] {
        let node = Node::new();
        let agent = serve(&node.socket(), vec![Behaviour::Reply(Reply::Done)]);
        let change = json!({"cni.dev/valid-attachments": valid});
        let call = node.call("GC", "1.1.0").with(&change);
        call.env("CNI_CONTAINERID", "").env("CNI_IFNAME", "").run().silent();
        assert_eq!(agent.join().unwrap(), [(Request::Gc { valid }, None)]);
    }
}

#[test]
fn version_works_for_everybody() {
    let node = Node::new();
    for (asked, told) in
        [("0.3.1", "0.3.1"), ("1.1.0", "1.1.0"), ("9.9.9", "1.1.0"), ("0.1.0", "1.1.0")]
    {
        let mut call = node.call("VERSION", asked);
        call.env.retain(|name, _| *name == "CNI_COMMAND");
        let expected = json!({"cniVersion": told, "supportedVersions": VERSIONS});
        assert_eq!(call.run().document(), expected);
    }
}

#[test]
fn logs_go_to_stderr_and_never_tell_the_configuration() {
    let node = Node::new();
    let change = json!({"logLevel": "debug", "token": "s3cret"});
    let answer = node.call("DEL", "1.0.0").with(&change).run();
    assert!(answer.ok && answer.stdout.is_empty(), "{answer:?}");
    assert!(answer.stderr.contains("DEL") && answer.stderr.contains("c0ffee"), "{answer:?}");
    assert!(!answer.stderr.contains("s3cret"), "{answer:?}");
}

//! Agents that are away, end in the middle, or do not answer.

use std::time::Duration;

use serde_json::{Value, json};
use skep::cni::wire::{AttachmentKey, Failure, Reply, Request};

use super::{
    agent::{Behaviour, serve},
    plugin::{Node, OtherNetns},
};

fn queued_delete() -> Value {
    json!({"containerID": "c0ffee", "ifname": "eth0"})
}

#[test]
fn a_delete_without_an_agent_is_queued_once() {
    let node = Node::new();
    for _ in 0..2 {
        node.call("DEL", "1.0.0").env("CNI_NETNS", "").env("CNI_ARGS", "").run().silent();
    }
    assert_eq!(node.queued(), [queued_delete()]);
    // What an agent that was killed leaves behind is as good as no socket.
    drop(std::os::unix::net::UnixListener::bind(node.socket()).unwrap());
    node.call("DEL", "0.3.1").env("CNI_CONTAINERID", "other").run().silent();
    assert_eq!(node.queued().len(), 2);
}

#[test]
fn a_delete_in_whose_middle_the_agent_ends_is_asked_again_or_queued() {
    let node = Node::new();
    let agent = serve(&node.socket(), vec![Behaviour::HangUp]);
    node.call("DEL", "1.0.0").run().silent();
    assert_eq!(agent.join().unwrap().len(), 1);
    assert_eq!(node.queued(), [queued_delete()]);
}

#[test]
fn a_delete_that_the_agent_answers_is_not_queued() {
    let node = Node::new();
    let agent = serve(&node.socket(), vec![Behaviour::Reply(Reply::Done)]);
    node.call("DEL", "1.0.0").env("CNI_NETNS", "/nowhere/../x").run().silent();
    let attachment = AttachmentKey { container_id: "c0ffee".into(), ifname: "eth0".into() };
    assert_eq!(agent.join().unwrap(), [(Request::Del { attachment }, None)]);
    assert_eq!(node.queued(), Vec::<Value>::new());
}

#[test]
fn the_other_verbs_fail_with_their_code() {
    let node = Node::new();
    let netns = OtherNetns::new();
    let previous = json!({"prevResult": {"ips": []}});
    let valid = json!({"cni.dev/valid-attachments": []});
    for (verb, change, code) in [
        ("ADD", json!({}), 11),
        ("CHECK", previous, 11),
        ("GC", valid, 11),
        ("STATUS", json!({}), 50),
    ] {
        let call = node.call(verb, "1.1.0").with(&change).env("CNI_NETNS", netns.path());
        let (found, msg) = call.run().failure();
        assert_eq!(found, code, "{verb}: {msg}");
        assert!(msg.contains("kubectl -n kube-system get pods"), "{verb}: {msg}");
    }
}

#[test]
fn refusals_of_the_agent_are_passed_on() {
    let node = Node::new();
    let failure =
        Failure { code: 51, msg: "no address is left".into(), details: "10.244.1.0/24".into() };
    let agent = serve(&node.socket(), vec![Behaviour::Reply(Reply::Failed(failure))]);
    let answer = node.call("STATUS", "1.1.0").run();
    assert_eq!(answer.failure(), (51, "no address is left".into()));
    assert_eq!(answer.document()["details"], "10.244.1.0/24");
    assert_eq!(agent.join().unwrap(), [(Request::Status, None)]);
}

#[test]
fn an_agent_that_ends_or_talks_nonsense_means_try_again() {
    let netns = OtherNetns::new();
    for (behaviour, part) in [
        (Behaviour::HangUp, "ended the connection"),
        (Behaviour::Nonsense, "does not understand"),
        (Behaviour::Reply(Reply::Done), "does not understand"),
    ] {
        let node = Node::new();
        let agent = serve(&node.socket(), vec![behaviour]);
        let (code, msg) = node.call("ADD", "1.0.0").env("CNI_NETNS", netns.path()).run().failure();
        assert_eq!(code, 11, "{msg}");
        assert!(msg.contains(part), "{msg}");
        agent.join().unwrap();
    }
}

#[test]
fn a_silent_agent_does_not_hold_the_runtime_for_ever() {
    let node = Node::new();
    let agent = serve(&node.socket(), vec![Behaviour::Silence]);
    let answer = node.call("STATUS", "1.1.0").run();
    let (code, msg) = answer.failure();
    assert_eq!(code, 50, "{msg}");
    assert!(msg.contains("did not answer in time"), "{msg}");
    assert!(answer.took < Duration::from_secs(15), "{:?}", answer.took);
    agent.join().unwrap();
}

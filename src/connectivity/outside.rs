//! A client outside the cluster: a command that runs skep there.

use std::{collections::HashSet, net::IpAddr, path::Path, process::Stdio};

use tokio::process::Command;

use super::{
    probe::{Outcome, Probe, Protocol},
    topology::{Actor, family_of},
};
use crate::kubernetes::Output;

/// What people call the client.
pub(super) const STRANGER: &str = "stranger";
/// Where it is, instead of a node.
pub(super) const OUTSIDE: &str = "outside";

/// How skep is run outside the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// A program and its first arguments; skep's follow.
    words: Vec<String>,
}

impl Outside {
    /// Runs skep by a command as a shell takes it: `ssh gateway skep`.
    pub fn by_command(command: &str) -> Self {
        let words = ["sh", "-c", &format!("exec {command} \"$@\""), "sh"];
        Self { words: words.map(str::to_owned).into() }
    }

    /// Runs this skep in the world of a lab.
    pub(super) fn in_world_of(lab: &str, skep: &Path) -> Self {
        let skep = skep.to_string_lossy();
        let words = [&skep, "lab", "exec", "--name", lab, "world", "--", &skep];
        Self { words: words.map(str::to_owned).into() }
    }

    /// Runs skep with these arguments.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub(super) async fn run(&self, arguments: &[String]) -> Result<Output, String> {
        let [program, first @ ..] = &self.words[..] else { return Err("no command".to_owned()) };
        let mut command = Command::new(program);
        command.args(first).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.map_err(|error| format!("{program}: {error}"))?;
        // A signal has no code.
        let code = output.status.code().unwrap_or(-1);
        Ok(Output { stdout: output.stdout, stderr: output.stderr, code })
    }
}

/// Returns probes that ask by which addresses the client speaks to nodes: one of each family that
/// they have.
pub(super) fn questions(nodes: &[Actor]) -> Vec<Probe> {
    let addresses = nodes.iter().flat_map(|node| &node.addresses);
    let mut seen = HashSet::new();
    let one_each = addresses.filter(|address| seen.insert(family_of(**address)));
    one_each.map(|address| Probe::new(Protocol::Source, *address, 0)).collect()
}

/// Returns the client, from the answers to those.
///
/// # Errors
/// When it can send to no node.
pub(super) fn actor(answers: &[Outcome]) -> Result<Actor, String> {
    let addresses: Vec<IpAddr> = answers
        .iter()
        .filter_map(|answer| match answer {
            Outcome::Resolved { addresses, .. } => addresses.first().copied(),
            _ => None,
        })
        .collect();
    if addresses.is_empty() {
        let reasons: Vec<_> = answers.iter().map(ToString::to_string).collect();
        return Err(format!("it has no way to the nodes: {}", reasons.join("; ")));
    }
    Ok(Actor { name: STRANGER.to_owned(), node: OUTSIDE.to_owned(), addresses })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::{Profile, Topology, topology::FAMILIES};

    #[tokio::test]
    async fn a_command_gets_the_arguments_of_skep() {
        let outside = Outside::by_command("printf '%s|' first");
        let output = outside.run(&["a b".to_owned(), "*".to_owned()]).await.expect("it runs");
        assert_eq!((output.code, &output.stdout[..]), (0, &b"first|a b|*|"[..]));
        let output = Outside::by_command("no-such-command").run(&[]).await.expect("a shell runs");
        assert_eq!(output.code, 127);
    }

    #[test]
    fn the_client_has_the_families_in_which_it_reaches_nodes() {
        let nodes = Topology::example(Profile::Standard, 2, &FAMILIES).hosts;
        let asked: Vec<_> = questions(&nodes).iter().map(ToString::to_string).collect();
        assert_eq!(asked, ["source://10.4.1.1", "source://[fd00:4:1::1]"]);
        let own = Outcome::Resolved { micros: 0, addresses: vec!["192.0.2.1".parse().unwrap()] };
        let none = Outcome::Unreachable { reason: "network unreachable".into(), by: None };
        let client = actor(&[own, none.clone()]).expect("a client");
        assert_eq!((client.node.as_str(), client.addresses.len()), ("outside", 1));
        let reason = actor(&[none]).unwrap_err();
        assert_eq!(reason, "it has no way to the nodes: network unreachable");
    }
}

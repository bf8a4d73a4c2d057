//! Numbers of rules, and what they stand for.

use std::{collections::HashMap, sync::Arc};

use sha2::{Digest, Sha256};

use crate::{
    flows::{PolicyInfo, RuleInfo, RuleMatch},
    policy::{
        compile::{Cell, CellVerdict, Origin},
        rule::{Direction, Peers, Policy, PolicyRef, Ports, Rule},
    },
};

/// Names of rules by number. Numbers follow from the names, so they are the same on every node and after
/// a restart.
#[derive(Debug, Default)]
pub(super) struct RuleBook {
    names: HashMap<u32, Arc<RuleInfo>>,
}

impl RuleBook {
    /// Returns the number of what decided a cell; 0 if nothing did.
    pub(super) fn number(
        &mut self,
        cell: &Cell,
        direction: Direction,
        isolating: &[Arc<Policy>],
    ) -> u32 {
        let name = match &cell.origin {
            // Nobody's rule: what is not isolated is open, and so is everything to its own node.
            Origin::Default if cell.verdict == CellVerdict::Allow => return 0,
            Origin::Rule(rule) => RuleInfo {
                policies: vec![info(&rule.policy().reference)],
                path: rule.place.path.clone(),
                matched: matched(rule),
            },
            Origin::Default => RuleInfo {
                policies: isolating.iter().map(|policy| info(&policy.reference)).collect(),
                path: String::new(),
                matched: RuleMatch::None,
            },
        };
        if name.policies.is_empty() {
            return 0;
        }
        let digest = digest(&name, direction);
        let words = digest
            .chunks_exact(4)
            .map(|word| u32::from_be_bytes(word.try_into().expect("chunks are four bytes")));
        // Two names of one number would be told for each other: the second one takes its next word.
        for number in words.filter(|number| *number != 0) {
            match self.names.get(&number) {
                Some(known) if **known != name => {}
                Some(_) => return number,
                None => {
                    self.names.insert(number, Arc::new(name));
                    return number;
                }
            }
        }
        0
    }

    /// Returns what a number stands for.
    pub(super) fn name(&self, number: u32) -> Option<Arc<RuleInfo>> {
        self.names.get(&number).cloned()
    }

    /// Forgets all numbers but these.
    pub(super) fn retain(&mut self, used: impl Fn(u32) -> bool) {
        self.names.retain(|number, _| used(*number));
    }
}

fn matched(rule: &Rule) -> RuleMatch {
    let asks_peers = !matches!(rule.peers, Peers::Any);
    match (asks_peers, &rule.ports) {
        (true, Ports::All) => RuleMatch::L3Only,
        (true, Ports::Of(_)) => RuleMatch::L3L4,
        (false, Ports::Of(_)) => RuleMatch::L4Only,
        (false, Ports::All) => RuleMatch::All,
    }
}

fn info(policy: &PolicyRef) -> PolicyInfo {
    PolicyInfo {
        kind: policy.kind.name(),
        namespace: policy.namespace.clone().unwrap_or_default(),
        name: policy.name.clone(),
    }
}

/// Lengths go in front, so that no two names share their bytes.
fn digest(name: &RuleInfo, direction: Direction) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text);
    };
    add(direction.name());
    add(&name.path);
    for policy in &name.policies {
        add(policy.kind);
        add(&policy.namespace);
        add(&policy.name);
    }
    hash.finalize().into()
}

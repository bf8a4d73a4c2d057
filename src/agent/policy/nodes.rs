//! Identities of nodes.

use super::{
    Engine,
    state::{Phase, matcher},
    tables::report,
};
use crate::{
    agent::cluster::{NodeIdentities, NodeLabels},
    maps::MapStore,
    policy::rule::{Peer, Peers, Policy},
};

impl<M: MapStore> Engine<M> {
    /// Returns how policies tell other nodes apart, as far as that is known: as long as policies may be
    /// missing, one that asks for labels may be among them.
    pub(in crate::agent) fn node_labels(&self) -> Option<NodeLabels> {
        let state = self.state();
        if state.sources.policies().iter().any(|policy| tells_nodes_apart(policy)) {
            return Some(NodeLabels::ByLabels);
        }
        (state.phase == Phase::Synced).then_some(NodeLabels::Alike)
    }

    /// Takes in what identities of nodes mean now. Every policy can tell them when this returns, so
    /// addresses may have them then.
    pub(in crate::agent) fn learn_nodes(&self, nodes: &NodeIdentities) {
        let mut state = self.state();
        let state = &mut *state;
        let news = state.population.set_nodes(nodes);
        let matcher = matcher(&state.sources);
        for identity in &news.identities {
            state.tables.add(identity, &matcher).unwrap_or_else(|problem| report(&problem));
        }
        if state.tables.any_stale() {
            self.wake.notify_one();
        }
        if news.relabelled {
            self.judge_again();
        }
    }

    /// Forgets the identities of nodes but for these. No address may have any of the others.
    pub(in crate::agent) fn keep_nodes(&self, nodes: &NodeIdentities) {
        let mut state = self.state();
        let state = &mut *state;
        let gone = state.population.keep_nodes(nodes);
        for identity in &gone {
            state.tables.remove(*identity).unwrap_or_else(|problem| report(&problem));
        }
        if !gone.is_empty() {
            self.judge_again();
        }
    }
}

fn tells_nodes_apart(policy: &Policy) -> bool {
    let asks = |peers: &Peers| matches!(peers, Peers::Of(list) if list.iter().any(Peer::tells_nodes_apart));
    policy.rules.iter().any(|rule| asks(&rule.peers))
}

//! Identities of nodes.

use tracing::error;

use super::{Engine, state::matcher, tables::report};
use crate::{agent::cluster::NodeIdentities, maps::MapStore};

impl<M: MapStore> Engine<M> {
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
        if news.relabelled
            && let Err(error) = self.bump()
        {
            error!(error = &error as &dyn std::error::Error, "policy revision not raised");
        }
    }
}

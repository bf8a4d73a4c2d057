//! Building a matrix: what depends on rules and peers only is worked out once for all pairs.

use std::collections::HashMap;

use super::item::{Item, RuleOf, join};
use crate::policy::{
    cluster::Actor,
    judge::{Judge, Packet, Side},
    rule::{Direction, Policy, Rule},
};

type Rules<'r> = Vec<(&'r Policy, &'r Rule)>;

/// All ends, and what rules say of them.
#[derive(Debug)]
pub struct Matrix<'r> {
    judge: Judge<'r>,
    actors: &'r [Actor],
    /// For each actor, the rules for what it gets.
    ingress: Vec<Rules<'r>>,
    /// For each actor, the rules for what it sends.
    egress: Vec<Rules<'r>>,
    /// For each rule, by its address, which actors are its peers.
    peers: HashMap<*const Rule, Vec<bool>>,
}

impl<'r> Matrix<'r> {
    /// Prepares a matrix of these ends.
    pub fn new(judge: Judge<'r>, actors: &'r [Actor]) -> Self {
        let of = |direction| actors.iter().map(|actor| judge.rules_of(actor, direction)).collect();
        let rules = judge.policies.iter().flat_map(|policy| &policy.rules);
        let peers = rules
            .map(|rule| {
                let is = |actor| judge.peers.matches(rule, actor);
                (std::ptr::from_ref(rule), actors.iter().map(is).collect())
            })
            .collect();
        let (ingress, egress) = (of(Direction::Ingress), of(Direction::Egress));
        Self { judge, actors, ingress, egress, peers }
    }

    /// Calls `each` with every item: by pairs, then by packets. A pair with itself is left out.
    pub fn for_each<'m>(&'m self, packets: &[Packet], mut each: impl FnMut(Item<'m>)) {
        for from in 0..self.actors.len() {
            for to in (0..self.actors.len()).filter(|&to| to != from) {
                let sends = self.about(&self.egress[from], to);
                let gets = self.about(&self.ingress[to], from);
                for &packet in packets {
                    each(self.item((from, &sends), (to, &gets), packet));
                }
            }
        }
    }

    /// Tells for each packet whether it passes from one end to another, given by their positions.
    pub fn passes(
        &self,
        (from, to): (usize, usize),
        packets: &[Packet],
    ) -> impl Iterator<Item = bool> {
        let sends = self.about(&self.egress[from], to);
        let gets = self.about(&self.ingress[to], from);
        packets.iter().map(move |&packet| {
            let item = self.item((from, &sends), (to, &gets), packet);
            !item.verdict.is_denied()
        })
    }

    fn about(&self, rules: &Rules<'r>, peer: usize) -> Rules<'r> {
        let is_about = |rule: &Rule| self.peers[&std::ptr::from_ref(rule)][peer];
        rules.iter().copied().filter(|(_, rule)| is_about(rule)).collect()
    }

    fn item<'m>(
        &'m self,
        (from, sends): (usize, &Rules<'r>),
        (to, gets): (usize, &Rules<'r>),
        packet: Packet,
    ) -> Item<'m> {
        let (source, destination) = (&self.actors[from], &self.actors[to]);
        let egress = self.judge.judge(
            &Side {
                subject: source,
                peer: destination,
                direction: Direction::Egress,
                rules: &self.egress[from],
                about: sends,
            },
            packet,
        );
        let ingress = self.judge.judge(
            &Side {
                subject: destination,
                peer: source,
                direction: Direction::Ingress,
                rules: &self.ingress[to],
                about: gets,
            },
            packet,
        );
        Item {
            from: &source.name,
            to: &destination.name,
            protocol: packet.protocol.name().to_ascii_uppercase(),
            port: packet.port,
            egress: egress.verdict,
            ingress: ingress.verdict,
            verdict: join(egress.verdict, ingress.verdict),
            egress_rule: RuleOf::of(&egress),
            ingress_rule: RuleOf::of(&ingress),
        }
    }
}

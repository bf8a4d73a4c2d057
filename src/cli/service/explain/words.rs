//! What an agent says, in words.

use crate::{
    api::{BalanceVerdict, Explained, Fate, Hook, PolicyAnswer, PolicyVerdict, Sees, Topology},
    cli::output::{Cell, Tone},
};

/// What tables say is worth knowing even where the datapath does not do it yet.
pub(super) fn verdict(one: &Explained) -> Cell {
    let says = match one.verdict {
        BalanceVerdict::Balanced => "a backend takes it",
        BalanceVerdict::SourceRefused => "dropped: the client is in none of the source ranges",
        BalanceVerdict::NoBackend => "refused: there is no backend",
        BalanceVerdict::NoLocalBackend => "dropped: there is no backend on this node",
    };
    match &one.unbalanced {
        Some(reason) => Cell::toned(format!("{reason}; by the tables, {says}"), Tone::Bad),
        None if one.is_taken() => Cell::toned(says, Tone::Good),
        None if one.verdict == BalanceVerdict::Balanced => {
            Cell::toned("a backend gets it, but policies deny some", Tone::Bad)
        }
        None => Cell::toned(says, Tone::Bad),
    }
}

/// What policies say about an endpoint, and which.
pub(super) fn allowed(policy: Option<&PolicyAnswer>) -> Cell {
    let Some(PolicyAnswer { verdict, reason }) = policy else {
        return Cell::default();
    };
    let (word, tone) = match verdict {
        PolicyVerdict::Allowed => ("yes", Tone::Good),
        PolicyVerdict::Audited => ("yes, audited", Tone::Warn),
        PolicyVerdict::Denied => ("no", Tone::Bad),
    };
    let colon = if reason.is_empty() { "" } else { ": " };
    Cell::toned(format!("{word}{colon}{reason}"), tone)
}

pub(super) const fn sees(sees: Sees) -> &'static str {
    match sees {
        Sees::Client => "client",
        Sees::Node => "node",
        Sees::Itself => "service",
    }
}

pub(super) const fn hook(hook: Hook) -> &'static str {
    match hook {
        Hook::Connect => "connect",
        Hook::Packet => "packet",
    }
}

pub(super) const fn topology(topology: Topology) -> &'static str {
    match topology {
        Topology::SameNode => "those meant for the node",
        Topology::SameZone => "those meant for the zone",
        Topology::LocalPolicy => "those on the node: policy Local",
        Topology::NobodyReady => "all: nobody is ready",
        Topology::IncompleteHints => "all: not all have hints",
        Topology::NoZone => "all: the node is in no zone",
        Topology::NobodyMeant => "all: nobody is meant for the zone",
    }
}

pub(super) const fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Chosen => "ready",
        Fate::LastResort => "about to end, but nobody is ready",
        Fate::Draining => "about to end: keeps what it has",
        Fate::NotReady => "not ready",
        Fate::NotLocal => "on another node, and the policy is Local",
        Fate::OtherNode => "meant for other nodes",
        Fate::OtherZone => "meant for other zones",
    }
}

//! Working out an explanation. It decides by the same rules as the tables, for any place.

use super::answer::{Client, Endpoint, Explanation, NoFrontend, Verdict};
use crate::{
    model::everywhere,
    service::{
        Frontend, FrontendKey, FrontendKind, Scope, Services, Vip, WhenEmpty,
        build::{Likeness, behind},
        choose::{Candidate, Fate, Pool, choose},
    },
};

/// Says who may take a client's connection and why others may not.
///
/// A client in the cluster may be on any node: its own node decides, by its place. Packets from outside
/// are decided about by the node where they arrive, which is this one.
///
/// # Errors
/// When nothing answers the client at that address and port.
pub fn explain(services: &Services, vip: Vip, client: &Client) -> Result<Explanation, NoFrontend> {
    let mut key = FrontendKey { vip: seen(services, vip, client), scope: client.scope() };
    let vip = key.vip;
    if services.frontend(&key).is_some_and(|frontend| frontend.is_passed_by(client.address())) {
        key.scope = Scope::Behind;
    }
    let holder = services.holder(&key).ok_or(NoFrontend::Unknown(vip))?;
    let frontend = holder.frontend(&key).ok_or_else(|| no_frontend(services, vip))?;
    let found = holder.service.as_ref().zip(holder.wants.iter().find(|want| want.vip == vip));
    let (service, want) = found.ok_or(NoFrontend::Unknown(vip))?;
    let place = match client {
        // What is redirected here is not redirected elsewhere.
        Client::Inside { place, .. } if frontend.kind != FrontendKind::LocalRedirect => place,
        Client::Inside { .. } | Client::Outside { .. } => &services.site().place,
    };
    let refuse = |address| services.context.refuse(service, &holder.wants, address);
    let pool = Pool::new(&holder.slices, refuse, &mut Vec::new());
    let candidates = behind(service, &pool, Likeness::of(want, frontend.policy));
    let choice = choose(&candidates, frontend.policy, place);
    Ok(Explanation {
        key,
        id: frontend.id,
        service: frontend.service.clone(),
        kind: frontend.kind,
        verdict: verdict(frontend, client, &choice.fates, choice.when_empty),
        policy: frontend.policy,
        topology: choice.topology,
        distribution: service.distribution,
        affinity: frontend.affinity,
        endpoints: candidates.iter().zip(choice.fates).map(endpoint).collect(),
        findings: holder.findings.clone(),
    })
}

/// Returns under what a client's frontend is kept: who is inside finds node ports at all nodes.
fn seen(services: &Services, vip: Vip, client: &Client) -> Vip {
    let key = FrontendKey { vip, scope: client.scope() };
    let inside = key.scope == Scope::Internal && services.site().is_node(vip.address);
    if !inside || services.frontend(&key).is_some() {
        return vip;
    }
    Vip { address: everywhere(vip.address), ..vip }
}

fn endpoint((one, fate): (&Candidate<'_>, Fate)) -> Endpoint {
    let node = one.endpoint.node.clone();
    let zone = one.endpoint.zone.clone();
    Endpoint { address: one.address(), port: one.port, node, zone, fate }
}

/// Says what becomes of a connection. Source ranges come first, as the programs ask for them first.
fn verdict(frontend: &Frontend, client: &Client, fates: &[Fate], when_empty: WhenEmpty) -> Verdict {
    if !frontend.admits(client.address()) {
        return Verdict::SourceRefused;
    }
    if fates.iter().any(|fate| fate.is_candidate()) {
        return Verdict::Balanced;
    }
    match when_empty {
        WhenEmpty::Reject => Verdict::NoBackend,
        WhenEmpty::Drop => Verdict::NoLocalBackend,
    }
}

fn no_frontend(services: &Services, vip: Vip) -> NoFrontend {
    match services.frontend(&FrontendKey { vip, scope: Scope::Internal }) {
        Some(inside) => NoFrontend::NotExposed { vip, service: inside.service.clone() },
        None => NoFrontend::Unknown(vip),
    }
}

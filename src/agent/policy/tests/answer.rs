//! What people are told of one connection.

use super::*;
use crate::{
    api::{PolicyAnswer, PolicyVerdict},
    policy::{judge::Packet, rule::Protocol},
};

fn end(identity: u32, address: &str) -> End {
    End { identity: Identity(identity), address: Some(address.parse().expect("an address")) }
}

fn told(rig: &Rig, from: End, to: End, port: u16) -> Option<(PolicyVerdict, String)> {
    let packet = Packet { protocol: Protocol::Tcp, port };
    let PolicyAnswer { verdict, reason } = rig.engine.answer(from, to, packet)?;
    Some((verdict, reason))
}

#[test]
fn the_end_that_decides_is_told_and_the_policies() {
    let rig = Rig::new();
    rig.engine.set_synced();
    let all = [(301, "api"), (302, "web"), (303, "cron")];
    let all = all.into_iter().map(|(number, app)| identity(number, app)).collect();
    rig.engine.identities_changed(all, &[]);
    rig.engine.settle();
    let (api, web, cron) = (end(301, "10.0.0.1"), end(302, "10.0.0.2"), end(303, "10.0.0.3"));
    let allowed = |reason: &str| Some((PolicyVerdict::Allowed, reason.to_owned()));
    let denied = |reason: &str| Some((PolicyVerdict::Denied, reason.to_owned()));
    assert_eq!(told(&rig, web, api, 80), allowed(""), "no policy isolates anybody");
    rig.apply(allows("a", "api", "web"));
    let rule = "ingress: NetworkPolicy shop/a spec.ingress[0]";
    let isolated = "ingress: isolated by NetworkPolicy shop/a";
    assert_eq!(told(&rig, web, api, 80), allowed(rule));
    assert_eq!(told(&rig, web, api, 81), denied(isolated));
    assert_eq!(told(&rig, cron, api, 80), denied(isolated));
    assert_eq!(told(&rig, api, web, 80), allowed(""));
    assert_eq!(told(&rig, end(999, "10.0.0.9"), api, 80), None, "nobody knows who that is");
}

#[test]
fn rules_about_prefixes_look_at_the_address_that_is_seen() {
    let rig = Rig::new();
    rig.engine.set_synced();
    rig.engine.identities_changed(vec![identity(301, "api")], &[]);
    let mut policy = allows("a", "api", "web");
    policy["spec"]["ingress"][0]["from"] = json!([{ "ipBlock": { "cidr": "203.0.113.0/24" } }]);
    rig.apply(policy);
    let (api, outside) = (end(301, "10.0.0.1"), end(9, "203.0.113.7"));
    let verdict = |from| told(&rig, from, api, 80).expect("both are known").0;
    assert_eq!(verdict(outside), PolicyVerdict::Allowed);
    assert_eq!(verdict(End { address: None, ..outside }), PolicyVerdict::Denied, "another node");
}
